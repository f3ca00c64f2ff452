//! The parameters of a query or form, in which none may stand twice
//! (RFC 6749 §3.1: two readers could take two different ones).

/// Names and values as they were sent.
pub(super) struct Params(Vec<(String, String)>);

/// A parameter stands there more than once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} must not be sent more than once")]
pub(super) struct Repeated(String);

impl Params {
    pub(super) fn read(raw: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(raw).into_owned().collect())
    }

    /// The first one that is repeated, if any is.
    pub(super) fn repeated(&self) -> Result<(), Repeated> {
        let twice = |(at, (name, _)): &(usize, &(String, String))| self.0[..*at].iter().any(|(known, _)| known == name);
        match self.0.iter().enumerate().find(twice) {
            Some((_, (name, _))) => Err(Repeated(name.clone())),
            None => Ok(()),
        }
    }

    /// A parameter without a value counts as not sent (RFC 6749 §3.1).
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.field(name).filter(|value| !value.is_empty())
    }

    /// A form's field as it was sent, empty or not.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
