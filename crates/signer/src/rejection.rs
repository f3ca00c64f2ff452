//! Why a token is not believed.

/// Why a token is not believed, for the log; visitors are told nothing of it.
///
/// The cheap checks come before the signature, so a reason says nothing about
/// who made the token: every rejection but [`Rejection::BadSignature`] can be
/// had by anybody with any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("it is not a token of the shape we issue")]
    Malformed,
    #[error("no key of that name is in force")]
    WrongKey,
    #[error("the signature is not by the key it names")]
    BadSignature,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYetValid,
    #[error("it was issued by somebody else")]
    WrongIssuer,
    #[error("it is for another audience")]
    WrongAudience,
    #[error("it is a token of another kind")]
    WrongKind,
    #[error("it is longer than a token may be")]
    TooLong,
    #[error("it lives longer than a token may")]
    TooLongLived,
}
