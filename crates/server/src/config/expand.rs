//! `${NAME}` in the strings of a configuration file: replaced from the
//! environment, so that secrets need not be written down.

/// Where the values come from: the process's environment, or a test's table.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The text with every `${NAME}` replaced, or what is wrong with it.
/// `$${` stands for a literal `${`; a `$` elsewhere is only a dollar sign.
pub(super) fn expand(text: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    let mut out = String::with_capacity(text.len());
    let mut wrong = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some((name, after)) = rest[at + 2..].split_once('}') else {
            wrong.push("a ${ is never closed; write ${NAME}, or $${ for the characters themselves".to_owned());
            return Err(wrong);
        };
        match environment(name) {
            Some(value) => out.push_str(&value),
            None => {
                wrong.push(format!("the environment variable {name} is not set; set it, or write the value here"));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

/// Text that comes out of [`expand`] as it went in.
pub(crate) fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "WHO").then(|| "alice".to_owned())
    }

    #[test]
    fn variables_are_replaced_and_escapes_are_not() {
        for (written, read) in [
            ("hello ${WHO}!", "hello alice!"),
            ("${WHO}${WHO}", "alicealice"),
            ("$${WHO}", "${WHO}"),
            ("5 $ and $$", "5 $ and $$"),
            ("", ""),
        ] {
            assert_eq!(expand(written, &environment).unwrap(), read, "{written}");
        }
    }

    #[test]
    fn every_missing_variable_is_named() {
        let wrong = expand("${NOBODY}:${WHO}:${NOTHING}", &environment).unwrap_err();
        assert!(wrong[0].contains("NOBODY") && wrong[1].contains("NOTHING"), "{wrong:?}");
        assert!(expand("${WHO", &environment).is_err());
    }

    #[test]
    fn escaped_text_survives_expansion() {
        assert_eq!(expand(&escaped("a${WHO}b"), &environment).unwrap(), "a${WHO}b");
    }
}
