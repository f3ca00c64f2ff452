//! The top pain of Access, in a real browser: a session that ends under a single-page application. The application
//! is the one in `examples/spa`.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::config::{ALICE, APP, Config, route};
use crate::support::gateway::Gateway;
use crate::support::node::Served;

const POLICIES: &str =
    r#"policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]"#;

struct Notes {
    gateway: Gateway,
    browser: Browser,
    _server: Served,
}

impl Notes {
    /// Alice is on the page, and her session ends within the hour.
    async fn open(refresh: &str) -> Notes {
        let server = Served::start("../examples/spa/server.mjs").await;
        let lines = format!("session_duration = \"1h\"\nrefresh = \"{refresh}\"\n{POLICIES}");
        let app = crate::support::config::app("Notes", APP, &lines);
        let gateway = Gateway::serve(&Config::bare().and(&route(APP, &server.url)).and(&app)).await;
        let browser = Browser::start().await;
        browser.open(&gateway.at(APP, "/")).await;
        browser.press("a[href*='idp=']").await;
        browser.press(&format!("button[value='{ALICE}']")).await;
        browser.arrives_at(&gateway.at(APP, "/")).await;
        let notes = Notes { gateway, browser, _server: server };
        // Gone as soon as the page is loaded anew.
        notes.browser.run("window.loadedOnce = true").await;
        notes
    }

    async fn an_hour_passes(&self) {
        self.gateway.control("PUT", "/clock", json!({ "advance": "61m" })).await;
    }

    /// Adds a note as a person would; what the page shows then.
    async fn add(&self, note: &str) -> serde_json::Value {
        let field = self.browser.page.find(fantoccini::Locator::Css("input[name=text]")).await.unwrap();
        field.send_keys(note).await.unwrap();
        self.browser.press("form button").await;
        crate::support::deadline::eventually("the form is done", async || {
            let done = self.browser.run("return document.forms[0].text.value === ''").await;
            (done == true).then_some(())
        })
        .await;
        self.shown().await
    }

    async fn shown(&self) -> serde_json::Value {
        let script = "const trouble = document.getElementById('trouble'); \
                      return [[...document.querySelectorAll('li')].map((note) => note.textContent), \
                      trouble.hidden ? null : trouble.textContent, window.loadedOnce === true]";
        self.browser.run(script).await
    }
}

#[tokio::test]
async fn as_with_access_a_page_whose_session_ended_loses_its_fetches_to_the_redirect_across_origins() {
    let notes = Notes::open("access").await;
    assert_eq!(notes.add("one").await, json!([["one"], null, true]));
    notes.an_hour_passes().await;
    assert_eq!(notes.add("two").await, json!([["one"], "TypeError: Failed to fetch", true]));

    notes.browser.open(&notes.gateway.at(APP, "/")).await;
    notes.browser.arrives_at(&notes.gateway.at(APP, "/")).await;
    assert_eq!(notes.add("three").await, json!([["one", "three"], null, false]), "a navigation mends it");
    notes.browser.close().await;
}

#[tokio::test]
async fn renewed_at_the_edge_a_page_does_not_notice_that_its_session_ended() {
    let notes = Notes::open("edge").await;
    assert_eq!(notes.add("one").await, json!([["one"], null, true]));
    notes.an_hour_passes().await;
    assert_eq!(notes.add("two").await, json!([["one", "two"], null, true]), "the same page, and no trouble");
    notes.browser.close().await;
}
