//! A configuration file served, read back over the API and served again: it
//! decides as before, and reading it back once more changes nothing.

use std::fmt::Write as _;
use std::path::Path;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::support::authority::Authority;
use crate::support::carrying::{filled_in, import};
use crate::support::config::{ALICE, Config, MALLORY, ROOT};
use crate::support::gateway::{Gateway, run_with};

/// How many there are of what is shown in pages of fifty, or of a hundred.
const MANY: usize = 51;
const MORE: usize = 101;

const TEAM: &str = r##"domain = "acme.cloudflareaccess.com"
session_duration = "12h"
auto_redirect_to_identity = true
strict_service_token_auth = false
login_design = { background_color = "#123456", text_color = "#ffffff", header_text = "Acme ${x}", footer_text = "Bye", logo_path = "https://acme.test/logo.png" }
custom_pages = { forbidden = "No entry", identity_denied = "Not you" }
"##;

const OBJECTS: &str = r##"
[[route]]
hostname = "*.round.test"
service = "http://127.0.0.1:9"

[[identity_provider]]
name = "Keycloak"
type = "oidc"
config = { client_id = "doorward", client_secret = "the-secret-of-the-provider", auth_url = "https://kc.example.com/auth", token_url = "https://kc.example.com/token", certs_url = "https://kc.example.com/certs", scopes = ["openid", "email"], claims = ["team"], email_claim_name = "mail", pkce_enabled = false }

[[service_token]]
name = "Robot"
client_id = "0123456789abcdef0123456789abcdef.access"
client_secret = "a-secret-that-only-this-test-has-0123456789"
expires_at = "2040-01-01T00:00:00Z"

[[service_token]]
name = "Old robot"
client_secret = "another-secret-that-only-this-test-has-0123"
enabled = false

[[list]]
name = "Leads"
type = "EMAIL"
items = [{ value = "lead@corp.test", description = "The ${boss}" }, "root@corp.test"]

[[list]]
name = "Offices"
type = "IP"
items = ["10.0.100.0/24", "2001:db8::/32"]

[[group]]
name = "Staff"
include = [{ email_domain = { domain = "corp.test" } }]
exclude = [{ email = { email = "intern@corp.test" } }]

[[group]]
name = "Admins"
include = [{ group = { id = "Staff" } }]
require = [{ email_list = { id = "Leads" } }]

[[policy]]
name = "Staff"
decision = "allow"
include = [{ group = { id = "Staff" } }]
session_duration = "8h"

[[policy]]
name = "Approved"
decision = "allow"
include = [{ group = { id = "Staff" } }]
purpose_justification_required = true
purpose_justification_prompt = "Which ticket, ${you}?"
approval_required = true
approval_groups = [{ approvals_needed = 1, email_addresses = ["root@corp.test"] }, { approvals_needed = 2, email_list_uuid = "Leads" }]

[[custom_page]]
name = "No entry"
type = "forbidden"
contract_version = 1
custom_html = '''<p>No, ${x} "quoted"</p>
{{ ray_id }}'''

[[custom_page]]
name = "Not you"
type = "identity_denied"
custom_html = "<p>Not you</p>"

[[app]]
name = "Wiki"
domain = "wiki.round.test"
self_hosted_domains = ["wiki.round.test/handbook", "docs.round.test"]
session_duration = "2h"
tags = ["docs", "tag 1"]
policies = ["Staff"]
custom_pages = ["No entry"]
custom_deny_message = "Ask ${me}"
cors_headers = { allowed_origins = ["https://a.test"], allowed_methods = ["GET"], max_age = 600, allow_credentials = true }
same_site_cookie_attribute = "strict"
http_only_cookie_attribute = false
app_launcher_visible = false
enable_binding_cookie = true
logo_url = "https://acme.test/wiki.png"

[[app]]
name = "Admin"
domain = "wiki.round.test/admin"
policies = [
  { name = "Nobody from there", decision = "deny", precedence = 1, include = [{ ip_list = { id = "Offices" } }] },
  { name = "Admins", decision = "allow", precedence = 5, include = [{ group = { id = "Admins" } }], session_duration = "30m" },
]

[[app]]
name = "Hooks"
domain = "wiki.round.test/hooks"
policies = [{ name = "Everybody", decision = "bypass", include = [{ everyone = {} }], exclude = [{ ip = { ip = "10.0.0.0/8" } }] }]

