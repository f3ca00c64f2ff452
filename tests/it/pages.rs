//! Every page, ordinary or ugly, as a real browser shows it: on a phone and on
//! a screen, in light and in dark.

#[path = "../../crates/pages/examples/samples/gallery/mod.rs"]
mod gallery;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::browser::Browser;

/// Width, height, and what the reader likes; and whether axe looks, too: colours
/// are the scheme's and places the width's, so that two looks show all of both.
const LOOKS: [(u32, u32, &str, bool); 3] =
    [(320, 640, "dark", true), (768, 1024, "light", false), (1280, 900, "light", true)];

/// What axe finds that is serious, as `rule: selector` for each place.
const SERIOUS: &str = r#"
    const done = arguments[0];
    axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => done(
        violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`))
    ), (error) => done([String(error)]));
"#;

/// Whatever reaches beyond its right edge, but for what scrolls by itself.
const WIDER_THAN_THE_WINDOW: &str = r#"
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > width)
        .map((element) => element.outerHTML.slice(0, 120));
"#;

fn axe() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-deps/node/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}; scripts/test --deps installs it"))
}

/// Takes a picture of the whole page where `DOORWARD_GALLERY` names the folder
/// for it: a page is looked at by a person before it is called done.
async fn picture(browser: &Browser, name: &str) {
    let Some(folder) = std::env::var_os("DOORWARD_GALLERY") else { return };
    let height = browser.run("return Math.min(document.documentElement.scrollHeight, 4000)").await;
    let clip = json!({ "x": 0, "y": 0, "scale": 1, "height": height,
        "width": browser.run("return document.documentElement.clientWidth").await });
    let shot = browser.tools("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip })).await;
    let png = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, shot["data"].as_str().unwrap()).unwrap();
    std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
}

#[tokio::test]
async fn everybody_can_read_and_use_every_page_at_every_width() {
    let folder = tempfile::tempdir().unwrap();
    let (axe, browser) = (axe(), Browser::start().await);
    let mut found = Vec::new();
    for (name, html) in gallery::samples() {
        let file = folder.path().join(name).with_extension("html");
        std::fs::write(&file, html).unwrap();
        browser.open(&format!("file://{}", file.display())).await;
        browser.run(&axe).await;
        for (width, height, scheme, is_judged) in LOOKS {
            browser.looks_like(width, height, scheme).await;
            picture(&browser, &format!("{name}.{width}.{scheme}")).await;
            let mut complain = |complaints: Value| {
                let complaints = complaints.as_array().unwrap().iter().map(|text| text.as_str().unwrap());
                found.extend(complaints.map(|text| format!("{name} at {width}, {scheme}: {text}")));
            };
            complain(browser.run(WIDER_THAN_THE_WINDOW).await);
            if is_judged {
                complain(browser.page.execute_async(SERIOUS, Vec::new()).await.unwrap());
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.close().await;
}
