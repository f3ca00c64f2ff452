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
        (0, 0, 0, 0) => "Expired".to_owned(),
        (0, 0, 0, seconds) => format!("{seconds} s left"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s left"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min left"),
        (days, hours, ..) => format!("{days} d {hours} h left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_by_the_first_letters_of_their_first_and_last_name() {
        for (name, email, expected) in [
            (Some("Alice Adams"), "a@example.com", "AA"),
            (Some("carol maria díaz"), "c@example.com", "CD"),
            (Some("Éowyn"), "e@example.com", "É"),
            (None, "bob.brown@example.com", "BB"),
            (None, "robot@example.com", "R"),
            (Some("---"), "x@example.com", "?"),
            (Some(""), "", "?"),
        ] {
            assert_eq!(initials(name, email), expected, "{name:?} {email}");
        }
    }

    #[test]
    fn the_time_left_is_told_in_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "Expired"),
            (59, "59 s left"),
            (60, "1 min 0 s left"),
            (3599, "59 min 59 s left"),
            (86_399, "23 h 59 min left"),
            (90_000, "1 d 1 h left"),
        ] {
            assert_eq!(time_left(Lifetime::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_moment_is_written_in_utc_for_people() {
        assert_eq!(moment(Timestamp::from_secs(0)), "1970-01-01 00:00:00 UTC");
    }
}
