//! `doorward export terraform`, read by HashiCorp's own parser of HCL.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::config::{Config, route};
use crate::support::gateway::{Gateway, run_with};
use crate::support::node;
use crate::support::origin::Origin;

const KIND: &str = "cloudflare_zero_trust_access_";

async fn export(words: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    run_with(&[&["export", "terraform"], words].concat(), environment).await
}

/// The one resource of a type with this name.
fn resource<'a>(hcl: &'a Value, kind: &str, name: &str) -> &'a Value {
    let found = &hcl["resource"][format!("{KIND}{kind}")][name];
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{kind} {name}: {hcl:#}");
    &found[0]
}

/// Every text of a document.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// Whether a reference, such as `${type.name.id}` or `${var.name}`, leads somewhere.
fn leads_somewhere(hcl: &Value, reference: &str) -> bool {
    let parts: Vec<&str> = reference.trim_start_matches("${").trim_end_matches('}').split('.').collect();
    match parts.as_slice() {
        ["string"] => true,
        ["var", name] => hcl["variable"][*name].is_array(),
        [kind, name] | [kind, name, "id"] => hcl["resource"][*kind][*name].is_array(),
        _ => false,
    }
}

#[tokio::test]
async fn what_the_api_shows_is_what_terraform_reads() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::bare().and(&route("wiki.localhost", &origin.url()))).await;
    let [account, token] = ["account_id", "api_token"].map(|name| gateway.ready[name].as_str().unwrap());
    let call = async |method: &str, path: &str, body: Option<Value>| {
        let path = format!("/client/v4/accounts/{account}/access/{path}");
        let (status, answer) = gateway.admin_call(method, &path, body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer["result"].clone()
    };
    let create = async |path: &str, body: Value| call("POST", path, Some(body)).await;
    let awkward = "a \"quoted\" ${var.x} %{if} $${y} \\n\nnext\tline é";
    let oidc = json!({
        "client_id": "doorward", "client_secret": "the-secret-of-the-provider", "auth_url": "https://kc.example.com/auth",
        "token_url": "https://kc.example.com/token", "certs_url": "https://kc.example.com/certs", "claims": ["groups"],
    });
    let provider = create("identity_providers", json!({ "name": "Keycloak", "type": "oidc", "config": oidc })).await;
    let robot = create("service_tokens", json!({ "name": "CI runner", "duration": "720h" })).await;
    create("tags", json!({ "name": "docs" })).await;
    let claim = json!({ "claim_name": "groups", "claim_value": awkward, "identity_provider_id": provider["id"] });
    // Names are one line.
    let name = awkward.replace(['\n', '\t'], " ");
    let staff = create("groups", json!({ "name": name, "include": [{ "oidc": claim }] })).await;
    let shared = json!({
        "name": "Staff", "decision": "allow", "include": [{ "group": { "id": staff["id"] } }], "session_duration": "8h",
    });
    let shared = create("policies", shared).await;
    let own = json!({
        "name": "Runners", "decision": "non_identity", "precedence": 7,
        "include": [{ "service_token": { "token_id": robot["id"] } }],
    });
    let link = json!({ "id": shared["id"], "precedence": 3 });
    let app = json!({
        "name": "Wiki", "type": "self_hosted", "domain": "wiki.localhost", "tags": ["docs"],
        "allowed_idps": [provider["id"]], "policies": [own, link], "app_launcher_visible": false,
        "cors_headers": { "allowed_origins": ["https://a.test"], "allowed_methods": ["GET"], "max_age": 600 },
        "custom_deny_message": awkward, "session_duration": "2h",
    });
    let app = create("apps", app).await;

    let file = gateway.folder().join("main.tf");
    let path = file.to_str().unwrap();
    let base = format!("http://{}/client/v4", gateway.admin());
    let environment = [("CLOUDFLARE_BASE_URL", base.as_str()), ("CLOUDFLARE_API_TOKEN", token)];
    let (code, output, errors) = export(&["--account", account, "--out", path], &environment).await;
    assert_eq!((code, output.as_str()), (0, ""), "{errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    let hcl = node::hcl(&file).await;

    let read = resource(&hcl, "application", "wiki");
    for field in ["name", "type", "domain", "session_duration", "destinations", "cors_headers", "app_launcher_visible"]
    {
        assert_eq!(read[field], app[field], "{field}: {read:#}");
    }
    // The parser's JSON has templates, in which a text that looks like one is escaped.
    let escaped = awkward.replace("${", "$${").replace("%{", "%%{");
    assert_eq!(read["custom_deny_message"], json!(escaped));
    assert_eq!(read["tags"], json!([format!("${{{KIND}tag.docs.id}}")]));
    assert_eq!(read["allowed_idps"], json!([format!("${{{KIND}identity_provider.keycloak.id}}")]));
    let policies = read["policies"].as_array().unwrap();
    assert_eq!(policies[0], json!({ "id": format!("${{{KIND}policy.staff.id}}"), "precedence": 3 }));
    assert_eq!((&policies[1]["name"], &policies[1]["precedence"]), (&json!("Runners"), &json!(7)));
    let token_id = &policies[1]["include"][0]["service_token"]["token_id"];
    assert_eq!(*token_id, json!(format!("${{{KIND}service_token.ci_runner.id}}")));
    let config = &resource(&hcl, "identity_provider", "keycloak")["config"];
    for field in ["client_id", "auth_url", "token_url", "certs_url", "claims"] {
        assert_eq!(config[field], provider["config"][field], "{field}");
    }
    assert_eq!(config["client_secret"], json!("${var.keycloak_client_secret}"));
    assert_eq!(hcl["variable"]["keycloak_client_secret"][0]["sensitive"], json!(true));
    assert_eq!(resource(&hcl, "policy", "staff")["session_duration"], json!("8h"));
    assert_eq!(resource(&hcl, "service_token", "ci_runner")["duration"], json!("720h"));
    for secret in ["the-secret-of-the-provider", robot["client_secret"].as_str().unwrap(), token] {
        assert!(!text.contains(secret) && !errors.contains(secret), "{secret}");
    }

    let imports = hcl["import"].as_array().unwrap();
    assert_eq!(imports.len(), 6, "one for each object: {imports:#?}");
    for (object, form) in [(&app, "accounts/"), (&staff, "accounts/"), (&shared, "")] {
        let id = format!("{form}{account}/{}", object["id"].as_str().unwrap());
        assert!(imports.iter().any(|import| import["id"] == json!(id)), "{id}: {imports:#?}");
    }
    let mut found = Vec::new();
    texts(&hcl, &mut found);
    let references = found.into_iter().filter(|text| text.starts_with("${"));
    let lost: Vec<&str> = references.filter(|reference| !leads_somewhere(&hcl, reference)).collect();
    assert_eq!(lost, [""; 0], "{text}");
}

#[tokio::test]
async fn what_a_file_declares_is_exported_without_a_gateway() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    let config = Config::standard(&origin).and(
        "[[group]]\nname = \"Staff\"\ninclude = [{ email_domain = { domain = \"corp.test\" } }]\n\
         [[list]]\nname = \"Offices\"\ntype = \"IP\"\nitems = [\"10.0.0.0/8\"]\n\
         [[policy]]\nname = \"Shared\"\ndecision = \"allow\"\ninclude = [{ group = { id = \"Staff\" } }]\n\
         require = [{ ip_list = { id = \"Offices\" } }]\n\
         [[app]]\nname = \"Linked\"\ndomain = \"app.localhost/linked\"\npolicies = [\"Shared\"]\n",
    );
    std::fs::write(&file, config.text(folder.path())).unwrap();
    let path = file.to_str().unwrap();
    let (code, output, errors) = export(&["--config", path], &[]).await;
    assert_eq!(code, 0, "{errors}");
    let tf = folder.path().join("main.tf");
    std::fs::write(&tf, &output).unwrap();
    let hcl = node::hcl(&tf).await;
    for app in ["app", "admin", "public", "api", "other", "linked"] {
        assert_eq!(resource(&hcl, "application", app)["type"], json!("self_hosted"));
    }
    let rules = resource(&hcl, "policy", "shared");
    assert_eq!(rules["require"][0]["ip_list"]["id"], json!("${cloudflare_zero_trust_list.offices.id}"));
    assert_eq!(hcl["resource"]["cloudflare_zero_trust_organization"]["access"][0]["name"], json!("acme"));
    assert!(errors.contains("the route of app.localhost: Access has no routes"), "{errors}");

    let (code, _, errors) = export(&["--config", path, "--out", tf.to_str().unwrap()], &[]).await;
    assert!(code == 1 && errors.contains("--force"), "{errors}");
    assert_eq!(export(&[], &[]).await.0, 2, "of what?");
    assert!(Path::new(path).exists());
}
