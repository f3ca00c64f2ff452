//! What somebody finds who reads the database.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, API, APP, ROBOT};
use crate::support::world::World;

#[tokio::test]
async fn m_06_nothing_in_the_database_or_the_log_lets_its_reader_in() {
    let renewed = "session_duration = \"1h\"\nrefresh = \"edge\"";
    let world = World::with(|config| config.with("session_duration = \"24h\"", renewed)).await;
    let mut alice = world.signed_in(ALICE).await;
    let mut machine = Client::new(&world.gateway);
    assert_eq!(machine.request(Method::GET, &world.gateway.at(API, "/"), &ROBOT, None).await.status, 200);
    world.gateway.control("PUT", "/clock", json!({ "advance": "61m" })).await;
    assert_eq!(alice.get(&world.app("/renewed")).await.status, 200);

    let mut secrets = vec![ROBOT[1].1.to_owned(), world.gateway.ready["api_token"].as_str().unwrap().to_owned()];
    secrets.extend(alice.given.iter().map(|(_, cookie)| cookie.value.clone()).filter(|value| value.len() >= 20));
    let visited = alice.history.iter().flat_map(|url| url.query_pairs().into_owned());
    secrets.extend(
        visited.filter(|(name, _)| ["nonce", "code", "state"].contains(&name.as_str())).map(|(_, value)| value),
    );
    assert!(secrets.len() > 8 && alice.jar.value(APP, "CF_Authorization").is_some(), "{secrets:?}");
    let mut kept = world.gateway.log().into_bytes();
    for name in ["doorward.db", "doorward.db-wal"] {
        kept.extend(std::fs::read(world.gateway.folder().join(name)).unwrap());
    }
    for secret in &secrets {
        // Of a token the signature is what nobody else can make.
        let telling = secret.rsplit('.').next().unwrap().as_bytes();
        assert!(!kept.windows(telling.len()).any(|part| part == telling), "{secret} can be read");
    }
}
