//! What goes wrong around a gateway: a store that is away, slow, silent, full
//! or moving, and clocks that jump. Whoever is known goes on for as long as it
//! is safe, nobody else gets in, and when the fault is over nothing needs a restart.

mod clock;
mod disk;
mod kills;
mod secrets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, API, APP, Config, ROBOT, ROOT};
use crate::support::deadline::{eventually, in_time, within};
use crate::support::gateway::Gateway;
use crate::support::link::{Link, Way};
use crate::support::origin::Origin;
use crate::support::postgres::{self, Server};

/// A gateway whose Postgres lies behind a link.
struct Place {
    origin: Origin,
    link: Link,
    gateway: Gateway,
}

impl Place {
    /// Believes what it knows of revocations for this long without news.
    async fn with_freshness(freshness: &str) -> Place {
        let (name, socket) = postgres::fresh().await;
        Self::on(&name, Link::to(&socket).await, freshness).await
    }

    async fn on(database: &str, link: Link, freshness: &str) -> Place {
        let origin = Origin::start().await;
        // The store's URL is the last thing in its table.
        let store = format!("{}\"\nrevocation_freshness = \"{freshness}", link.url(database));
        let gateway = Gateway::serve(&Config::standard(&origin).on_store(&store)).await;
        Place { origin, link, gateway }
    }

    /// Somebody who signed in, and whom the edge has not seen yet.
    async fn signed_in(&self, email: &str) -> Client {
        let token = self.gateway.token(json!({ "app": "App", "email": email })).await;
        Client::holding(&self.gateway, APP, &token)
    }

    fn at(&self, path: &str) -> String {
        self.gateway.at(APP, path)
    }

    /// Signs somebody in: whether the gateway says it did.
    async fn signs_in(&self) -> u16 {
        let order = json!({ "app": "App", "email": ROOT });
        self.gateway.admin_call("POST", "/emulator/v1/tokens", Some(order)).await.0
    }

    /// What needs no store goes on.
    async fn assert_the_rest_goes_on(&self) {
        let mut stranger = Client::new(&self.gateway);
        assert_eq!(stranger.get(&self.at("/public")).await.status, 200, "bypassed");
        assert_eq!(stranger.get(&self.gateway.certs_url()).await.status, 200, "the keys");
        let api = self.gateway.at(API, "/");
        assert_eq!(stranger.request(Method::GET, &api, &ROBOT, None).await.status, 200, "a machine");
        assert!(stranger.get(&self.at("/")).await.sends_to_sign_in(), "a stranger");
    }
}

/// `FC` of the attack catalogue.
fn assert_fails_closed(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.header("retry-after").is_some(), "says when to come back");
    assert!(reply.header("cache-control").is_some_and(|value| value.contains("no-store")));
    assert!(reply.cookies().is_empty() && reply.header("location").is_none(), "{:?}", reply.headers);
}

