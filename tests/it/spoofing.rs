//! Attack catalogue, group A: what a client says about identity never reaches an origin.

use crate::support::config::{ALICE, API, APP, ROBOT};
use crate::support::origin::Seen;
use crate::support::raw::exchange;
use crate::support::world::World;

/// `CLEAN`: the only fields of ours are those that we wrote.
fn assert_clean(seen: &Seen, token: &str) {
    let mut fields: Vec<String> = seen.access_fields().into_iter().map(str::to_ascii_lowercase).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["cf-access-authenticated-user-email", "cf-access-jwt-assertion"], "{:#?}", seen.head);
    assert_eq!(seen.assertion(), Some(token));
    assert_eq!(seen.head.field("cf-access-authenticated-user-email"), Some(ALICE));
}

async fn alice(world: &World) -> (String, String) {
    let token = world.token(ALICE, "App").await;
    let cookie = format!("Cookie: CF_Authorization={token}");
    (token, cookie)
}

#[tokio::test]
async fn a_01_a_forged_assertion_is_replaced_in_every_spelling_and_number() {
    let world = World::start().await;
    let (token, cookie) = alice(&world).await;
    for forged in [
        ["Cf-Access-Jwt-Assertion: x", "CF-ACCESS-JWT-ASSERTION: y"],
        ["cf-access-jwt-assertion: x", "cf-access-jwt-assertion: y"],
        ["Cf-Access-Authenticated-User-Email: root@corp.test", "Cf-Access-Anything-At-All: 1"],
    ] {
        world.origin.forget();
        let reply = world.raw_get("/", &[forged[0], &cookie, forged[1]]).await;
        assert_eq!(reply.status(), 200, "{forged:?}");
        assert_clean(&world.origin.only(), &token);
    }
}

#[tokio::test]
async fn a_02_a_name_that_a_server_could_fold_into_ours_is_removed() {
    let world = World::start().await;
    let (token, cookie) = alice(&world).await;
    for forged in [
        "Cf_Access_Jwt_Assertion: x",
        "CF_ACCESS_AUTHENTICATED_USER_EMAIL: root@corp.test",
        "cf-access_jwt-assertion: x",
        "cf.access.jwt.assertion: x",
        "Cf_Access-Authenticated_User-Email: root@corp.test",
    ] {
        world.origin.forget();
        let reply = world.raw_get("/", &[&cookie, forged]).await;
        assert_eq!(reply.status(), 200, "{forged}");
        assert_clean(&world.origin.only(), &token);
    }
}

#[tokio::test]
async fn a_04_an_open_part_carries_no_identity_at_all() {
    let world = World::start().await;
    let forged = ["Cf-Access-Jwt-Assertion: x.y.z", "Cf-Access-Authenticated-User-Email: root@corp.test"];
    let reply = world.raw_get("/public", &forged).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(world.origin.only().access_fields(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_06_a_connection_header_cannot_take_identity_or_framing_away() {
    let world = World::start().await;
    let (token, cookie) = alice(&world).await;
    for connection in [
        "Connection: close, Cf-Access-Jwt-Assertion",
        "connection: cf-access-jwt-assertion, x-forwarded-for, x-forwarded-proto, host, content-length, cookie",
        "Connection: Cf-Access-Authenticated-User-Email",
    ] {
        world.origin.forget();
        let port = world.public().port();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {APP}:{port}\r\n{cookie}\r\n{connection}\r\nContent-Length: 3\r\n\r\nabc"
        );
        let reply = world.raw(request).await;
        assert_eq!(reply.status(), 200, "{connection}");
        let seen = world.origin.only();
        assert_clean(&seen, &token);
        assert_eq!((seen.body.as_slice(), seen.complete), (b"abc".as_slice(), true));
        assert_eq!(seen.head.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(seen.head.field("host"), Some(format!("{APP}:{port}").as_str()));
        assert!(seen.head.field("cookie").is_some_and(|cookies| cookies.contains(&token)));
    }
}

#[tokio::test]
async fn a_07_trailers_are_dropped() {
    let world = World::start().await;
    let (token, cookie) = alice(&world).await;
    let head = format!("POST / HTTP/1.1\r\nHost: {APP}\r\n{cookie}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let trailers = "3\r\nabc\r\n0\r\nCf-Access-Jwt-Assertion: evil\r\nContent-Length: 9\r\nHost: b\r\n\r\n";
    let reply = world.raw(format!("{head}{trailers}")).await;
    assert_eq!(reply.status(), 200);
    let seen = world.origin.only();
    assert_clean(&seen, &token);
    assert_eq!((seen.body.as_slice(), seen.trailers.len()), (b"abc".as_slice(), 0));
    assert_eq!(seen.head.all("host").count(), 1);
}

#[tokio::test]
async fn a_08_credentials_for_us_do_not_reach_the_origin() {
    let world = World::start().await;
    let [id, secret] = ROBOT;
    let request = format!("GET / HTTP/1.1\r\nHost: {API}\r\n{}: {}\r\n{}: {}\r\n\r\n", id.0, id.1, secret.0, secret.1);
    let reply = exchange(world.public(), request).await.unwrap();
    assert_eq!(reply.status(), 200);
    let seen = world.origin.only();
    assert_eq!(
        seen.access_fields().iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>(),
        ["cf-access-jwt-assertion"]
    );
    assert!(!format!("{:?}", seen.head).contains(secret.1), "the secret stays here");

    world.origin.forget();
    let token = world.token(ALICE, "App").await;
    let cookies = format!(
        "Cookie: mine=1; CF_Binding=b; CF_AppSession=n0123456789abcdef0123456789abcdef; CF_Session=s; CF_Login_1_x=l; \
         CF_Authorization={token}; yours=2"
    );
    world.raw_get("/", &[&cookies]).await;
    let seen = world.origin.only();
    let cookies = seen.head.field("cookie").unwrap().split("; ");
    let mut names: Vec<&str> = cookies.map(|pair| pair.split('=').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["CF_Authorization", "mine", "yours"]);
}

#[tokio::test]
async fn a_response_header_of_the_origin_is_its_own_business() {
    use crate::support::origin::Answer;
    let world = World::start().await;
    let (_, cookie) = alice(&world).await;
    let fields = vec![("X-From-Origin".to_owned(), "1".to_owned()), ("Connection".to_owned(), "x-hop".to_owned())];
    world.origin.answer(Answer::With(fields, "body".to_owned()));
    let reply = world.raw_get("/", &[&cookie]).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, "body"));
    assert_eq!(reply.head.field("x-from-origin"), Some("1"));
}
