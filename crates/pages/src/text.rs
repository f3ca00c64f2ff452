//! Small words about people and moments.

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
