//! What is tried, and what it means when it gets in.

/// One thing to try.
pub(super) struct Attack {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) how: How,
    pub(super) mend: &'static str,
    pub(super) grave: bool,
}

/// What the request carries.
pub(super) enum How {
    Nothing,
    Field(&'static str, &'static str),
    /// A token with this defect, where good ones are read.
    Defect(&'static str),
    /// A good token, where none belongs.
    Bearer,
    Query,
}

/// Where a token belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Header,
    Cookie,
}

impl Carrier {
    pub(super) fn field(self, token: &str) -> (&'static str, String) {
        match self {
            Self::Header => ("cf-access-jwt-assertion", token.to_owned()),
            Self::Cookie => ("cookie", format!("CF_Authorization={token}")),
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "Cf-Access-Jwt-Assertion",
            Self::Cookie => "CF_Authorization",
        }
    }
}

const fn grave(id: &'static str, what: &'static str, how: How, mend: &'static str) -> Attack {
    Attack { id, what, how, mend, grave: true }
}

pub(super) const ATTACKS: &[Attack] = &[
    grave(
        "no-token",
        "no token at all",
        How::Nothing,
        "refuse what comes without a token: it did not come through Access",
    ),
    grave(
        "spoofed-email",
        "Cf-Access-Authenticated-User-Email without a token",
        How::Field("cf-access-authenticated-user-email", "somebody.else@example.com"),
        "take the caller from the verified token; anybody can write this header",
    ),
    grave(
        "alg-none",
        "a token without a signature (alg none)",
        How::Defect("token-alg-none"),
        "accept RS256 alone, whatever the token says of itself",
    ),
    grave(
        "hs256",
        "a token signed with HMAC, the public key being the secret",
        How::Defect("token-hs256"),
        "accept RS256 alone, and never take a public key for a secret",
    ),
    grave(
        "tampered",
        "a token whose claims were changed after it was signed",
        How::Defect("token-tampered"),
        "verify the signature before believing a claim",
    ),
    grave(
        "unknown-kid",
        "a token signed by a key that is not published",
        How::Defect("token-unknown-kid"),
        "verify with the published keys alone",
    ),
    grave(
        "wrong-aud",
        "a token for another application",
        How::Defect("token-wrong-aud"),
        "compare aud with the application's own tag",
    ),
    grave(
        "wrong-iss",
        "a token that says another team issued it",
        How::Defect("token-wrong-iss"),
        "compare iss with the team's own URL",
    ),
    grave("expired", "a token that ended an hour ago", How::Defect("token-expired"), "compare exp with the time"),
    grave(
        "not-yet-valid",
        "a token that begins in an hour",
        How::Defect("token-not-yet-valid"),
        "compare nbf with the time; a minute of tolerance is enough",
    ),
    Attack {
        id: "token-in-query",
        what: "a good token in the address (?CF_Authorization=)",
        how: How::Query,
        mend: "read the token from the header: addresses end up in logs and in Referer",
        grave: false,
    },
    Attack {
        id: "token-as-bearer",
        what: "a good token in Authorization",
        how: How::Bearer,
        mend: "read the token where Access puts it: what arrives elsewhere did not come through Access",
        grave: false,
    },
];
