//! Mail that would have been sent, kept for tests to read.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use doorward_model::email::Email;
use doorward_model::letter::Letter;
use doorward_model::time::Timestamp;
use serde_json::{Value, json};

/// Letters kept at most; the oldest are forgotten first.
const MOST_KEPT: usize = 1000;

/// Everybody's mail, in the order in which it came.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<VecDeque<(Timestamp, Letter)>>);

impl Mailbox {
    pub(crate) fn deliver(&self, letter: Letter, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST_KEPT {
            kept.pop_front();
        }
        kept.push_back((now, letter));
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// As the control API shows it, the oldest first; of one person where one is named.
    pub(crate) fn shown(&self, to: Option<&Email>) -> Value {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = |(_, letter): &&(Timestamp, Letter)| to.is_none_or(|to| letter.to == *to);
        let shown = |(at, letter): &(Timestamp, Letter)| {
            json!({
                "at": at.to_rfc3339(),
                "to": letter.to,
                "subject": letter.subject,
                "text": letter.text,
                "links": links(&letter.text),
            })
        };
        json!({ "mail": kept.iter().filter(of_one).map(shown).collect::<Vec<_>>() })
    }
}

/// The addresses in a text, which are what most letters are about.
fn links(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| word.starts_with("https://") || word.starts_with("http://")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_kept_in_their_order_with_their_links_and_only_so_many() {
        let mailbox = Mailbox::default();
        for number in 0..=MOST_KEPT {
            let to = if number % 2 == 0 { "even@corp.test" } else { "odd@corp.test" };
            let text = format!("Look:\n\nhttp://x.test/{number} now");
            mailbox.deliver(Letter { to: to.parse().unwrap(), subject: number.to_string(), text }, Timestamp(0));
        }
        let all = mailbox.shown(None);
        assert_eq!(all["mail"].as_array().unwrap().len(), MOST_KEPT);
        assert_eq!((&all["mail"][0]["subject"], &all["mail"][0]["links"]), (&json!("1"), &json!(["http://x.test/1"])));
        let even = mailbox.shown(Some(&"even@corp.test".parse().unwrap()));
        assert_eq!(even["mail"][0]["subject"], "2");
        mailbox.clear();
        assert_eq!(mailbox.shown(None), json!({ "mail": [] }));
    }
}
