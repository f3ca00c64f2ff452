//! A command that repeats a visit from a terminal, with a token made for it:
//! the one at hand stays out of shell histories.

/// `admin` is where the emulator is asked for the token; `subject` is `--user`
/// or `--service-token` of `doorward token`, with its value.
pub(super) fn command(url: &str, host: &str, admin: &str, subject: (&str, &str)) -> String {
    let (option, value) = subject;
    format!(
        "curl -H \"cf-access-token: $(doorward token --admin {} --app {} {option} {})\" -H 'Accept: application/json' {}",
        quoted(admin),
        quoted(host),
        quoted(value),
        quoted(url),
    )
}

/// One word of a shell, whatever is in it. Inside `"$(…)"` quotes start anew.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_break_out_of_its_word() {
        assert_eq!(quoted("alice@example.com"), "alice@example.com");
        assert_eq!(quoted("o'brien$(id)@example.com"), r"'o'\''brien$(id)@example.com'");
    }
}
