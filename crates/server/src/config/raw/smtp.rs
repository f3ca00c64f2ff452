//! `[smtp]`: the server that takes mail, and in whose name it is sent.

use std::net::IpAddr;

use doorward_mail::{Encryption, Settings, check_sender};

use super::super::document::Table;
use super::secret;

pub(super) fn read(table: Table<'_>) -> Option<Settings> {
    let findings = table.findings();
    let host = table.needed_as("host", host);
    let port = table.number("port").map(|at| at.value);
    let encryption = table.read("encryption", encryption);
    let (username, password) = (table.text("username"), table.read("password", secret));
    let from = table.needed_as("from", |text| {
        check_sender(text).map_err(|error| error.to_string())?;
        Ok::<_, String>(text.to_owned())
    });
    let credentials = match (username, password) {
        (Some(name), Some(password)) => Some((name.value, password.value)),
        (Some(alone), None) if !table.has("password") => {
            findings.error(alone.line, "username needs a password; add password = \"${SMTP_PASSWORD}\"");
            None
        }
        (None, Some(alone)) => {
            findings.error(alone.line, "password needs a username; add it");
            None
        }
        _ => None,
    };
    let in_the_clear = encryption.as_ref().filter(|at| at.value == Encryption::None);
    if let (Some(clear), Some(host)) = (in_the_clear, &host)
        && !is_here(&host.value)
    {
        let text = "mail, and the links in it, would cross the network for everybody to read; \
                    write \"starttls\" or \"tls\"";
        match credentials {
            Some(_) => findings.error(clear.line, format!("{text}, as the password would, too")),
            None => findings.warning(clear.line, text),
        }
    }
    table.close();
    Some(Settings {
        host: host?.value,
        port,
        encryption: encryption.map(|at| at.value).unwrap_or_default(),
        credentials,
        from: from?.value,
    })
}

fn host(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
    match text.bytes().all(plain) && (!text.contains(':') || text.parse::<IpAddr>().is_ok()) {
        true => Ok(text.to_owned()),
        false => {
            Err(format!("\"{text}\" is not the name of a mail server; write it like smtp.example.com, without a port"))
        }
    }
}

fn encryption(text: &str) -> Result<Encryption, String> {
    match text {
        "starttls" => Ok(Encryption::StartTls),
        "tls" => Ok(Encryption::Tls),
        "none" => Ok(Encryption::None),
        _ => Err(format!(
            "\"{text}\" is none of starttls, tls, none{}",
            super::super::problem::suggestion(text, ["starttls", "tls", "none"])
        )),
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn read(lines: &str) -> Result<Option<Settings>, String> {
        let text = format!("mode = \"emulator\"\n[[user]]\nemail = \"a@b.test\"\n[smtp]\n{lines}");
        let environment = |name: &str| (name == "SMTP_PASSWORD").then(|| "hunter2".to_owned());
        parse(&text, "f.toml", &environment).map(|config| config.smtp).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_server_is_read_with_its_password_from_the_environment() {
        let lines = "host = \"smtp.corp.test\"\nusername = \"doorward\"\npassword = \"${SMTP_PASSWORD}\"\n\
                     from = \"Doorward <noreply@corp.test>\"";
        let settings = read(lines).unwrap().unwrap();
        assert_eq!((settings.encryption, settings.port), (Encryption::StartTls, None));
        assert_eq!(
            settings.credentials.map(|(name, password)| (name, password.expose().to_owned())),
            Some(("doorward".to_owned(), "hunter2".to_owned()))
        );
    }

    #[test]
    fn what_cannot_send_mail_is_refused_with_the_mend() {
        for (lines, wanted) in [
            ("from = \"a@b.test\"", "f.toml:4: [smtp] has no host; add it"),
            ("host = \"smtp.corp.test:25\"\nfrom = \"a@b.test\"", "f.toml:5: host: \"smtp.corp.test:25\" is not"),
            ("host = \"s\"\nfrom = \"nobody\"", "f.toml:6: from: \"nobody\" is no sender; write an address"),
            ("host = \"s\"\nfrom = \"a@b.test\"\nencryption = \"ssl\"", "f.toml:7: encryption: \"ssl\" is none of"),
            ("host = \"s\"\nfrom = \"a@b.test\"\nusername = \"u\"", "f.toml:7: username needs a password"),
            ("host = \"s\"\nfrom = \"a@b.test\"\npassword = \"p\"", "f.toml:7: password needs a username"),
            (
                "host = \"s\"\nfrom = \"a@b.test\"\nencryption = \"none\"\nusername = \"u\"\npassword = \"p\"",
                "f.toml:7: mail, and the links in it, would cross the network",
            ),
            ("host = \"s\"\nfrom = \"a@b.test\"\nuser = \"u\"", "f.toml:7: [smtp] has no key \"user\""),
        ] {
            let told = read(lines).unwrap_err();
            assert!(told.contains(wanted), "{lines}: {told}");
        }
        read("host = \"localhost\"\nencryption = \"none\"\nfrom = \"a@b.test\"").unwrap();
    }
}
