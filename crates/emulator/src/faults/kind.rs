//! The faults there are: their names, what each does, and what a correct
//! application does about it.

use super::{Defect, Profile};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Traffic(Traffic),
    Jwks(Profile),
    Token(Defect),
}

/// What happens to a request as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    Latency,
    Error,
    Reset,
}

/// A fault as it is listed.
pub(crate) struct Listed {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) a_correct_app: &'static str,
}

const fn listed(kind: Kind, name: &'static str, what: &'static str, a_correct_app: &'static str) -> Listed {
    Listed { kind, name, what, a_correct_app }
}

/// Every fault there is.
pub(crate) const ALL: &[Listed] = &[
    listed(
        Kind::Traffic(Traffic::Latency),
        "latency",
        "holds a request back for `delay`",
        "has a time limit for every request it makes, and shows that it is waiting",
    ),
    listed(
        Kind::Traffic(Traffic::Error),
        "error",
        "answers with `status`, 503 unless it is said",
        "shows an error and tries what is safe to repeat again, later each time",
    ),
    listed(
        Kind::Traffic(Traffic::Reset),
        "reset",
        "ends the connection without an answer",
        "treats it as not answered: repeats what is safe to repeat, and nothing else",
    ),
    listed(
        Kind::Jwks(Profile::Empty),
        "jwks-empty",
        "publishes no keys",
        "keeps the keys it knows, accepts nothing that those do not verify, and asks again later",
    ),
    listed(
        Kind::Jwks(Profile::Malformed),
        "jwks-malformed",
        "publishes a document that is cut off in its middle",
        "keeps the keys it knows, and answers what it cannot verify with an error instead of a crash",
    ),
    listed(
        Kind::Jwks(Profile::Failing),
        "jwks-500",
        "answers 500 where the keys are published",
        "keeps the keys it knows until the endpoint is back, and lets nobody in whom it cannot verify",
    ),
    listed(
        Kind::Jwks(Profile::Slow),
        "jwks-slow",
        "publishes the keys after `delay`, 15 s unless it is said",
        "gives up after a few seconds, refuses the request, and does not let requests pile up behind the fetch",
    ),
    listed(
        Kind::Jwks(Profile::NoAlg),
        "jwks-no-alg",
        "leaves `alg` out of each key",
        "goes by the algorithm it expects, RS256, and never by the one a token names",
    ),
    listed(
        Kind::Jwks(Profile::EncUse),
        "jwks-enc-use",
        "says of each key that it is for encryption (`\"use\": \"enc\"`)",
        "verifies nothing with keys that are for something else",
    ),
    listed(
        Kind::Jwks(Profile::DuplicateKid),
        "jwks-duplicate-kid",
        "publishes a stranger's key under the name of the one that signs, before it",
        "tries each key of that name, or refuses; the first one alone would lock everybody out",
    ),
    listed(
        Kind::Jwks(Profile::Rotating),
        "jwks-rotating",
        "publishes another set each time: only a stranger's key, then the right ones",
        "fetches again when it meets an unknown `kid`, with a pause between fetches, and keeps what it knew",
    ),
    listed(Kind::Token(Defect::Expired), "token-expired", "the origin's token ended an hour ago", "answers 401 or 403"),
    listed(
        Kind::Token(Defect::NotYetValid),
        "token-not-yet-valid",
        "the origin's token begins in an hour",
        "answers 401 or 403; a minute of tolerance for clocks is usual, an hour is not",
    ),
    listed(
        Kind::Token(Defect::WrongAud),
        "token-wrong-aud",
        "the origin's token is for another application",
        "compares `aud` with its own tag and answers 401 or 403",
    ),
    listed(
        Kind::Token(Defect::WrongIss),
        "token-wrong-iss",
        "the origin's token says that another team issued it",
        "compares `iss` with its own team and answers 401 or 403",
    ),
    listed(
        Kind::Token(Defect::AlgNone),
        "token-alg-none",
        "the origin's token has no signature and says so (`\"alg\": \"none\"`)",
        "accepts RS256 alone, whatever the token says of itself",
    ),
    listed(
        Kind::Token(Defect::Hs256),
        "token-hs256",
        "the origin's token is signed with HMAC, the public key's PEM being the secret",
        "accepts RS256 alone, and never takes a public key for a secret",
    ),
    listed(
        Kind::Token(Defect::Tampered),
        "token-tampered",
        "the origin's token names somebody else under a signature made for other claims",
        "verifies the signature before it believes a claim",
    ),
    listed(
        Kind::Token(Defect::UnknownKid),
        "token-unknown-kid",
        "the origin's token is signed by a key that is not published",
        "fetches the keys once more, finds none of that name, and answers 401 or 403",
    ),
    listed(
        Kind::Token(Defect::Missing),
        "token-missing",
        "the origin gets no token",
        "answers 401 or 403: what comes without a token did not come through Access",
    ),
];

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|listed| listed.name == name).map(|listed| listed.kind)
    }

    pub(crate) fn name(self) -> &'static str {
        ALL.iter().find(|listed| listed.kind == self).map_or("", |listed| listed.name)
    }

    pub(crate) const fn has_delay(self) -> bool {
        matches!(self, Self::Traffic(Traffic::Latency) | Self::Jwks(Profile::Slow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        for (index, listed) in ALL.iter().enumerate() {
            assert_eq!(Kind::named(listed.name), Some(listed.kind));
            assert!(ALL[..index].iter().all(|other| other.name != listed.name && other.kind != listed.kind));
        }
    }
}
