//! Small words about people and moments.

use doorward_model::time::{Lifetime, Timestamp};

/// The letter that stands for a name.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// One or two letters that stand for a person.
pub(crate) fn initials(name: Option<&str>, email: &str) -> String {
    let words = name.unwrap_or_else(|| email.split('@').next().unwrap_or(email));
    let mut parts = words.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    match (parts.next(), parts.next_back()) {
        (None, _) => "?".to_owned(),
        (Some(first), None) => initial(first),
        (Some(first), Some(last)) => initial(first) + &initial(last),
    }
}

/// A moment as people write it, in UTC: `2026-10-05 14:02:11 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_rfc3339().replace('T', " ").replace('Z', " UTC")
}

/// How much is left, in its two largest units.
pub(crate) fn time_left(left: Lifetime) -> String {
    let seconds = left.secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, 0) => "expired".to_owned(),
        (0, 0, 0, seconds) => format!("{seconds} s left"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s left"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min left"),
        (days, hours, ..) => format!("{days} d {hours} h left"),
    }
}
