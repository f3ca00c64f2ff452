//! Whole sign-ins of cloudflared, by everyone of [`Kind`]: with what they need,
//! and without it, to see that they do need it. Somebody stands between them and
//! the emulator who bends what is answered ([`Counterfeit`]).

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::command_line::approve;
use crate::names::{DOMAIN, proxied};
use crate::support::client::Client;
use crate::support::cloudflared::{Cloudflared, Kind, seed};
use crate::support::config::{ALICE, APP, OTHER};
use crate::support::counterfeit::{Counterfeit, Lie};
use crate::support::deadline::eventually;
use crate::support::token;
use crate::support::world::World;

const PAGE: &str = "https://app.localhost/page?x=1";
const TRANSFER: &str = "GET login.cloudflareaccess.org/transfer/";

struct Place {
    world: World,
    between: Counterfeit,
}

impl Place {
    async fn with(lie: Lie) -> Place {
        let world = World::with(proxied).await;
        let names = [APP, OTHER, DOMAIN, "login.cloudflareaccess.org"];
        let between = Counterfeit::of(&world.gateway, &names, lie).await;
        Place { world, between }
    }

    fn installed(&self, kind: &Kind) -> Cloudflared {
        Cloudflared::new(kind.clone(), self.between.way())
    }

    /// A login in which somebody signs in where it opens a browser, which it must.
    async fn login_in_a_browser(&self, cloudflared: &Cloudflared, url: &str) -> Result<String, String> {
        let (said, ()) = tokio::join!(cloudflared.login(url), async {
            let opened = eventually("it opens a browser", async || cloudflared.opened()).await;
            let page = approve(&mut Client::through_proxy(&self.world.gateway), &opened, ALICE).await;
            assert_eq!(page.status, 200, "{}", page.body);
        });
        said
    }

    /// The same without one, which it must not open.
    async fn login_silently(&self, cloudflared: &Cloudflared, url: &str) -> Result<String, String> {
        let said = cloudflared.login(url).await;
        assert_eq!(cloudflared.opened(), None, "no browser is needed: {said:?}");
        said
    }

    async fn seeded(&self, kind: &Kind) -> Cloudflared {
        let cloudflared = self.installed(kind);
        let (code, _, errors) = seed(&self.world.gateway, cloudflared.home(), &["--user", ALICE]).await;
        assert_eq!(code, 0, "{errors}");
        cloudflared
    }

    fn forget_app_token(&self, cloudflared: &Cloudflared) {
        std::fs::remove_file(cloudflared.token_file(APP, &self.world.gateway.aud("App"))).unwrap();
    }
}

/// Those that make this request, and end with this; the long polls of a login
/// are as many as it takes somebody to sign in.
fn without_polls(asked: Vec<String>) -> Vec<String> {
    asked.into_iter().filter(|asked| !asked.starts_with(TRANSFER)).collect()
}

