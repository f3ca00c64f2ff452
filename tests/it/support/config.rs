//! Configuration files as the tests need them. The standard one is the
//! topology of the attack catalogue: four apps, three people, one origin.

use std::path::Path;

use super::origin::Origin;

/// A configuration file in the making.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    head: String,
    store: String,
    body: String,
}

/// The host of the apps `App` (`@corp.test` may enter), `Admin` (below `/admin`,
/// root alone), `Public` (below `/public`, bypassed).
pub(crate) const APP: &str = "app.localhost";
/// The host of `Api`, which only service tokens enter.
pub(crate) const API: &str = "api.localhost";
/// The host of `Other`, a second app for the same people as `App`.
pub(crate) const OTHER: &str = "other.localhost";

/// The credentials of the service token `Robot`.
pub(crate) const ROBOT: [(&str, &str); 2] = [
    ("CF-Access-Client-Id", "0123456789abcdef0123456789abcdef.access"),
    ("CF-Access-Client-Secret", "a-secret-that-only-this-test-has-0123456789"),
];

pub(crate) const ALICE: &str = "alice@corp.test";
pub(crate) const ROOT: &str = "root@corp.test";
pub(crate) const MALLORY: &str = "mallory@evil.test";

impl Config {
    /// The standard topology in emulator mode, everything served by one origin.
    pub(crate) fn standard(origin: &Origin) -> Config {
        let service = origin.url();
        let config = Config { head: EMULATOR.to_owned(), store: SQLITE.to_owned(), body: String::new() };
        config.and(&[APP, API, OTHER].map(|host| route(host, &service)).concat()).and(APPS).and(ROBOTS).and(PEOPLE)
    }

    /// The team and the people alone; apps and routes are to be added.
    pub(crate) fn bare() -> Config {
        Config { head: EMULATOR.to_owned(), store: SQLITE.to_owned(), body: PEOPLE.to_owned() }
    }

    /// A whole file of somebody else's for an emulator, with the people, on free ports.
    pub(crate) fn whole(text: &str) -> Config {
        let head = text.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:8081", "127.0.0.1:0");
        Config { head, store: SQLITE.to_owned(), body: PEOPLE.to_owned() }
    }

    /// The same with more at its end: whole tables, as they would be written in the file.
    pub(crate) fn and(mut self, tables: &str) -> Config {
        self.body.push('\n');
        self.body.push_str(tables);
        self
    }

    /// The same with a text in it replaced, which must be there.
    pub(crate) fn with(mut self, old: &str, new: &str) -> Config {
        assert!(self.head.contains(old) || self.body.contains(old), "{old:?} is in the configuration");
        self.head = self.head.replace(old, new);
        self.body = self.body.replace(old, new);
        self
    }

    /// The same as a gateway that protects something: nobody's list of people, no emulator.
    pub(crate) fn in_production(mut self) -> Config {
        self.head = self.head.replace("emulator", "production");
        self.body = self.body.replace(PEOPLE, "");
        self
    }

    /// The same on another store.
    pub(crate) fn on_store(mut self, url: &str) -> Config {
        self.store = url.to_owned();
        self
    }

    /// The file's text for a gateway that lives in this folder.
    pub(crate) fn text(&self, folder: &Path) -> String {
        let text = format!("{}\n[store]\nurl = \"{}\"\n{}", self.head, self.store, self.body);
        text.replace("FOLDER", folder.to_str().expect("UTF-8"))
    }
}

/// One `[[route]]`.
pub(crate) fn route(hostname: &str, service: &str) -> String {
    format!("\n[[route]]\nhostname = \"{hostname}\"\nservice = \"{service}\"\n")
}

/// One `[[app]]` with these lines after its name and domain.
pub(crate) fn app(name: &str, domain: &str, lines: &str) -> String {
    format!("\n[[app]]\nname = \"{name}\"\ntype = \"self_hosted\"\ndomain = \"{domain}\"\n{lines}\n")
}

const SQLITE: &str = "sqlite://FOLDER/doorward.db";

const EMULATOR: &str = r#"mode = "emulator"

[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"

[team]
name = "acme"
domain = "acme.cloudflareaccess.com"
"#;

const APPS: &str = r#"
[[app]]
name = "App"
type = "self_hosted"
domain = "app.localhost"
session_duration = "24h"
policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]

[[app]]
name = "Admin"
type = "self_hosted"
domain = "app.localhost/admin"
policies = [{ name = "Root", decision = "allow", include = [{ email = { email = "root@corp.test" } }] }]

[[app]]
name = "Public"
type = "self_hosted"
domain = "app.localhost/public"
policies = [{ name = "Everybody", decision = "bypass", include = [{ everyone = {} }] }]

[[app]]
name = "Api"
type = "self_hosted"
domain = "api.localhost"
policies = [{ name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] }]

[[app]]
name = "Other"
type = "self_hosted"
domain = "other.localhost"
policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]
"#;

const ROBOTS: &str = r#"
[[service_token]]
name = "Robot"
client_id = "0123456789abcdef0123456789abcdef.access"
client_secret = "a-secret-that-only-this-test-has-0123456789"
"#;

const PEOPLE: &str = r#"
[[user]]
email = "alice@corp.test"
name = "Alice"
groups = ["admins"]

[[user]]
email = "root@corp.test"
name = "Root"

[[user]]
email = "mallory@evil.test"
name = "Mallory"
"#;
