//! A service token in one header of the application's choice, as JSON: for
//! clients that can set no other header than `Authorization`, say (Access
//! docs, "service tokens").

use doorward_model::app::App;
use doorward_model::secret::Secret;
use http::header::{HeaderMap, HeaderValue};
use serde::Deserialize;

/// A client id and a secret as they were sent, or that they could not be read.
pub(crate) type Sent = Result<Pair, Malformed>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    #[serde(rename = "cf-access-client-id")]
    pub(crate) id: String,
    #[serde(rename = "cf-access-client-secret")]
    pub(crate) secret: Secret,
}

/// It is meant to be a service token, and is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Malformed;

/// Takes the service token out of the request's headers, where its application
/// reads one from there: no origin gets to see the secret (A-08). Whatever else
/// the header holds is the origin's business and stays.
pub(crate) fn taken(headers: &mut HeaderMap, app: &App) -> Option<Sent> {
    let name = app.read_service_tokens_from_header.as_ref()?.as_str();
    if !headers.get_all(name).iter().any(is_meant_as_one) {
        return None;
    }
    let mut lines = headers.get_all(name).iter();
    let sent = match (lines.next(), lines.next()) {
        (Some(line), None) => serde_json::from_slice(line.as_bytes()).map_err(|_| Malformed),
        // Two readings are none (M-02).
        _ => Err(Malformed),
    };
    headers.remove(name);
    Some(sent)
}

fn is_meant_as_one(line: &HeaderValue) -> bool {
    const MARK: &[u8] = b"cf-access-client-";
    let text = line.as_bytes().trim_ascii_start();
    text.starts_with(b"{") && text.windows(MARK.len()).any(|part| part.eq_ignore_ascii_case(MARK))
}

#[cfg(test)]
mod tests {
    use doorward_model::id::AccountId;
    use http::header::AUTHORIZATION;

    use super::*;

    fn app() -> App {
        let app = App::new(&AccountId::derived("acme"), "Api", vec!["api.test".parse().unwrap()], vec![]);
        App { read_service_tokens_from_header: Some("Authorization".to_owned().try_into().unwrap()), ..app }
    }

    fn take(lines: &[&str]) -> (Option<bool>, usize) {
        let mut headers: HeaderMap = lines.iter().map(|line| (AUTHORIZATION, line.parse().unwrap())).collect();
        let sent = taken(&mut headers, &app()).map(|sent| sent.is_ok());
        (sent, headers.len())
    }

    #[test]
    fn a_service_token_is_taken_out_and_everything_else_stays() {
        let good = r#" {"cf-access-client-id": "a.access", "cf-access-client-secret": "s"}"#;
        assert_eq!(take(&[good]), (Some(true), 0));
        for other in ["Bearer abc", "Basic abc", "{\"token\": 1}", "[\"cf-access-client-id\"]"] {
            assert_eq!(take(&[other]), (None, 1), "{other}");
        }
        assert_eq!(take(&[]), (None, 0));
    }

    #[test]
    fn m_02_what_is_meant_as_a_service_token_and_is_none_is_refused_and_goes_nowhere() {
        let good = r#"{"cf-access-client-id":"a.access","cf-access-client-secret":"s"}"#;
        for lines in [
            vec![r#"{"cf-access-client-id":"a.access"}"#],
            vec![r#"{"cf-access-client-secret":"s"}"#],
            vec![r#"{"CF-Access-Client-Id":"a.access","CF-Access-Client-Secret":"s"}"#],
            vec![r#"{"cf-access-client-id":"a","cf-access-client-id":"b","cf-access-client-secret":"s"}"#],
            vec![r#"{"cf-access-client-id":1,"cf-access-client-secret":"s"}"#],
            vec![r#"{"cf-access-client-id":"a","cf-access-client-secret":"s","more":1}"#],
            vec![r#"{"cf-access-client-id":"a","cf-access-client-secret":"s"} trailing"#],
            vec![good, good],
            vec!["Bearer abc", good],
        ] {
            assert_eq!(take(&lines), (Some(false), 0), "{lines:?}");
        }
    }
}
