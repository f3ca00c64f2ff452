//! A real, headless Chromium, driven through WebDriver.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::deadline::eventually;
use super::tied::Tied;

/// A Chromium with a profile of its own.
pub(crate) struct Browser {
    pub(crate) page: Client,
    _driver: Driver,
    _profile: TempDir,
}

/// What keeps it from talking to anybody but the pages under test.
const ARGUMENTS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
];

impl Browser {
    pub(crate) async fn start() -> Browser {
        let driver = tokio::task::spawn_blocking(driver).await.expect("not cancelled");
        let profile = tempfile::Builder::new().prefix("doorward-chromium-").tempdir().expect("a temporary folder");
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&argument| argument.to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        // The pages' own errors are part of what the tests look at.
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let page = ClientBuilder::rustls()
            .expect("a client")
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts");
        Browser { page, _driver: driver, _profile: profile }
    }

    /// Takes the README's picture of this page, where `DOORWARD_PICTURES` names the folder for it.
    pub(crate) async fn picture(&self, name: &str, width: u32, height: u32) {
        let Some(folder) = std::env::var_os("DOORWARD_PICTURES") else { return };
        self.page.set_window_size(width, height).await.expect("a window of that size");
        self.run("window.scrollTo(0, 0)").await;
        let png = self.page.screenshot().await.expect("a picture");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png)
            .expect("the folder can be written to");
    }

    pub(crate) async fn open(&self, url: &str) {
        self.page.goto(url).await.expect("the page opens");
    }

    /// Waits until the address begins so.
    pub(crate) async fn arrives_at(&self, prefix: &str) -> String {
        let mut last = String::new();
        eventually(&format!("the browser arrives at {prefix}"), async || {
            last = self.page.current_url().await.ok()?.to_string();
            last.starts_with(prefix).then(|| last.clone())
        })
        .await
    }

    /// Waits for an element that CSS finds, and presses it.
    pub(crate) async fn press(&self, css: &str) {
        let element = self.page.wait().for_element(Locator::Css(css)).await;
        element
            .unwrap_or_else(|error| panic!("{css} is on the page: {error}"))
            .click()
            .await
            .expect("it can be pressed");
    }

    /// Presses the button or link with this text in it.
    pub(crate) async fn press_text(&self, text: &str) {
        let path = format!("//*[self::button or self::a][contains(normalize-space(.), \"{text}\")]");
        let element = self.page.wait().for_element(Locator::XPath(&path)).await;
        let element = match element {
            Ok(element) => element,
            Err(error) => panic!("{text:?} is on the page: {error}\n{}", self.source().await),
        };
        element.click().await.expect("it can be pressed");
    }

    /// The text a person sees.
    pub(crate) async fn text(&self) -> String {
        let body = self.page.wait().for_element(Locator::Css("body")).await.expect("a page has a body");
        body.text().await.expect("text")
    }

    pub(crate) async fn source(&self) -> String {
        self.page.source().await.expect("a page")
    }

    pub(crate) async fn title(&self) -> String {
        self.page.title().await.expect("a title")
    }

    /// Runs a script in the page; what it returns.
    pub(crate) async fn run(&self, script: &str) -> serde_json::Value {
        self.page.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Shows pages as wide as this, to a reader who likes them so (`light` or `dark`).
    pub(crate) async fn looks_like(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 480 });
        self.tools("Emulation.setDeviceMetricsOverride", metrics).await;
        // Colours that fade into others are neither these nor those.
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, still] });
        self.tools("Emulation.setEmulatedMedia", features).await;
    }

    /// Asks Chromium's developer tools for what WebDriver has no word for.
    pub(crate) async fn tools(&self, method: &'static str, params: Value) -> Value {
        self.page.issue_cmd(Tools { method, params }).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(crate) async fn close(self) {
        self.page.close().await.expect("Chromium closes");
    }
}

/// A command of the DevTools protocol, by the way that chromedriver has for it.
#[derive(Debug)]
struct Tools {
    method: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for Tools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.method, "params": self.params }).to_string()))
    }
}

/// A running chromedriver.
struct Driver {
    port: u16,
    _process: Tied,
    /// Kept open: a program that can no longer print may end.
    _output: BufReader<ChildStdout>,
}

/// Starts chromedriver on a free port of its own choice.
fn driver() -> Driver {
    let mut process = Tied::start(&["chromedriver", "--port=0"], Stdio::piped());
    let mut output = BufReader::new(process.stdout());
    let mut line = String::new();
    while output.read_line(&mut line).expect("text") > 0 {
        let port = line.split("on port ").nth(1).and_then(|rest| rest.trim().trim_end_matches('.').parse().ok());
        if let (true, Some(port)) = (line.contains("started successfully"), port) {
            return Driver { port, _process: process, _output: output };
        }
        line.clear();
    }
    panic!("chromedriver starts");
}
