//! A sign-in through an OpenID provider that we did not write.

use serde_json::json;

use crate::support::client::{Client, Reply};
use crate::support::config::{APP, Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::html;
use crate::support::node::Provider;
use crate::support::origin::Origin;
use crate::support::reserved::Reserved;
use crate::support::token;

pub(crate) const POLICIES: &str = r#"allowed_idps = ["Foreign"]
policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], require = [{ login_method = { id = "Foreign" } }] }]"#;

struct Installation {
    _provider: Provider,
    origin: Origin,
    gateway: Gateway,
}

async fn installation(change: impl FnOnce(Config) -> Config) -> Installation {
    let (provider, origin) = (Provider::start().await, Origin::start().await);
    let tables = route(APP, &origin.url()) + &provider.config("Foreign") + &app("App", APP, POLICIES);
    let gateway = Gateway::serve(&change(Config::bare()).and(&tables)).await;
    Installation { _provider: provider, origin, gateway }
}

/// Signs in through the foreign provider's own pages: a login, then consent.
pub(crate) async fn sign_in(browser: &mut Client, url: &str, login: &str) -> Reply {
    let mut page = browser.reach_provider(url).await;
    for _ in 0..2 {
        let forms = html::forms(&page.body);
        let form = forms.first().unwrap_or_else(|| panic!("a form on {}: {}", page.url, page.body));
        let asks_who = form.field("prompt") == Some("login");
        let filled: &[(&str, &str)] = if asks_who { &[("login", login), ("password", "any")] } else { &[] };
        let answer = browser.submit(&page, form, filled).await;
        page = browser.follow(answer).await;
    }
    page
}

#[tokio::test]
async fn a_member_signs_in_through_a_foreign_provider() {
    let here = installation(|config| config).await;
    let mut browser = Client::new(&here.gateway);
    let reply = sign_in(&mut browser, &here.gateway.at(APP, "/wanted?x=1"), "alice@corp.test").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{} {}", reply.url, here.gateway.log());
    assert_eq!(here.origin.only().head.target(), "/wanted?x=1");
    let claims = token::claims(here.origin.only().assertion().unwrap());
    assert_eq!(claims["email"], "alice@corp.test");
    assert_eq!(claims["custom"]["groups"], json!(["staff"]));
    assert_eq!(claims["custom"]["name"], "Somebody");

    let identity = browser.get(&here.gateway.at(APP, "/cdn-cgi/access/get-identity")).await.json();
    assert_eq!((&identity["idp"]["type"], &identity["name"]), (&json!("oidc"), &json!("Somebody")));
    assert_eq!(identity["id"], "alice@corp.test", "the provider's own name for the account");
}

#[tokio::test]
async fn somebody_of_another_domain_is_refused() {
    let here = installation(|config| config).await;
    let page = sign_in(&mut Client::new(&here.gateway), &here.gateway.at(APP, "/"), "mallory@evil.test").await;
    assert!(page.body.contains("That account does not have access"), "{}", page.body);
    here.origin.assert_untouched("a refused account");
}

#[tokio::test]
async fn j_01_an_address_that_the_provider_does_not_vouch_for_is_nobody() {
    let here = installation(|config| config).await;
    let page = sign_in(&mut Client::new(&here.gateway), &here.gateway.at(APP, "/"), "unverified@corp.test").await;
    assert_eq!(page.status, 400, "{}", page.body);
    assert!(page.body.contains("not verified"), "{}", page.body);
    here.origin.assert_untouched("an unverified address");
}

#[tokio::test]
async fn in_production_mode_there_is_no_other_way_in_and_nothing_to_control() {
    let here = installation(|config| {
        config.in_production().with(
            "[team]",
            "[keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\n[team]\nurl = \"http://acme.localhost\"",
        )
    })
    .await;
    let mut browser = Client::new(&here.gateway);
    let reply = sign_in(&mut browser, &format!("http://{APP}/"), "alice@corp.test").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{} {}", reply.url, here.gateway.log());
    assert_eq!(token::claims(here.origin.only().assertion().unwrap())["iss"], "http://acme.localhost");

    assert_eq!(here.gateway.ready["api_token"], serde_json::Value::Null);
    let (status, _) = here.gateway.admin_call("GET", "/emulator/v1/users", None).await;
    assert!(matches!(status, 401 | 403 | 404), "{status}");
    let idp = browser.get("http://acme.localhost/cdn-cgi/doorward/idp/.well-known/openid-configuration").await;
    assert_eq!(idp.status, 404, "the built-in provider is not there");
}

#[tokio::test]
async fn a_provider_that_is_down_gives_a_clear_page_and_the_way_back() {
    let gone = Reserved::port();
    let provider = format!(
        "\n[[identity_provider]]\nname = \"Foreign\"\ntype = \"oidc\"\nissuer = \"{}\"\nconfig = {{ client_id = \"x\", client_secret = \"y\" }}\n",
        gone.url()
    );
    let origin = Origin::start().await;
    let tables = route(APP, &origin.url()) + &provider + &app("App", APP, POLICIES);
    let gateway = Gateway::serve(&Config::bare().and(&tables)).await;
    let mut browser = Client::new(&gateway);
    let page = browser.open(&gateway.at(APP, "/")).await;
    let choice = html::links(&page.body).into_iter().find(|link| link.contains("idp=")).expect("a provider to choose");
    let trouble = browser.get(page.url.join(&choice).unwrap().as_str()).await;
    assert_eq!(trouble.status, 502);
    assert!(!trouble.body.contains("127.0.0.1"), "{}", trouble.body);
    assert!(html::links(&trouble.body).iter().any(|link| link.contains(APP)), "{}", trouble.body);
}

#[tokio::test]
async fn a_minted_token_is_as_good_as_a_sign_in_through_the_foreign_provider() {
    let here = installation(|config| config).await;
    let token = here.gateway.token(json!({ "app": APP, "email": "alice@corp.test" })).await;
    let mut alice = Client::holding(&here.gateway, APP, &token);
    let reply = alice.get(&here.gateway.at(APP, "/")).await;
    assert_eq!(reply.status, 200, "the policies require that very provider: {}", here.gateway.log());
}
