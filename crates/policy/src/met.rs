//! Three values, because "not known" is neither yes nor no: what is unknown
//! never opens a door, and never keeps a Block from closing one (I2).

use std::fmt;
use std::ops::Not;

use serde::Serialize;

/// Whether a rule, a group or a policy applies. The order is the one in which
/// "all of" is the minimum and "any of" the maximum (Kleene's strong logic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Met {
    #[serde(rename = "not_met")]
    False,
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "met")]
    True,
}

impl Not for Met {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::False => "not met",
            Self::Unknown => "unknown",
            Self::True => "met",
        })
    }
}

/// What a rule answered and, where that is not plain from the rule, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) met: Met,
    pub(crate) why: Option<Why>,
}

impl Answer {
    pub(crate) const fn plain(met: bool) -> Self {
        Self { met: if met { Met::True } else { Met::False }, why: None }
    }

    pub(crate) const fn not_met(why: Why) -> Self {
        Self { met: Met::False, why: Some(why) }
    }

    pub(crate) const fn unknown(why: Why) -> Self {
        Self { met: Met::Unknown, why: Some(why) }
    }
}

/// Why a rule was not met or could not be decided, for `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    NobodySignedIn,
    IdentityNotUsable,
    ProviderNotAllowed,
    OtherProvider,
    ClaimNotCollected,
    ClaimAbsent,
    NoAssertion,
    CountryUnknown,
    NoServiceToken,
    NoCertificate,
    NoLinkedToken,
    NotAnswered,
    GroupMissing,
    GroupEndless,
    ListMissing,
    OtherList,
    NeedsAgent,
    NeedsCloudflare,
    NeedsEntra,
}

impl Why {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NobodySignedIn => "nobody has signed in yet",
            Self::IdentityNotUsable => "Bypass and Service Auth policies do not look at who signed in",
            Self::ProviderNotAllowed => "the application does not allow the identity provider that was used",
            Self::OtherProvider => "the sign-in was with another identity provider",
            Self::ClaimNotCollected => "the identity provider's `claims` setting does not list this claim",
            Self::ClaimAbsent => "the identity provider did not send this claim",
            Self::NoAssertion => "the identity provider that was used makes no SAML assertions",
            Self::CountryUnknown => "the country of the address is not known",
            Self::NoServiceToken => "no valid service token was presented",
            Self::NoCertificate => "no client certificate that counts on this host was presented",
            Self::NoLinkedToken => "no valid token of another application was presented in Cf-Access-Token",
            Self::NotAnswered => "the service has given no answer to be believed; it is asked at the sign-in",
            Self::GroupMissing => "there is no such group",
            Self::GroupEndless => "the group includes itself or is nested too deep",
            Self::ListMissing => "there is no such list",
            Self::OtherList => "the list holds another kind of things",
            Self::NeedsAgent => "this needs Cloudflare's device client, which does not report here",
            Self::NeedsCloudflare => "this is about accounts at Cloudflare, which are not known here",
            Self::NeedsEntra => "authentication contexts of Entra cannot be asked for here",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Met::{False, True, Unknown};

    #[test]
    fn unknown_stays_unknown_unless_the_other_side_settles_it() {
        for (a, b, both, either) in [
            (True, True, True, True),
            (True, Unknown, Unknown, True),
            (True, False, False, True),
            (Unknown, Unknown, Unknown, Unknown),
            (Unknown, False, False, Unknown),
            (False, False, False, False),
        ] {
            assert_eq!((a.min(b), a.max(b)), (both, either), "{a} {b}");
        }
        assert_eq!([!True, !Unknown, !False], [False, Unknown, True]);
    }
}
