//! What is told of one request, on its own: it keeps nothing of the request
//! alive, and is no longer than its bounds allow.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_model::app::App;
use doorward_model::id::RayId;
use doorward_model::service_token::ServiceToken;
use doorward_model::time::Timestamp;
use doorward_policy::{Grant, Permit};
use http::header::{HOST, HeaderMap, HeaderValue, REFERER, USER_AGENT};
use http::{Method, Request, Uri, Version};

use crate::caller::{Caller, Person};
use crate::metrics::Reason;
use crate::trace::TraceId;

/// One finished request.
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    pub(crate) ray: RayId,
    pub(crate) client: IpAddr,
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) aborted: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
    /// To the head of the origin's answer.
    pub(crate) origin: Option<Duration>,
    pub(crate) app: Option<Arc<App>>,
    pub(crate) outcome: Outcome,
    pub(crate) who: Who,
    pub(crate) trace: Option<TraceId>,
    pub(crate) words: Words,
}

impl Entry {
    pub(crate) fn app(&self) -> Option<&str> {
        self.app.as_ref().map(|app| app.name.as_str())
    }
}

/// What became of a request.
pub(crate) enum Outcome {
    /// It cannot be said what it was for.
    Unreadable,
    /// No application covers its address.
    Unmatched,
    /// Doorward itself answered: sign-in, sign-out, keys. Also for requests
    /// whose client left before they were decided.
    Own,
    Admitted(Permit),
    /// With the name of the policy that said so, if one did.
    Refused(Reason, Option<String>),
}

impl Outcome {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Unmatched => "unmatched",
            Self::Own => "own",
            Self::Admitted(permit) => match permit.grant() {
                Grant::Bypass => "bypassed",
                Grant::Identity | Grant::Linked | Grant::Service(_) | Grant::Certificate => "admitted",
            },
            Self::Refused(..) => "refused",
        }
    }

    pub(crate) const fn reason(&self) -> Option<&'static str> {
        if let Self::Refused(reason, _) = self { Some(reason.as_str()) } else { None }
    }

    pub(crate) fn policy(&self) -> Option<&str> {
        match self {
            Self::Admitted(permit) => Some(permit.policy()).filter(|name| !name.is_empty()),
            Self::Refused(_, policy) => policy.as_deref(),
            Self::Unreadable | Self::Unmatched | Self::Own => None,
        }
    }
}

/// Who called, as far as it was proven.
pub(crate) enum Who {
    Nobody,
    Person(Arc<Person>),
    Machine(Arc<ServiceToken>),
}

impl Who {
    pub(crate) fn email(&self) -> Option<&str> {
        if let Self::Person(person) = self { Some(person.identity.email.as_str()) } else { None }
    }

    pub(crate) fn service_token(&self) -> Option<&str> {
        if let Self::Machine(token) = self { Some(&token.name) } else { None }
    }
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        match caller {
            Caller::Person { person, .. } | Caller::Linked(person) => Self::Person(Arc::clone(person)),
            Caller::Machine(machine) => Self::Machine(Arc::clone(&machine.token)),
            Caller::Nobody | Caller::BadServiceToken | Caller::Conflict | Caller::Unavailable => Self::Nobody,
        }
    }
}

/// What the client said that is worth a word, as it stands in the request:
/// shared with it and not copied while it lasts.
pub(crate) struct Asked {
    method: Method,
    pub(crate) version: Version,
    uri: Uri,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let headers: &HeaderMap = request.headers();
        Self {
            method: request.method().clone(),
            version: request.version(),
            uri: request.uri().clone(),
            host: headers.get(HOST).cloned(),
            referer: headers.get(REFERER).cloned(),
            agent: headers.get(USER_AGENT).cloned(),
        }
    }

    /// A copy within bounds. Queries are left out, of the address and of the
    /// page before it: codes and tokens travel in them (S-01).
    pub(crate) fn words(&self) -> Words {
        let host = self.host.as_ref().map(HeaderValue::as_bytes);
        let host = host.or_else(|| self.uri.authority().map(|authority| authority.as_str().as_bytes()));
        let referer = self.referer.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
        let referer = referer.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        Words::new([
            self.method.as_str().as_bytes(),
            host.unwrap_or_default(),
            self.uri.path().as_bytes(),
            referer,
            self.agent.as_ref().map(HeaderValue::as_bytes).unwrap_or_default(),
        ])
    }
}

/// The longest method, host, path, referer and user agent that is told whole.
const BOUNDS: [usize; 5] = [32, 255, 2048, 1024, 512];

/// Five texts of a stranger's, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Words {
    text: Box<[u8]>,
    ends: [u16; 5],
}

impl Words {
    fn new(words: [&[u8]; 5]) -> Self {
        let cut = |(word, bound): (&[u8], usize)| word.len().min(bound);
        let mut text = Vec::with_capacity(words.into_iter().zip(BOUNDS).map(cut).sum());
        let mut ends = [0; 5];
        for ((word, bound), end) in words.into_iter().zip(BOUNDS).zip(&mut ends) {
            text.extend_from_slice(&word[..word.len().min(bound)]);
            *end = u16::try_from(text.len()).unwrap_or(u16::MAX);
        }
        Self { text: text.into_boxed_slice(), ends }
    }

    pub(crate) fn method(&self) -> &[u8] {
        self.word(0)
    }

    pub(crate) fn host(&self) -> &[u8] {
        self.word(1)
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.word(2)
    }

    pub(crate) fn referer(&self) -> &[u8] {
        self.word(3)
    }

    pub(crate) fn agent(&self) -> &[u8] {
        self.word(4)
    }

    fn word(&self, place: usize) -> &[u8] {
        let begin = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.text[usize::from(begin)..usize::from(self.ends[place])]
    }
}
