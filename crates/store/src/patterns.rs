//! Texts as `LIKE … ESCAPE '!'` looks for them.

/// What holds this text. Both databases read it alike, case aside.
pub(crate) fn containing(text: &str) -> String {
    let escaped = text.chars().flat_map(|c| matches!(c, '!' | '%' | '_').then_some('!').into_iter().chain([c]));
    format!("%{}%", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_pattern_means_itself() {
        assert_eq!(containing("a_b%c!"), "%a!_b!%c!!%");
        assert_eq!(containing(""), "%%");
    }
}