#[tokio::test]
async fn cf_1_cf_2_cf_8_cf_11_one_emulator_signs_in_those_before_2026_8_and_after() {
    let place = Place::with(Lie::Nothing).await;
    for kind in Kind::all() {
        let cloudflared = place.installed(&kind);
        let token = place.login_in_a_browser(&cloudflared, PAGE).await.unwrap();
        let claims = token::claims(&token);
        assert_eq!(claims["aud"], json!([place.world.gateway.aud("App")]), "{kind:?}");
        assert_eq!(claims["email"], ALICE, "{kind:?}");
        let discovery = match kind.asks_metadata() {
            true => ["HEAD app.localhost/page", "GET acme.cloudflareaccess.com/cdn-cgi/access/certs"],
            false => ["HEAD app.localhost/page", "HEAD acme.cloudflareaccess.com/cdn-cgi/access/login/app.localhost"],
        };
        let asked = without_polls(place.between.asked());
        assert_eq!(asked, [discovery[0], discovery[1], "GET app.localhost/page"], "{kind:?}: the last is the check");
        assert_eq!(cloudflared.token(PAGE).await.unwrap(), token, "{kind:?} keeps it");

        // One that does not hold is found out, thrown away and replaced in silence.
        let file = cloudflared.token_file(APP, &place.world.gateway.aud("App"));
        let broken = format!("{}A{}", &token[..token.len() - 9], &token[token.len() - 8..]);
        std::fs::write(&file, &broken).unwrap();
        let again = place.login_silently(&cloudflared, PAGE).await.unwrap();
        assert_ne!(again, broken, "{kind:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), again, "{kind:?}");
        place.between.asked();
    }
}

#[tokio::test]
async fn cf_4_cf_7_the_port_of_an_address_stays_through_sign_in_and_exchange() {
    let place = Place::with(Lie::Nothing).await;
    let url = "https://app.localhost:8443/page";
    for kind in Kind::all() {
        let cloudflared = place.installed(&kind);
        place.login_in_a_browser(&cloudflared, url).await.unwrap();
        assert!(
            cloudflared.opened().unwrap().starts_with("https://app.localhost:8443/cdn-cgi/access/cli?"),
            "{kind:?}"
        );
        place.forget_app_token(&cloudflared);
        place.between.asked();
        place.login_silently(&cloudflared, url).await.unwrap();
        let asked = place.between.asked();
        let exchange = [
            "HEAD app.localhost:8443/page",
            "HEAD acme.cloudflareaccess.com/cdn-cgi/access/login/app.localhost:8443",
            "HEAD app.localhost:8443/cdn-cgi/access/authorized",
            "GET app.localhost:8443/page",
        ];
        assert_eq!(asked[asked.len() - 4..], exchange, "{kind:?}: the last is the check");
    }
}

#[tokio::test]
async fn cf_5_a_cookie_that_names_no_date_is_none_and_a_browser_is_opened() {
    let place = Place::with(Lie::MaxAgeAlone).await;
    for kind in Kind::all() {
        let cloudflared = place.installed(&kind);
        place.login_in_a_browser(&cloudflared, PAGE).await.unwrap();
        place.forget_app_token(&cloudflared);
        place.between.asked();
        place.login_in_a_browser(&cloudflared, PAGE).await.unwrap();
        let asked = place.between.asked();
        let given = asked.iter().position(|asked| asked == "HEAD app.localhost/cdn-cgi/access/authorized");
        let polled = asked.iter().position(|asked| asked.starts_with(TRANSFER));
        assert!(given.is_some() && given < polled, "{kind:?}: the exchange comes first, and in vain: {asked:?}");
    }
}

#[tokio::test]
async fn cf_6_a_transfer_that_does_not_wait_ends_the_login_after_ten_polls() {
    let place = Place::with(Lie::NothingYet).await;
    for kind in Kind::all() {
        let cloudflared = place.installed(&kind);
        let said = cloudflared.login(PAGE).await.unwrap_err();
        assert!(said.contains("Failed to fetch resource"), "{kind:?}: {said}");
        let polls = place.between.asked().iter().filter(|asked| asked.starts_with(TRANSFER)).count();
        assert_eq!(polls, 10, "{kind:?}");
    }
}

#[tokio::test]
async fn cf_11_each_finds_no_application_where_the_other_alone_is_answered() {
    let (before, after) = (Place::with(Lie::NoMetadata).await, Place::with(Lie::NoDomain).await);
    for kind in Kind::all() {
        let (fits, fits_not, why) = match kind.asks_metadata() {
            true => (&after, &before, "failed to find Access application"),
            false => (&before, &after, "Empty app domain"),
        };
        let token = fits.seeded(&kind).await.token(PAGE).await.unwrap();
        assert_eq!(token::claims(&token)["email"], ALICE, "{kind:?}");
        let said = fits_not.seeded(&kind).await.token(PAGE).await.unwrap_err();
        assert!(said.contains(why), "{kind:?}: {said}");
    }
}

#[tokio::test]
async fn after_a_revocation_the_organisations_token_is_good_for_nothing_and_a_browser_is_opened() {
    let place = Place::with(Lie::Nothing).await;
    for kind in Kind::all() {
        let cloudflared = place.seeded(&kind).await;
        place.login_silently(&cloudflared, PAGE).await.unwrap();
        place.world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
        // Who was revoked waits a minute before their next sign-in.
        place.world.gateway.control("PUT", "/clock", json!({ "advance": "61s" })).await;
        let token = place.login_in_a_browser(&cloudflared, PAGE).await.unwrap();
        assert_eq!(token::claims(&token)["email"], ALICE, "{kind:?}");
    }
}

#[tokio::test]
async fn cf_12_with_seeded_files_the_application_alone_is_asked_though_its_team_is_away() {
    let place = Place::with(Lie::TeamAway).await;
    // Before 2026.8 the team's sign-in page was asked, each time.
    for kind in Kind::all().into_iter().filter(Kind::asks_metadata) {
        let cloudflared = place.seeded(&kind).await;
        let kept = std::fs::read_to_string(cloudflared.token_file(APP, &place.world.gateway.aud("App"))).unwrap();
        assert_eq!(cloudflared.token(PAGE).await.as_deref(), Ok(kept.as_str()), "{kind:?}");
        assert_eq!(place.between.asked(), ["HEAD app.localhost/page"], "{kind:?}");
        assert_eq!(place.login_silently(&cloudflared, PAGE).await.as_deref(), Ok(kept.as_str()), "{kind:?}");
        assert_eq!(place.between.asked(), ["HEAD app.localhost/page", "GET app.localhost/page"], "{kind:?}");

        std::fs::remove_file(cloudflared.file(&format!("{DOMAIN}-jwks"))).unwrap();
        cloudflared.token(PAGE).await.expect_err("without the keys it has nobody to ask for them");
        let asked = place.between.asked();
        assert!(asked.contains(&format!("CONNECT {DOMAIN}")), "{kind:?}: {asked:?}");
    }
}

#[tokio::test]
async fn cf_13_keys_that_were_rotated_are_believed_at_once_or_a_minute_after_they_were_fetched() {
    let certs = format!("GET {DOMAIN}/cdn-cgi/access/certs");
    for kind in Kind::all().into_iter().filter(Kind::asks_metadata) {
        let place = Place::with(Lie::Nothing).await;
        let cloudflared = place.seeded(&kind).await;
        let keys = cloudflared.file(&format!("{DOMAIN}-jwks"));
        let fetched = async || place.between.asked().iter().filter(|asked| **asked == certs).count();
        let rotate = async || place.world.gateway.control("POST", "/keys/rotate", json!({})).await;
        // The next key is published before it signs, but for days after a rotation the one before is.
        rotate().await;
        cloudflared.token(PAGE).await.unwrap();
        assert_eq!(fetched().await, 0, "{kind:?}: the keys that it keeps hold the new one");
        rotate().await;
        cloudflared.token(PAGE).await.expect_err("it does not ask again so soon");
        assert_eq!(fetched().await, 0, "{kind:?}");
        let old = std::fs::File::options().write(true).open(&keys).unwrap();
        let now = SystemTime::UNIX_EPOCH + SystemTime::UNIX_EPOCH.elapsed().unwrap();
        old.set_modified(now - Duration::from_secs(61)).unwrap();
        place.login_silently(&cloudflared, PAGE).await.unwrap();
        assert_eq!(fetched().await, 1, "{kind:?}: once, and then it keeps them");
    }
}
