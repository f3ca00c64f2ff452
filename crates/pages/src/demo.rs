//! The demonstration application: shows who it thinks its visitor is, and how it knows.

use askama::Template;
use doorward_model::time::Timestamp;

use crate::text::{initials, moment, time_left};

/// A value longer than this is folded, and shows its first [`START`] characters.
const FOLDED: usize = 160;
const START: usize = 24;

/// The page that somebody sees who has just started Doorward.
#[derive(Clone, Debug, Template)]
#[template(path = "demo.html")]
pub struct Demo<'a> {
    /// The application's name.
    pub app: &'a str,
    /// Where it lives, with the port: `app.localhost:8787`.
    pub host: &'a str,
    /// Where the emulator takes orders from the command line: `http://127.0.0.1:8788`.
    pub admin: &'a str,
    pub caller: Caller<'a>,
    /// The verified token, where the request carried one.
    pub token: Option<Token>,
    pub now: Timestamp,
    /// The request as the application received it, in the order received.
    pub headers: Vec<Shown>,
    /// A command that repeats this request from a terminal.
    pub curl: Option<String>,
    pub actions: Actions,
    /// What the last click did, in a sentence.
    pub done: Option<&'a str>,
}

/// Who the request speaks for.
#[derive(Clone, Debug)]
pub enum Caller<'a> {
    Person {
        name: Option<&'a str>,
        email: &'a str,
        provider: Option<&'a str>,
        groups: Vec<&'a str>,
    },
    /// A machine, by the `common_name` of its token.
    Service {
        common_name: &'a str,
    },
    Nobody,
}

/// A token whose signature has been checked.
#[derive(Clone, Debug)]
pub struct Token {
    pub issued: Timestamp,
    pub expires: Timestamp,
    /// Where its key is published.
    pub certs_url: String,
    /// The `kid` of that key.
    pub kid: String,
    /// Every claim with its value; what is not text is shown as JSON.
    pub claims: Vec<Shown>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Shown {
    pub name: String,
    pub value: String,
}

impl Shown {
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Where the buttons lead. One that is not given is not shown.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// A link.
    pub sign_in: Option<String>,
    /// A link.
    pub sign_out: Option<String>,
    /// A link.
    pub become_other: Option<String>,
    /// Receives an empty POST.
    pub expire_session: Option<String>,
    /// Receives an empty POST.
    pub rotate_keys: Option<String>,
}

impl Demo<'_> {
    fn initials(&self) -> String {
        match self.caller {
            Caller::Person { name, email, .. } => initials(name, email),
            Caller::Service { .. } | Caller::Nobody => String::new(),
        }
    }

    /// The host without its port, as the command line takes it.
    fn hostname(&self) -> &str {
        self.host.rsplit_once(':').map_or(self.host, |(name, _)| name)
    }

    /// An e-mail to put into an example.
    fn somebody(&self) -> &str {
        match self.caller {
            Caller::Person { email, .. } => email,
            Caller::Service { .. } | Caller::Nobody => "alice@example.com",
        }
    }
}

impl Actions {
    fn has_links(&self) -> bool {
        self.sign_in.is_some() || self.sign_out.is_some() || self.become_other.is_some()
    }

    fn has_forms(&self) -> bool {
        self.expire_session.is_some() || self.rotate_keys.is_some()
    }
}

impl Token {
    fn issued_at(&self) -> String {
        moment(self.issued)
    }

    fn expires_at(&self) -> String {
        moment(self.expires)
    }

    fn lifetime(&self) -> i64 {
        self.expires.since(self.issued).secs()
    }

    fn age(&self, now: Timestamp) -> i64 {
        now.since(self.issued).secs().min(self.lifetime())
    }

    fn seconds_left(&self, now: Timestamp) -> i64 {
        self.expires.since(now).secs()
    }

    fn time_left(&self, now: Timestamp) -> String {
        time_left(self.expires.since(now))
    }

    /// Enough of the key's 64 hex digits to tell it from the next.
    fn short_kid(&self) -> &str {
        self.kid.get(..8).unwrap_or(&self.kid)
    }
}

impl Shown {
    /// The first characters of a value that is too long to be shown whole.
    fn start(&self) -> Option<&str> {
        let (end, _) = self.value.char_indices().nth(START)?;
        (self.length() > FOLDED).then(|| &self.value[..end])
    }

    fn length(&self) -> usize {
        self.value.chars().count()
    }

    /// A claim that is a time, for people.
    fn as_moment(&self) -> Option<String> {
        let known = matches!(self.name.as_str(), "exp" | "iat" | "nbf" | "auth_time");
        let seconds = self.value.parse().ok().filter(|_| known)?;
        Some(moment(Timestamp::from_secs(seconds)))
    }

    fn claim_meaning(&self) -> Option<&'static str> {
        Some(match self.name.as_str() {
            "aud" => "which application it is for",
            "email" => "who signed in",
            "exp" => "not valid after",
            "iat" => "when it was issued",
            "nbf" => "not valid before",
            "iss" => "who issued it: your team",
            "type" => "what it opens: one application",
            "sub" => "the person, by a lasting id",
            "identity_nonce" => "the sign-in behind it",
            "country" => "where the sign-in came from",
            "custom" => "what the identity provider added",
            "common_name" => "the service token’s Client ID",
            _ => return None,
        })
    }

    fn header_meaning(&self) -> Option<&'static str> {
        Some(match self.name.to_ascii_lowercase().as_str() {
            "cf-access-jwt-assertion" => "the token: verify this one",
            "cf-access-authenticated-user-email" => "handy, but it proves nothing by itself",
            "cf-connecting-ip" | "x-real-ip" => "the visitor’s address",
            "cf-ray" => "names this request in the log",
            _ => return None,
        })
    }
}
