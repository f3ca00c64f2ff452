//! The ways in which the published keys can be wrong.

use http::StatusCode;
use serde_json::{Value, json};

/// How the keys are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Empty,
    Malformed,
    Failing,
    Slow,
    NoAlg,
    EncUse,
    DuplicateKid,
    Rotating,
}

impl Profile {
    /// Whether it needs a key that nobody knows.
    pub(crate) const fn needs_stranger(self) -> bool {
        matches!(self, Self::DuplicateKid | Self::Rotating)
    }

    /// What the certs endpoint answers: `published` as it should be, `stranger`
    /// the same document of another team, `turn` how often it was asked before.
    pub(crate) fn answer(self, published: &str, stranger: Option<&str>, turn: u64) -> (StatusCode, String) {
        let good = || (StatusCode::OK, published.to_owned());
        let mut document: Value = serde_json::from_str(published).unwrap_or_default();
        let keys = |document: &Value| document["keys"].as_array().cloned().unwrap_or_default();
        let changed: Vec<Value> = match self {
            Self::Slow => return good(),
            Self::Malformed => return (StatusCode::OK, published.chars().take(published.len() / 2).collect()),
            Self::Failing => return (StatusCode::INTERNAL_SERVER_ERROR, "{\"error\":\"on purpose\"}".into()),
            Self::Rotating if turn % 2 == 1 => return good(),
            Self::Rotating => return (StatusCode::OK, stranger.unwrap_or(published).to_owned()),
            Self::Empty => {
                document["public_certs"] = json!([]);
                document["public_cert"] = Value::Null;
                vec![]
            }
            Self::NoAlg => keys(&document).into_iter().map(|key| without(key, "alg")).collect(),
            Self::EncUse => keys(&document).into_iter().map(|key| with(key, "use", json!("enc"))).collect(),
            Self::DuplicateKid => {
                let other = stranger.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
                let name = document["keys"][0]["kid"].clone();
                let impostors = keys(&other).into_iter().take(1).map(|key| with(key, "kid", name.clone()));
                impostors.chain(keys(&document)).collect()
            }
        };
        document["keys"] = Value::Array(changed);
        (StatusCode::OK, document.to_string())
    }
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

fn without(mut key: Value, member: &str) -> Value {
    if let Some(members) = key.as_object_mut() {
        members.remove(member);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"keys":[{"kid":"a","alg":"RS256","use":"sig","n":"1"}],"public_cert":{},"public_certs":[{}]}"#;
    const OTHER: &str = r#"{"keys":[{"kid":"b","alg":"RS256","use":"sig","n":"2"}]}"#;

    fn keys(profile: Profile, turn: u64) -> Value {
        let (status, body) = profile.answer(GOOD, Some(OTHER), turn);
        assert_eq!(status, StatusCode::OK);
        serde_json::from_str::<Value>(&body).unwrap()["keys"].clone()
    }

    #[test]
    fn each_profile_is_wrong_in_its_own_way_alone() {
        assert_eq!(keys(Profile::Empty, 0), json!([]));
        assert_eq!(keys(Profile::NoAlg, 0), json!([{ "kid": "a", "use": "sig", "n": "1" }]));
        assert_eq!(keys(Profile::EncUse, 0)[0]["use"], "enc");
        let twice = keys(Profile::DuplicateKid, 0);
        assert_eq!((&twice[0]["kid"], &twice[0]["n"], &twice[1]["n"]), (&json!("a"), &json!("2"), &json!("1")));
        assert_eq!(
            (&keys(Profile::Rotating, 0)[0]["kid"], &keys(Profile::Rotating, 1)[0]["kid"]),
            (&json!("b"), &json!("a"))
        );
        assert!(serde_json::from_str::<Value>(&Profile::Malformed.answer(GOOD, None, 0).1).is_err());
        assert_eq!(Profile::Failing.answer(GOOD, None, 0).0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(Profile::Slow.answer(GOOD, None, 0).1, GOOD);
    }
}
