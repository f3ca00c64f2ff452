//! Temporary access, from both sides: whoever asked waits, and somebody decides.

use askama::Template;
use doorward_model::time::Timestamp;

use crate::text::moment;

/// Somebody waits for their request to be approved. The page loads itself again.
#[derive(Clone, Debug, Template)]
#[template(path = "waiting.html")]
pub struct Waiting<'a> {
    /// The organisation, as people call it.
    pub team: &'a str,
    pub app: &'a str,
    /// Who asks.
    pub email: &'a str,
    pub question: &'a str,
    pub response: &'a str,
    /// Where the request is decided.
    pub link: &'a str,
    /// Whether anybody was told of it.
    pub mailed: bool,
    pub ends: Timestamp,
    /// This page's own address, and after how many seconds it is loaded again.
    pub again: &'a str,
    pub again_after: u32,
    pub emulator: bool,
}

/// Somebody decides about another's request. The form posts `minutes`, and as
/// `verdict` either `approve` or `deny`.
#[derive(Clone, Debug, Template)]
#[template(path = "decide.html")]
pub struct Decide<'a> {
    pub team: &'a str,
    pub app: &'a str,
    /// Who asks.
    pub requester: &'a str,
    pub question: &'a str,
    pub response: &'a str,
    pub asked: Timestamp,
    /// Who decides.
    pub email: &'a str,
    pub action: &'a str,
    pub hidden: Vec<(&'a str, String)>,
    /// Minutes that can be chosen, with their words.
    pub durations: &'a [(i64, &'a str)],
    /// Which of them is chosen at first.
    pub usual: &'a i64,
    pub emulator: bool,
}

impl Waiting<'_> {
    fn ends_at(&self) -> String {
        moment(self.ends)
    }
}

impl Decide<'_> {
    fn asked_at(&self) -> String {
        moment(self.asked)
    }
}
