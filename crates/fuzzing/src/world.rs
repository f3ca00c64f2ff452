//! The standard topology of the attack catalogue, as a snapshot to ask about.

use std::sync::{Arc, LazyLock};

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_server::config;

/// One host with a part for everybody of `corp.test`, one for root and one for everybody.
const FILE: &str = r#"
mode = "emulator"

[team]
name = "acme"

[[app]]
name = "App"
type = "self_hosted"
domain = "app.test"
policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]

[[app]]
name = "Admin"
type = "self_hosted"
domain = "app.test/admin"
policies = [{ name = "Root", decision = "allow", include = [{ email = { email = "root@corp.test" } }] }]

[[app]]
name = "Public"
type = "self_hosted"
domain = "app.test/public"
policies = [{ name = "Everybody", decision = "bypass", include = [{ everyone = {} }] }]

[[route]]
hostname = "app.test"
service = "http://127.0.0.1:9"

[[user]]
email = "alice@corp.test"
"#;

pub(crate) static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let config = config::parse(FILE, "doorward.toml", &|_| None).expect("a file without errors");
    let team = config.team(([127, 0, 0, 1], 8787).into());
    config.catalog(team, 1, None)
});

/// One of its applications.
pub(crate) fn app(name: &str) -> Arc<App> {
    CATALOG.apps().find(|app| app.name == name).cloned().expect("an application of the file")
}
