//! Which application answers, row by row as Access documents it ("application paths").

use crate::support::config::{Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::world::World;

/// A pattern of an application's own, what it covers, and what it does not.
struct Row {
    pattern: &'static str,
    covers: &'static [&'static str],
    misses: &'static [&'static str],
}

/// Each row has a domain of its own, so that none answers for another.
const ROWS: [Row; 9] = [
    Row {
        pattern: "*.one.test",
        covers: &["a.one.test/", "a.one.test/x", "A.One.Test/"],
        misses: &["one.test/", "a.b.one.test/"],
    },
    Row {
        pattern: "*.*.two.test",
        covers: &["a.b.two.test/"],
        misses: &["a.two.test/", "a.b.c.two.test/", "two.test/"],
    },
    Row {
        pattern: "*test.three.test",
        covers: &["test.three.test/", "alphatest.three.test/"],
        misses: &["beta.test.three.test/", "testalpha.three.test/"],
    },
    Row {
        pattern: "test*.four.test",
        covers: &["test.four.test/", "testalpha.four.test/"],
        misses: &["alphatest.four.test/", "test.beta.four.test/"],
    },
    Row {
        pattern: "five.test",
        covers: &["five.test/", "five.test/x/y", "five.test:8443/x"],
        misses: &["a.five.test/"],
    },
    Row { pattern: "six.test/*", covers: &["six.test/", "six.test/x"], misses: &["a.six.test/"] },
    Row {
        pattern: "seven.test/alpha",
        covers: &["seven.test/alpha", "seven.test/alpha/", "seven.test/alpha/one", "seven.test/x/../alpha"],
        misses: &["seven.test/", "seven.test/alphabet", "seven.test/Alpha", "seven.test/x/alpha"],
    },
    Row {
        pattern: "eight.test/alpha/*",
        covers: &["eight.test/alpha/one", "eight.test/alpha/one/two"],
        misses: &["eight.test/alpha", "eight.test/alphabet/one"],
    },
    Row {
        pattern: "nine.test/foo*/bar",
        covers: &["nine.test/food/bar", "nine.test/food/stuff/bar", "nine.test/food/bar/below"],
        misses: &["nine.test/foo", "nine.test/food/bard", "nine.test/bar"],
    },
];

const EVERYBODY: &str = "policies = [{ name = \"All\", decision = \"allow\", include = [{ everyone = {} }] }]";

#[tokio::test]
async fn every_row_of_the_documented_table_holds() {
    let origin = Origin::start().await;
    let tables = ROWS.iter().map(|row| {
        let host = row.pattern.split('/').next().unwrap();
        route(host, &origin.url()) + &app(row.pattern, row.pattern, EVERYBODY)
    });
    let config = Config::bare().and(&tables.collect::<String>());
    let world = World { gateway: Gateway::serve(&config).await, origin };
    for Row { pattern, covers, misses } in &ROWS {
        let aud = world.gateway.aud(pattern);
        for place in *covers {
            let reply = world.stranger().get(&format!("http://{place}")).await;
            let location = reply.header("location").unwrap_or_default();
            assert!(
                reply.status == 302 && location.contains(&aud),
                "{pattern} covers {place}: {} {location}",
                reply.status
            );
        }
        for place in *misses {
            assert_eq!(world.stranger().get(&format!("http://{place}")).await.status, 404, "{pattern} misses {place}");
        }
    }
    world.origin.assert_untouched("addresses");
}

#[tokio::test]
async fn row_033_a_port_is_no_part_of_an_address_and_is_kept_in_what_we_say() {
    let world = World::start().await;
    let port = world.public().port();
    let reply = world.stranger().get(&world.app("/")).await;
    assert!(reply.location().path().ends_with(&format!("/app.localhost:{port}")), "{}", reply.location());
    let other = world.stranger().get("http://app.localhost:8443/").await;
    assert!(other.location().path().ends_with("/app.localhost:8443"), "{}", other.location());
    world.assert_asked_to_sign_in(&other, "App", "another port");
}

#[tokio::test]
async fn a_closer_path_stands_alone_and_inherits_nothing() {
    let world = World::start().await;
    for (path, app) in
        [("/", "App"), ("/admin", "Admin"), ("/admin/x", "Admin"), ("/adminx", "App"), ("/publicity", "App")]
    {
        let reply = world.stranger().get(&world.app(path)).await;
        world.assert_asked_to_sign_in(&reply, app, path);
    }
    assert_eq!(world.stranger().get(&world.app("/public/x")).await.status, 200, "a hole that was asked for");
}

#[tokio::test]
async fn row_082_all_hosts_of_an_application_have_one_audience() {
    let origin = Origin::start().await;
    let hosts = ["a.localhost", "b.localhost", "c.localhost"];
    let routes = hosts.map(|host| route(host, &origin.url())).concat();
    let lines = format!(
        "self_hosted_domains = [\"b.localhost/sub\"]\n\
         destinations = [{{ type = \"public\", uri = \"a.localhost\" }}, {{ uri = \"c.localhost\" }}]\n{EVERYBODY}"
    );
    let config = Config::bare().and(&routes).and(&app("Many", "a.localhost", &lines));
    let world = World { gateway: Gateway::serve(&config).await, origin };
    for place in ["a.localhost/", "b.localhost/sub/x", "c.localhost/y"] {
        let (host, path) = place.split_once('/').unwrap();
        let reply = world.stranger().get(&world.gateway.at(host, &format!("/{path}"))).await;
        world.assert_asked_to_sign_in(&reply, "Many", place);
    }
    assert_eq!(world.stranger().get(&world.gateway.at("b.localhost", "/")).await.status, 404);
}
