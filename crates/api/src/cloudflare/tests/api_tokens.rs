//! The API's own tokens.

use serde_json::{Value, json};

use super::door::{Door, START};

const PATH: &str = "/doorward/api_tokens";

async fn status(door: &Door, method: &str, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    door.send(method, &door.path("/access/groups"), &headers, "{}").await.status
}

#[tokio::test]
async fn a_token_is_shown_once_and_does_what_its_scope_says_until_it_is_revoked() {
    let door = Door::open().await;
    let mut tokens = Vec::new();
    for (name, scope) in [("ci", "edit"), ("dash/board", "read")] {
        let made = door.done(201, "POST", PATH, json!({ "name": name, "scope": scope })).await;
        tokens.push(made["value"].as_str().unwrap().to_owned());
        assert!((40..=80).contains(&tokens[tokens.len() - 1].len()), "as Terraform takes it");
    }
    let listed = door.get(PATH).await.body;
    assert!(tokens.iter().all(|token| !listed.to_string().contains(token)), "{listed}");
    let names: Vec<&Value> = listed["result"].as_array().unwrap().iter().map(|token| &token["name"]).collect();
    assert_eq!(names.len(), 2);
    let kept = door.objects.current();
    assert!(
        kept.all().all(|object| tokens.iter().all(|token| !format!("{object:?}").contains(token))),
        "digests alone"
    );

    assert_eq!((status(&door, "GET", &tokens[0]).await, status(&door, "POST", &tokens[0]).await), (200, 400));
    assert_eq!((status(&door, "GET", &tokens[1]).await, status(&door, "POST", &tokens[1]).await), (200, 403));
    assert_eq!(
        door.done(202, "DELETE", &format!("{PATH}/dash%2Fboard"), Value::Null).await,
        json!({ "name": "dash/board" })
    );
    assert_eq!((status(&door, "GET", &tokens[1]).await, status(&door, "GET", &tokens[0]).await), (401, 200));
    door.call("DELETE", &format!("{PATH}/dash%2Fboard"), Value::Null).await.refused(404, 12135);
}

#[tokio::test]
async fn a_token_that_cannot_be_one_is_not_made() {
    let door = Door::open().await;
    for (body, pointer) in [
        (json!({ "scope": "read" }), "/name"),
        (json!({ "name": "ci" }), "/scope"),
        (json!({ "name": "ci", "scope": "everything" }), "/scope"),
        (json!({ "name": "ci", "scope": "read", "expires_in": "soon" }), "/expires_in"),
    ] {
        door.call("POST", PATH, body).await.invalid(pointer);
    }
    let hour = json!({ "name": "ci", "scope": "read", "expires_in": "1h" });
    let made = door.done(201, "POST", PATH, hour.clone()).await;
    let end = START.plus(doorward_model::time::Lifetime::from_hours(1));
    assert_eq!(made["expires_on"], end.to_rfc3339());
    door.call("POST", PATH, hour).await.refused(409, 12132);
    let token = made["value"].as_str().unwrap();
    assert_eq!(status(&door, "GET", token).await, 200);
    assert!(door.clock.advance(doorward_model::time::Lifetime::from_hours(1)));
    assert_eq!(status(&door, "GET", token).await, 401);
}