[[app]]
name = "Api"
domain = "api.round.test"
service_auth_401_redirect = true
read_service_tokens_from_header = "Authorization"
policies = [
  { name = "Robots", decision = "non_identity", include = [{ service_token = { token_id = "Robot" } }] },
  { name = "Presses", decision = "non_identity", include = [{ common_name = { common_name = "press" } }, { linked_app_token = { app_uid = "Hooks" } }] },
]

[[app]]
name = "Own"
domain = "own.round.test"
allowed_idps = ["Keycloak"]
policies = [{ name = "Sales", decision = "allow", include = [{ oidc = { claim_name = "team", claim_value = "sales", identity_provider_id = "Keycloak" } }], require = [{ login_method = { id = "Keycloak" } }] }]

[[app]]
name = "Asks"
domain = "asks.round.test"
policies = [
  { name = "Why", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], purpose_justification_required = true, purpose_justification_prompt = "Why?" },
]

[[app]]
name = "Vault"
domain = "vault.round.test"
policies = [{ id = "Approved", precedence = 3 }]

[[app]]
name = "Far"
domain = "far.round.test"
policies = [{ name = "Germans", decision = "allow", include = [{ geo = { country_code = "DE" } }], require = [{ auth_method = { auth_method = "mfa" } }] }]

[[app]]
name = "Device"
domain = "device.round.test"
policies = [{ name = "Managed", decision = "allow", include = [{ everyone = {} }], require = [{ device_posture = { integration_uid = "x" } }] }]

[[app]]
name = "Anything"
domain = "*.round.test"
policies = [{ name = "Root", decision = "allow", include = [{ email = { email = "root@corp.test" } }] }]

[[app]]
name = "Apps of Acme"
type = "app_launcher"
app_launcher_logo_url = "https://acme.test/launcher.png"
bg_color = "#00ff00"
header_bg_color = "#0000ff"
landing_page_design = { title = "Hello ${x}", message = "Sign in", image_url = "https://acme.test/hello.png", button_color = "#123456", button_text_color = "#ffffff" }
skip_app_launcher_login_page = true
footer_links = [{ name = "Help", url = "https://help.acme.test/" }]
policies = ["Staff"]

[[app]]
name = "Mail"
type = "bookmark"
domain = "https://mail.example.com/inbox"
policies = [{ name = "Root", decision = "allow", include = [{ email = { email = "root@corp.test" } }] }]
"##;

fn config() -> Config {
    let certificate = certificate(1, true);
    let [team, objects] = [TEAM, OBJECTS].map(|text| text.replace("${", "$${"));
    Config::bare().with("domain = \"acme.cloudflareaccess.com\"\n", &team).and(&objects).and(&certificate)
}

fn certificate(number: usize, forwarding: bool) -> String {
    let pem = Authority::new(&format!("Root {number}")).pem;
    format!(
        "\n[[certificate]]\nname = \"Root {number}\"\ncertificate = '''{pem}'''\n\
         associated_hostnames = [\"host{number}.round.test\"]\nclient_certificate_forwarding = {forwarding}\n"
    )
}

const CALLERS: [&[&str]; 9] = [
    &[],
    &["--ip", "10.0.100.1"],
    &["--user", ALICE, "--country", "DE"],
    &["--user", ROOT, "--claim", "amr=mfa", "--country", "DE"],
    &["--user", "intern@corp.test"],
    &["--user", MALLORY, "--idp", "Keycloak", "--claim", "team=sales"],
    &["--service-token", "Robot"],
    &["--common-name", "press"],
    &["--linked-app", "Hooks"],
];
const URLS: [&str; 11] = [
    "https://wiki.round.test/handbook/x",
    "https://docs.round.test/",
    "https://wiki.round.test/admin",
    "https://wiki.round.test/hooks/x",
    "https://api.round.test/",
    "https://own.round.test/",
    "https://asks.round.test/",
    "https://vault.round.test/",
    "https://far.round.test/",
    "https://device.round.test/",
    "https://else.round.test/",
];

