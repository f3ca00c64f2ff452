//! A person with a real browser: Chromium signs in through the pages.

use crate::support::browser::Browser;
use crate::support::config::{ALICE, MALLORY};
use crate::support::gateway::Gateway;
use crate::support::world::World;

/// What the pages' own scripts and policies complain about.
async fn assert_no_complaints(browser: &Browser, page: &str) {
    // Asking the page itself: did its own inline script and style load under its policy?
    let styled = browser.run("return getComputedStyle(document.body).fontFamily !== ''").await;
    assert_eq!(styled, true, "{page} has its style");
    let overflow =
        browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth").await;
    assert_eq!(overflow, true, "{page} needs no sideways scrolling");
    let labelled = browser
        .run("return [...document.querySelectorAll('input:not([type=hidden]),textarea')].every(i => i.labels.length > 0)")
        .await;
    assert_eq!(labelled, true, "every field of {page} has a label");
    let foreign = browser
        .run("return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(location.origin))")
        .await;
    assert_eq!(foreign, serde_json::json!([]), "{page} loads nothing from elsewhere");
}

#[tokio::test]
async fn a_person_signs_in_is_refused_tries_again_and_signs_out() {
    let world = World::start().await;
    let browser = Browser::start().await;
    let app = world.app("/wiki?page=Home");

    browser.open(&format!("{app}#section")).await;
    assert_eq!(browser.title().await, "Sign in ・ Cloudflare Access");
    assert_no_complaints(&browser, "the sign-in page").await;
    browser.press("a[href*='idp=']").await;
    browser.arrives_at(&format!("{}/cdn-cgi/doorward/idp", world.gateway.team_url())).await;
    assert_no_complaints(&browser, "the people page").await;

    browser.press(&format!("button[value='{MALLORY}']")).await;
    browser.arrives_at(&format!("{}/cdn-cgi/access/callback", world.gateway.team_url())).await;
    assert!(browser.text().await.contains("That account does not have access"), "{}", browser.source().await);
    assert_no_complaints(&browser, "the page of a refusal").await;
    world.origin.assert_untouched("somebody who was refused");

    browser.press("a[href*='idp=']").await;
    browser.press(&format!("button[value='{ALICE}']")).await;
    let arrived = browser.arrives_at(&app).await;
    assert_eq!(browser.text().await, "ok", "{arrived}");
    assert!(world.origin.last().assertion().is_some());

    let script = "const done = arguments[0]; return document.cookie";
    assert_eq!(browser.run(script).await, "", "no script reads our cookies");

    browser.open(&world.app("/cdn-cgi/access/logout")).await;
    assert!(browser.text().await.contains("signed out"), "{}", browser.text().await);
    browser.open(&world.app("/")).await;
    assert_eq!(browser.title().await, "Sign in ・ Cloudflare Access");
    browser.close().await;
}

#[tokio::test]
async fn dev_shows_a_person_who_they_are_and_a_fragment_survives_the_way() {
    let gateway = Gateway::dev(&[]).await;
    let app = gateway.ready["apps"][0]["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let browser = Browser::start().await;
    browser.open(&format!("{app}/#claims")).await;
    // The demo goes straight to the people, as there is one provider.
    browser.picture("sign-in", 820, 760).await;
    browser.press("#people button").await;
    let arrived = browser.arrives_at(&app).await;
    assert!(browser.text().await.contains("You are"), "{}", browser.text().await);
    assert!(arrived.ends_with("#claims"), "{arrived}");
    assert_no_complaints(&browser, "the demo page").await;
    browser.picture("demo", 820, 1000).await;
    browser.page.set_window_size(360, 740).await.unwrap();
    assert_no_complaints(&browser, "the demo page on a phone").await;

    browser.press_text("Sign out").await;
    browser.page.wait().for_element(fantoccini::Locator::Css("h1")).await.unwrap();
    assert!(browser.text().await.to_lowercase().contains("signed out"), "{}", browser.text().await);
    browser.close().await;
}
