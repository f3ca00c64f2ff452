//! Three nodes on one Postgres, killed and started again at random under load:
//! no refusal that should not be, and no pass.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::history::{Event, What};
use super::load::{Chance, Load, Reach};
use super::{at_app, of_one_team};
use crate::independent_provider::{POLICIES, sign_in};
use crate::support::client::Client;
use crate::support::config::{APP, Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::node::Provider;
use crate::support::origin::Origin;
use crate::support::postgres;

/// How long it goes on; `DOORWARD_CHAOS_SECONDS` says otherwise.
fn duration() -> Duration {
    let given = std::env::var("DOORWARD_CHAOS_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(20))
}

/// The nodes that can be reached now, by their place.
type Reached = Arc<Mutex<[Option<Reach>; 3]>>;

fn reached(nodes: &Reached) -> Vec<Reach> {
    nodes.lock().expect("not poisoned").iter().flatten().cloned().collect()
}

async fn started(config: &Config, load: &Load) -> (Gateway, Reach) {
    let life = load.history.begins();
    let gateway = Gateway::serve(config).await;
    let reach = Reach::of(&gateway, life);
    (gateway, reach)
}

/// Kills one or two nodes at a time, never all, and starts them again. Gives the number of kills.
async fn kill_at_random(
    config: &Config,
    load: &Load,
    nodes: &Reached,
    gateways: &mut [Option<Gateway>],
    mut chance: Chance,
    until: Instant,
) -> usize {
    let mut kills = 0;
    while Instant::now() < until {
        // The pace of the faults, not a wait for anything.
        tokio::time::sleep(chance.millis(200, 1200)).await;
        let first = chance.below(3);
        let places = if chance.below(3) == 0 { vec![first, (first + 1) % 3] } else { vec![first] };
        for place in &places {
            let reach = nodes.lock().expect("not poisoned")[*place].clone().expect("it was started");
            load.history.is_killed(reach.life);
            gateways[*place].take().expect("it was started").kill().await;
            nodes.lock().expect("not poisoned")[*place] = None;
            kills += 1;
        }
        tokio::time::sleep(chance.millis(0, 300)).await;
        for place in places {
            let (gateway, reach) = started(config, load).await;
            gateways[place] = Some(gateway);
            nodes.lock().expect("not poisoned")[place] = Some(reach);
        }
    }
    kills
}

/// One of several who do everything at once.
async fn work(load: &Load, nodes: &Reached, mut chance: Chance, until: Instant) {
    while Instant::now() < until {
        let reached = reached(nodes);
        let at = &reached[chance.below(reached.len())];
        match (chance.below(20), load.people()) {
            (0..=2, _) | (_, 0) => load.sign_in(at, 1).await,
            (3..=4, _) => load.end_somebody(at, &mut chance).await,
            (_, people) => load.ask(at, chance.below(people), &mut chance).await,
        }
    }
}

/// Somebody who signs in through all pages, each of them on another node.
async fn sign_in_through_all_pages(load: &Load, nodes: &Reached, until: Instant) {
    while Instant::now() < until {
        let reached = reached(nodes);
        let (who, email) = load.newcomer();
        let mut browser = Client::at(reached.iter().map(|reach| reach.public).collect());
        let begun = Instant::now();
        // A page that does not come, or is not the expected one, panics.
        let flow = AssertUnwindSafe(async move {
            let reply = sign_in(&mut browser, &at_app("/"), &email).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            browser.jar.value(APP, "CF_Authorization").expect("a token").to_owned()
        });
        let token = flow.catch_unwind().await.ok();
        let what = What::SignIn(token.is_some());
        let lives = reached.iter().map(|reach| reach.life).collect();
        load.history.add(Event { who, lives, begun, ended: Instant::now(), what });
        if let Some(token) = token {
            load.holds(who, token);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_06_three_nodes_killed_at_random_lose_no_sign_in_and_no_revocation() {
    let mut chance = Chance::seeded("three nodes killed at random");
    let (provider, origin) = (Provider::start().await, Origin::start().await);
    let tables = route(APP, &origin.url()) + &provider.config("Foreign") + &app("App", APP, POLICIES);
    let config = of_one_team(Config::bare()).and(&tables).on_store(&postgres::database().await);
    let (load, nodes) = (Load::new(), Reached::default());
    let mut gateways = Vec::new();
    for place in 0..3 {
        let (gateway, reach) = started(&config, &load).await;
        gateways.push(Some(gateway));
        nodes.lock().expect("not poisoned")[place] = Some(reach);
    }
    let until = Instant::now() + duration();
    let killing = kill_at_random(&config, &load, &nodes, &mut gateways, chance.split(), until);
    let working = futures_util::future::join_all((0..4).map(|_| work(&load, &nodes, chance.split(), until)));
    let (kills, _, ()) = tokio::join!(killing, working, sign_in_through_all_pages(&load, &nodes, until));
    let counts = load.history.counts();
    eprintln!("{kills} kills; sign-ins, ends, passed, refused: {counts:?}");
    let violations = load.history.violations();
    assert!(violations.is_empty(), "{} of them:\n{}", violations.len(), violations.join("\n"));
    assert!(kills > 3 && counts.iter().all(|count| *count > 10), "it was a real load: {kills} {counts:?}");
}
