//! Forms in a real browser: Chromium holds each to the `form-action` of its
//! page through every redirect, and says nothing to the person when it stops.

use crate::support::browser::Browser;
use crate::support::config::MALLORY;
use crate::support::gateway::Gateway;
use crate::support::origin::{Answer, Origin};
use crate::support::world::World;

#[tokio::test]
async fn whoever_ends_their_session_in_the_demonstration_is_told_so() {
    let gateway = Gateway::dev(&[]).await;
    let app = gateway.ready["apps"][0]["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let browser = Browser::start().await;
    browser.open(&app).await;
    browser.press("#people button").await;
    browser.arrives_at(&app).await;
    browser.press_text("Expire my session").await;
    browser.arrives_at(&format!("{app}/expire")).await;
    assert!(browser.text().await.contains("Your session has ended"), "{}", browser.source().await);
    browser.press_text("Back to the demonstration").await;
    browser.arrives_at(&format!("{}/cdn-cgi/doorward/idp", gateway.team_url())).await;
    browser.close().await;
}

#[tokio::test]
async fn a_sign_in_ends_wherever_the_application_sends_its_visitor() {
    let (origin, elsewhere) = (Origin::start().await, Origin::start().await);
    let home = format!("{}/home", elsewhere.url());
    origin.answer(Answer::Bytes(
        format!("HTTP/1.1 302 Found\r\nLocation: {home}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .into_bytes(),
    ));
    let gateway = Gateway::dev(&["--origin", &origin.url()]).await;
    let browser = Browser::start().await;
    browser.open(gateway.ready["apps"][0]["url"].as_str().unwrap()).await;
    browser.press("#people button").await;
    browser.arrives_at(&home).await;
    assert_eq!(browser.text().await, "ok");
    browser.close().await;
}

#[tokio::test]
async fn whoever_is_refused_arrives_at_the_custom_deny_url() {
    let elsewhere = Origin::start().await;
    let no = format!("{}/no", elsewhere.url());
    let deny = format!("domain = \"app.localhost\"\ncustom_deny_url = \"{no}\"");
    let world =
        World::with(|config| config.with("domain = \"app.localhost\"\nsession", &format!("{deny}\nsession"))).await;
    let browser = Browser::start().await;
    browser.open(&world.app("/")).await;
    browser.press("a[href*='idp=']").await;
    browser.press(&format!("button[value='{MALLORY}']")).await;
    browser.arrives_at(&no).await;
    browser.close().await;
}
