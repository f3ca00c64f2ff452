//! People who sign in, work and sign out while nodes are killed under them.
//! Everything they are told is kept in the history.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::TEAM;
use super::history::{Answer, Event, History, What};
use crate::support::config::APP;
use crate::support::gateway::Gateway;

/// Chance that can be had again: `DOORWARD_SEED` is the seed of an earlier run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn seeded(what: &str) -> Chance {
        let given = std::env::var("DOORWARD_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        eprintln!("{what}: DOORWARD_SEED={seed}");
        Chance(seed)
    }

    /// Another one, for somebody who draws at the same time.
    pub(crate) fn split(&mut self) -> Chance {
        Chance(self.next())
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    pub(crate) fn millis(&mut self, least: usize, most: usize) -> Duration {
        Duration::from_millis((least + self.below(most - least)) as u64)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Where a process is reached, whether it still lives or not.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) life: usize,
    pub(crate) public: SocketAddr,
    admin: SocketAddr,
    api_token: String,
}

impl Reach {
    pub(crate) fn of(gateway: &Gateway, life: usize) -> Reach {
        let api_token = gateway.ready["api_token"].as_str().expect("an emulator").to_owned();
        Reach { life, public: gateway.public(), admin: gateway.admin(), api_token }
    }
}

/// Somebody with the tokens of their sign-ins.
#[derive(Clone, Debug)]
struct Person {
    email: String,
    tokens: Vec<String>,
    ending: bool,
}

pub(crate) struct Load {
    pub(crate) history: History,
    people: Mutex<Vec<Person>>,
    http: reqwest::Client,
}

impl Load {
    pub(crate) fn new() -> Load {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(Duration::from_secs(10)).build().expect("a client");
        Load { history: History::default(), people: Mutex::default(), http }
    }

    pub(crate) fn people(&self) -> usize {
        self.people.lock().expect("not poisoned").len()
    }

    /// A place among the people. Nobody knows their tokens yet.
    pub(crate) fn newcomer(&self) -> (usize, String) {
        let mut people = self.people.lock().expect("not poisoned");
        let email = format!("p{}@corp.test", people.len());
        people.push(Person { email: email.clone(), tokens: Vec::new(), ending: false });
        (people.len() - 1, email)
    }

    pub(crate) fn holds(&self, who: usize, token: String) {
        self.people.lock().expect("not poisoned")[who].tokens.push(token);
    }

    /// Somebody signs in, as often as said.
    pub(crate) async fn sign_in(&self, at: &Reach, times: usize) {
        let (who, email) = self.newcomer();
        let mut tokens = Vec::new();
        for _ in 0..times {
            let begun = Instant::now();
            let token = self.control(at, "/tokens", json!({ "app": "App", "email": email })).await;
            let token = token.and_then(|answer| answer["token"].as_str().map(str::to_owned));
            self.note(who, at, begun, What::SignIn(token.is_some()));
            let Some(token) = token else { break };
            tokens.push(token);
        }
        // Nobody ends somebody who is still signing in.
        self.people.lock().expect("not poisoned")[who].tokens = tokens;
    }

    /// One of those who have not been ended is revoked, or, with a single sign-in, signs out.
    pub(crate) async fn end_somebody(&self, at: &Reach, chance: &mut Chance) {
        let Some((who, person)) = self.somebody_to_end(chance) else { return };
        let begun = Instant::now();
        let done = match (person.tokens.as_slice(), chance.below(2)) {
            ([token], 0) => self.get(at, "/cdn-cgi/access/logout", token).await == Some(200),
            _ => self.control(at, "/revocations", json!({ "email": person.email })).await.is_some(),
        };
        self.note(who, at, begun, What::End(done));
    }

    /// Somebody asks for something, with one of their tokens.
    pub(crate) async fn ask(&self, at: &Reach, who: usize, chance: &mut Chance) {
        let person = self.people.lock().expect("not poisoned")[who].clone();
        if person.tokens.is_empty() {
            return;
        }
        let begun = Instant::now();
        let answer = match self.get(at, "/", &person.tokens[chance.below(person.tokens.len())]).await {
            Some(200) => Answer::Passed,
            Some(302 | 403) => Answer::Refused,
            Some(status) => Answer::Other(status),
            None => Answer::Nothing,
        };
        self.note(who, at, begun, What::Request(answer));
    }

    pub(crate) async fn rotate(&self, at: &Reach) {
        self.control(at, "/keys/rotate", json!({})).await;
    }

    fn somebody_to_end(&self, chance: &mut Chance) -> Option<(usize, Person)> {
        let mut people = self.people.lock().expect("not poisoned");
        let candidates: Vec<usize> =
            (0..people.len()).filter(|who| !people[*who].ending && !people[*who].tokens.is_empty()).collect();
        // Some stay for good.
        let who = *candidates.get(chance.below(candidates.len() + 5))?;
        people[who].ending = true;
        Some((who, people[who].clone()))
    }

    fn note(&self, who: usize, at: &Reach, begun: Instant, what: What) {
        self.history.add(Event { who, lives: vec![at.life], begun, ended: Instant::now(), what });
    }

    async fn control(&self, at: &Reach, path: &str, body: Value) -> Option<Value> {
        let url = format!("http://{}/emulator/v1{path}", at.admin);
        let answer = self.http.post(url).bearer_auth(&at.api_token).json(&body).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.json().await.ok()
    }

    async fn get(&self, at: &Reach, path: &str, token: &str) -> Option<u16> {
        let request = self.http.get(format!("http://{}{path}", at.public)).header("Host", APP);
        let answer = request.header("Cookie", format!("CF_Authorization={token}")).send().await.ok()?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let to_sign_in = status != 302 || location.starts_with(TEAM);
        answer.bytes().await.ok()?;
        Some(if to_sign_in { status } else { 599 })
    }
}
