//! Every route of the management API, asked by everybody who may not. The
//! routes are those of the document that the gateway serves, which is made of
//! its table of routes: a new one is asked here without anybody's doing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::Gateway;

/// A gateway, and everything that can be asked of it.
struct Door {
    gateway: Gateway,
    account: String,
    client: reqwest::Client,
    /// Method and path below `/client/v4`, parameters in braces.
    routes: Vec<(Method, String)>,
}

impl Door {
    async fn open() -> Self {
        let gateway = Gateway::serve(&Config::bare()).await;
        let account = gateway.ready["account_id"].as_str().unwrap().to_owned();
        let (status, document) = gateway.admin_call("GET", "/client/v4/openapi.json", None).await;
        assert_eq!(status, 200, "{document}");
        let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
        });
        let routes: Vec<_> = operations.collect();
        assert!(routes.len() > 40, "{} routes", routes.len());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { gateway, account, client, routes }
    }

    /// All routes, under this account and with ids that nobody has.
    fn asked(&self, account: &str) -> Vec<(Method, String)> {
        let nobody = "0c5ed2f4-2a5e-4a2f-9c80-0d6c3f1d7a11";
        let part = |part: &str| match part {
            "{account}" => account.to_owned(),
            part if part.starts_with('{') => nobody.to_owned(),
            part => part.to_owned(),
        };
        let filled = |path: &String| path.split('/').map(part).collect::<Vec<_>>().join("/");
        self.routes.iter().map(|(method, path)| (method.clone(), filled(path))).collect()
    }

    async fn ask(&self, method: &Method, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request =
            self.client.request(method.clone(), format!("http://{}/client/v4{path}", self.gateway.admin()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method != Method::GET {
            request = request.header("content-type", "application/json").body("{}");
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What every route shows to somebody who may see it, but for the log of who asked.
    async fn everything(&self) -> Vec<(String, Value)> {
        let mut shown = Vec::new();
        let bearer = format!("Bearer {}", self.gateway.ready["api_token"].as_str().unwrap());
        for (method, path) in self
            .asked(&self.account)
            .into_iter()
            .filter(|(method, path)| method == Method::GET && !path.ends_with("/audit_logs"))
        {
            let (_, answer) = self.ask(&method, &path, &[("authorization", &bearer)]).await;
            shown.push((path, answer["result"].clone()));
        }
        shown
    }
}

/// The one error of a refusal in Cloudflare's envelope.
fn code(answer: &Value) -> &Value {
    assert_eq!((&answer["success"], &answer["result"], &answer["messages"]), (&json!(false), &Value::Null, &json!([])));
    &answer["errors"][0]["code"]
}

#[tokio::test]
async fn p_01_no_route_answers_anybody_without_a_good_token() {
    let door = Door::open().await;
    let before = door.everything().await;
    let token = door.gateway.ready["api_token"].as_str().unwrap();
    let (bearer, longer) = (format!("Bearer {token}"), format!("Bearer {token}x"));
    let callers: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", &longer)],
        &[("authorization", token)],
        &[("authorization", &bearer), ("authorization", "Bearer wrong")],
        &[("x-auth-email", "a@b.test"), ("x-auth-key", "wrong")],
    ];
    for headers in callers {
        for (method, path) in door.asked(&door.account) {
            let (status, answer) = door.ask(&method, &path, headers).await;
            assert_eq!((status, code(&answer)), (401, &json!(10000)), "{method} {path} {headers:?}");
        }
    }
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn p_01_a_token_that_may_only_read_changes_nothing_on_any_route() {
    let door = Door::open().await;
    let path = format!("/client/v4/accounts/{}/doorward/api_tokens", door.account);
    let wanted = json!({ "name": "dashboard", "scope": "read" });
    let (_, made) = door.gateway.admin_call("POST", &path, Some(wanted)).await;
    let bearer = format!("Bearer {}", made["result"]["value"].as_str().unwrap());
    let before = door.everything().await;
    for (method, path) in door.asked(&door.account) {
        let (status, answer) = door.ask(&method, &path, &[("authorization", &bearer)]).await;
        match method {
            Method::GET => assert!([200, 400, 404].contains(&status), "{method} {path}: {status} {answer}"),
            _ => assert_eq!((status, code(&answer)), (403, &json!(10000)), "{method} {path}"),
        }
    }
    assert_eq!(door.everything().await, before);
    let tried = door.routes.iter().filter(|(method, _)| method != Method::GET).count();
    let path = format!("/client/v4/accounts/{}/audit_logs?actor.email=dashboard&per_page=1000", door.account);
    let (_, log) = door.gateway.admin_call("GET", &path, None).await;
    assert_eq!(log["result_info"]["total_count"], tried, "each attempt is in the audit log");
    assert!(log["result"].as_array().unwrap().iter().all(|line| line["action"]["result"] == false));
}

#[tokio::test]
async fn p_02_no_route_is_there_in_an_account_or_zone_that_is_not_ours() {
    let door = Door::open().await;
    let before = door.everything().await;
    let bearer = format!("Bearer {}", door.gateway.ready["api_token"].as_str().unwrap());
    let foreign = ["023e105f4ecef8ad9ca31a8372d0c353", "x", &door.account.to_uppercase()];
    for account in foreign {
        for ((method, path), (_, template)) in door.asked(account).into_iter().zip(&door.routes) {
            if !["{account}", "{zone}"].iter().any(|part| template.contains(part)) {
                continue;
            }
            let (status, answer) = door.ask(&method, &path, &[("authorization", &bearer)]).await;
            assert_eq!((status, code(&answer)), (404, &json!(7003)), "{method} {path}");
        }
    }
    assert_eq!(door.everything().await, before);
}