/// What `explain` says of each caller at each address: the verdict, whose it is and why.
async fn verdicts(file: &Path, environment: &[(&str, &str)]) -> Vec<(String, Value)> {
    let asked = URLS.into_iter().flat_map(|url| CALLERS.map(|caller| (url, caller)));
    let verdict = async |(url, caller): (&'static str, &'static [&'static str])| {
        let words = [&["explain", "--config", file.to_str().unwrap(), "--json"], caller, &[url]].concat();
        let (code, output, errors) = run_with(&words, environment).await;
        assert_eq!(code, 0, "{caller:?} {url}: {errors}");
        (format!("{} at {url}", caller.join(" ")), serde_json::from_str(&output).unwrap())
    };
    stream::iter(asked).map(verdict).buffered(4).collect().await
}

/// The file that a gateway is imported as.
async fn imported(gateway: &Gateway) -> String {
    let base = format!("http://{}/client/v4", gateway.admin());
    let [account, token] = ["account_id", "api_token"].map(|name| gateway.ready[name].as_str().unwrap());
    let (code, text, errors) = import(&base, token, account, &["--mode", "emulator"]).await;
    assert!(code == 0 && !errors.contains("not carried over"), "{errors}");
    text
}

#[tokio::test]
async fn a_file_that_is_served_imported_and_served_again_decides_as_before() {
    let first = Gateway::serve(&config()).await;
    let text = imported(&first).await;
    let root = Authority::new("Somebody");
    let values = [
        ("_PEM", root.pem.as_str()),
        ("_SECRET", "a-secret-that-only-this-test-has-0123456789"),
        ("_TEST", "http://127.0.0.1:9"),
    ];
    let environment = filled_in(&text, &values);
    let second = Gateway::serve_with(&Config::whole(&text), &environment).await;
    let path = |gateway: &Gateway| gateway.folder().join("doorward.toml");
    let (before, after) = (path(&first), path(&second));
    let (code, good, wrong) = run_with(&["check", "--config", after.to_str().unwrap()], &environment).await;
    assert_eq!(code, 0, "{good}{wrong}");
    let (before, after) = tokio::join!(verdicts(&before, &[]), verdicts(&after, &environment));
    for (before, after) in before.iter().zip(&after) {
        for field in ["verdict", "app", "policy", "rule"] {
            assert_eq!(after.1[field], before.1[field], "{}: {field}\n{:#}", before.0, after.1);
        }
    }
    for verdict in ["allow", "deny", "bypass", "service_auth", "login"] {
        assert!(after.iter().any(|(_, said)| said["verdict"] == verdict), "some are answered {verdict}");
    }

    let again = imported(&second).await;
    let differ = text.lines().zip(again.lines()).find(|(first, second)| first != second);
    assert_eq!(differ, None, "what is read back twice says the same");
    assert_eq!(text.lines().count(), again.lines().count());
}

/// More than a page of what is shown in pages of fifty, or of a hundred.
#[tokio::test]
async fn what_is_longer_than_a_page_is_imported_whole() {
    let networks: Vec<String> = (0..MANY).map(|number| format!("\"10.0.{number}.0/24\"")).collect();
    let tags: Vec<String> = (0..MANY).map(|number| format!("\"tag {number}\"")).collect();
    let mut many = format!(
        "\n[[list]]\nname = \"Offices\"\ntype = \"IP\"\nitems = [{}]\n\
         \n[[group]]\nname = \"There\"\ninclude = [{{ ip_list = {{ id = \"Offices\" }} }}]\n\
         \n[[app]]\nname = \"Tagged\"\ntype = \"bookmark\"\ndomain = \"tagged.test\"\ntags = [{}]\n",
        networks.join(", "),
        tags.join(", ")
    );
    for number in 0..MANY {
        let _infallible = write!(
            many,
            "{}\n[[custom_page]]\nname = \"Page {number}\"\ntype = \"identity_denied\"\ncustom_html = \"<p>{number}</p>\"\n",
            certificate(number, false)
        );
    }
    for number in 0..MORE {
        let _infallible = write!(
            many,
            "\n[[policy]]\nname = \"Policy {number}\"\ndecision = \"allow\"\ninclude = [{{ everyone = {{}} }}]\n"
        );
    }
    let text = imported(&Gateway::serve(&Config::bare().and(&many)).await).await;
    let count = |what: &str| text.matches(what).count();
    assert_eq!((count("[[certificate]]"), count("[[custom_page]]"), count("[[policy]]")), (MANY, MANY, MORE));
    assert_eq!((count("\"10.0."), count("\"tag ")), (MANY, MANY));
}