/// Somebody who asks all the time. Gives the status and the moment of each answer.
fn asking(mut browser: Client, url: String, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<(u16, Instant)>> {
    tokio::spawn(async move {
        let mut answers = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let status = browser.get(&url).await.status;
            answers.push((status, Instant::now()));
        }
        answers
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_01_without_its_store_a_gateway_lets_known_people_in_for_a_while_and_nobody_else() {
    let freshness = Duration::from_secs(3);
    let place = Place::with_freshness("3s").await;
    let (mut alice, mut unseen) = (place.signed_in(ALICE).await, place.signed_in(ROOT).await);
    assert_eq!(alice.get(&place.at("/")).await.status, 200);
    let stop = Arc::new(AtomicBool::new(false));
    let load = asking(alice.clone(), place.at("/load"), Arc::clone(&stop));

    place.link.becomes(Way::Cut);
    let cut = Instant::now();
    assert_eq!(alice.get(&place.at("/")).await.status, 200, "known, and known not to be revoked a moment ago");
    assert_fails_closed(&unseen.get(&place.at("/")).await);
    let signed_out = alice.clone().get(&place.at("/cdn-cgi/access/logout")).await;
    assert_eq!(signed_out.status, 503, "r_03: nobody is told that they are signed out who is not");
    assert!(signed_out.cookies().is_empty());
    assert_eq!(place.gateway.admin_call("GET", "/readyz", None).await.0, 503);
    place.assert_the_rest_goes_on().await;
    assert_eq!(alice.get(&place.at("/")).await.status, 200, "still known");

    let closed = async || {
        let reply = alice.get(&place.at("/")).await;
        (reply.status != 200).then_some(reply)
    };
    assert_fails_closed(&within(freshness + Duration::from_secs(2), "what is known is too old", closed).await);
    assert_fails_closed(&alice.get(&place.at("/")).await);
    place.assert_the_rest_goes_on().await;
    assert_eq!(place.signs_in().await, 503);
    let revocation =
        place.gateway.admin_call("POST", "/emulator/v1/revocations", Some(json!({ "email": ALICE }))).await;
    assert_eq!(revocation.0, 503, "r_03: what was not stored is not done");

    place.link.becomes(Way::Open);
    let open = Instant::now();
    let back = async || (alice.get(&place.at("/")).await.status == 200).then_some(());
    within(Duration::from_secs(5), "known people are let in again", back).await;
    let signs_in = async || (place.signs_in().await == 200).then_some(());
    within(Duration::from_secs(5), "people sign in again", signs_in).await;
    stop.store(true, Ordering::Relaxed);
    for (status, at) in load.await.unwrap() {
        match status {
            200 => assert!(at < cut + freshness + Duration::from_secs(1) || at > open, "let in on old knowledge"),
            status => assert!(status == 503 && at > cut, "{status}"),
        }
    }
    assert_eq!(place.origin.last().head.field("cf-access-authenticated-user-email"), Some(ALICE));
}

#[tokio::test]
async fn r_03_a_sign_out_that_was_not_stored_can_be_tried_again() {
    let place = Place::with_freshness("30s").await;
    let mut alice = place.signed_in(ALICE).await;
    assert_eq!(alice.get(&place.at("/")).await.status, 200);
    place.link.becomes(Way::Cut);
    assert_eq!(alice.get(&place.at("/cdn-cgi/access/logout")).await.status, 503);
    assert_eq!(alice.get(&place.at("/")).await.status, 200, "she still is signed in");
    place.link.becomes(Way::Open);
    let copy = alice.clone();
    let signed_out = async || (alice.get(&place.at("/cdn-cgi/access/logout")).await.status == 200).then_some(());
    within(Duration::from_secs(5), "she is signed out", signed_out).await;
    assert!(copy.clone().get(&place.at("/")).await.sends_to_sign_in());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_04_known_people_do_not_notice_a_store_that_says_nothing_and_sign_ins_end_in_time() {
    let place = Place::with_freshness("30s").await;
    let mut alice = place.signed_in(ALICE).await;
    assert_eq!(alice.get(&place.at("/")).await.status, 200);
    place.link.becomes(Way::Silent);
    let silent = Instant::now();
    let sign_ins = futures_util::future::join_all((0..20).map(|_| place.signs_in()));
    let known = async {
        let mut passed = 0;
        while silent.elapsed() < Duration::from_secs(4) {
            assert_eq!(alice.get(&place.at("/")).await.status, 200);
            place.assert_the_rest_goes_on().await;
            passed += 1;
        }
        passed
    };
    let (statuses, passed) = tokio::join!(in_time("every sign-in ends", sign_ins), known);
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(silent.elapsed() < Duration::from_secs(20), "not for ever: {:?}", silent.elapsed());
    assert!(passed > 10, "requests are answered while sign-ins wait: {passed}");
    place.link.becomes(Way::Open);
    let signs_in = async || (place.signs_in().await == 200).then_some(());
    within(Duration::from_secs(5), "people sign in again", signs_in).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_04_however_many_wait_for_a_slow_store_what_is_revoked_elsewhere_is_heard_of() {
    let (name, socket) = postgres::fresh().await;
    let place = Place::on(&name, Link::to(&socket).await, "5s").await;
    let direct = format!("postgres:///{name}?host={}&user=postgres", socket.parent().unwrap().display());
    let elsewhere = Gateway::serve(&Config::standard(&place.origin).on_store(&direct)).await;
    let (mut alice, mut root) = (place.signed_in(ALICE).await, place.signed_in(ROOT).await);
    assert_eq!((alice.get(&place.at("/")).await.status, root.get(&place.at("/")).await.status), (200, 200));

    place.link.becomes(Way::Slow(Duration::from_millis(600)));
    let stop = Arc::new(AtomicBool::new(false));
    let busy = async {
        // Each of these looks into the store.
        let crowd = (0..200).map(|_| {
            let (mut one, url, stop) = (root.clone(), place.at("/cdn-cgi/access/get-identity"), Arc::clone(&stop));
            async move {
                while !stop.load(Ordering::Relaxed) {
                    one.get(&url).await;
                }
            }
        });
        futures_util::future::join_all(crowd).await;
    };
    let mut known = root.clone();
    let probe = async {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(7) {
            assert_eq!(known.get(&place.at("/")).await.status, 200, "after {:?}", start.elapsed());
        }
        elsewhere.control("POST", "/revocations", json!({ "email": ALICE })).await;
        let out = async || alice.get(&place.at("/")).await.sends_to_sign_in().then_some(());
        within(Duration::from_secs(5), "the busy node refuses the token", out).await;
        stop.store(true, Ordering::Relaxed);
    };
    in_time("the crowd goes", async { tokio::join!(busy, probe) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_04_a_store_that_fails_over_is_written_to_again_without_a_restart() {
    let primary = Server::primary().await;
    primary.create("door");
    let standby = primary.standby().await;
    let place = Place::on("door", Link::to(&primary.socket()).await, "30s").await;
    let mut alice = place.signed_in(ALICE).await;
    assert_eq!(alice.get(&place.at("/")).await.status, 200);
    let unseen = place.signed_in(ROOT).await;
    let seen_there = async || {
        // The replica is asked through the gateway itself, once the way leads there.
        (unseen.clone().get(&place.at("/")).await.status == 200).then_some(())
    };

    place.link.moves_to(&standby.socket());
    drop(primary);
    eventually("a replica answers for who is signed in", seen_there).await;
    assert_eq!(alice.get(&place.at("/")).await.status, 200);
    assert_eq!(place.signs_in().await, 503, "a replica takes no writes");
    assert_eq!(alice.get(&place.at("/cdn-cgi/access/logout")).await.status, 503);
    assert_eq!(alice.get(&place.at("/")).await.status, 200);

    standby.promote();
    let signs_in = async || (place.signs_in().await == 200).then_some(());
    within(Duration::from_secs(15), "people sign in again", signs_in).await;
    let copy = alice.clone();
    assert_eq!(alice.get(&place.at("/cdn-cgi/access/logout")).await.status, 200);
    assert!(copy.clone().get(&place.at("/")).await.sends_to_sign_in());
}
