//! A namespace's configuration as a call brings it: tables of a configuration
//! file as JSON. It is read as a file is, so that it means what it means there
//! and is refused for what is refused there.

use doorward_model::site::Team;
use serde_json::{Map, Value};

use crate::config::{self, Config, escaped};

/// Tables that say what is configured; the others are about a process.
const TABLES: [&str; 9] =
    ["app", "route", "user", "group", "policy", "identity_provider", "service_token", "list", "custom_page"];

/// # Errors
/// Every problem, in one text.
pub(super) fn config(tables: &Map<String, Value>, team: &Team) -> Result<Config, String> {
    if let Some(other) = tables.keys().find(|table| !TABLES.contains(&table.as_str())) {
        return Err(format!("config: there is no \"{other}\" here; there are {}", TABLES.join(", ")));
    }
    let named = Map::from_iter([("name".to_owned(), Value::String(team.name.clone()))]);
    let mut all = tables.clone();
    all.insert("mode".to_owned(), Value::String("emulator".to_owned()));
    all.insert("team".to_owned(), Value::Object(named));
    let all = plain(Value::Object(all));
    let text = toml::to_string(&all).map_err(|error| format!("config: {error}"))?;
    config::parse(&text, "config", &|_| None).map_err(|problems| {
        let texts: Vec<&str> = problems.found.iter().map(|problem| problem.text.as_str()).collect();
        texts.join("; ")
    })
}

/// Without members that hold nothing, which TOML has no word for; what looks
/// like the name of a variable stays what it is.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text)),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, plain(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::id::AccountId;
    use doorward_model::time::Lifetime;
    use serde_json::json;

    use super::*;

    fn read(tables: Value) -> Result<Config, String> {
        let team = Team {
            account: AccountId::derived("t1"),
            name: "t1".into(),
            domain: "t1.cloudflareaccess.com".into(),
            url: "http://t1.localhost:8787".into(),
            host: "t1.localhost:8787".parse().unwrap(),
            session_duration: Lifetime::from_hours(24),
        };
        config(tables.as_object().unwrap(), &team)
    }

    #[test]
    fn tables_mean_what_they_mean_in_a_file() {
        let config = read(json!({
            "app": [{ "name": "Wiki", "domain": "wiki.localhost", "custom_deny_message": "no ${HOME} here",
                      "logo_url": null, "policies": [{ "name": "All", "decision": "allow", "include": [{ "everyone": {} }] }] }],
            "route": [{ "hostname": "wiki.localhost", "service": "demo" }],
            "user": [{ "email": "alice@example.com", "groups": ["staff"] }],
        }));
        let config = config.unwrap();
        assert_eq!(config.apps[0].custom_deny_message.as_deref(), Some("no ${HOME} here"));
        assert_eq!((config.routes.len(), config.users[0].groups.clone()), (1, vec!["staff".to_owned()]));
    }

    #[test]
    fn what_a_file_is_refused_for_is_told_and_so_is_what_is_about_a_process() {
        let problem = |tables| read(tables).err().unwrap_or_default();
        assert!(problem(json!({ "app": [{ "name": "Wiki", "domian": "wiki.localhost" }] })).contains("domian"));
        assert!(problem(json!({ "listen": { "public": "0.0.0.0:1" } })).contains("no \"listen\" here"));
    }
}
