//! cloudflared itself, where the machine has one on its PATH, unmodified; what
//! it would send is sent step by step in `command_line`, `tcp_origins` and
//! `ssh_certificates`, and as a whole in `cloudflared_trials`, everywhere. And the files that sign it in without a browser.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::command_line::approve;
use crate::names::{DOMAIN, proxied};
use crate::ssh_certificates::authority;
use crate::support::client::Client;
use crate::support::cloudflared::{Cloudflared, Kind, Way, binary, seed};
use crate::support::config::{ALICE, APP, Config, ROBOT, app, route};
use crate::support::deadline::{eventually, in_time};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::ssh::{OPTIONS, Sshd, myself};
use crate::support::tcp::TcpOrigin;
use crate::support::token;

const SSH: &str = "ssh.localhost";
const OVER: &[u8] = b"over the tunnel, then leave\n";
const POLICIES: &str = r#"policies = [
    { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
    { name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
]"#;

/// An emulator that its proxy leads to, and a home folder for cloudflared.
struct Place {
    gateway: Gateway,
    installed: Cloudflared,
    _http: Origin,
    tcp: TcpOrigin,
}

impl Place {
    async fn start() -> Place {
        Place::with(|config| config).await
    }

    async fn with(change: impl FnOnce(Config) -> Config) -> Place {
        let (http, tcp) = (Origin::start().await, TcpOrigin::start().await);
        let config = proxied(Config::standard(&http)).and(&route(SSH, &tcp.url())).and(&app("Ssh", SSH, POLICIES));
        let gateway = Gateway::serve(&change(config)).await;
        let installed = Cloudflared::new(Kind::Followed, Way::to(&gateway));
        Place { gateway, installed, _http: http, tcp }
    }

    /// Runs `doorward cloudflared seed` with these arguments; exit code, output, errors.
    async fn seed(&self, arguments: &[&str]) -> (i32, String, String) {
        seed(&self.gateway, self.installed.home(), arguments).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.installed.file(name)
    }

    fn token_file(&self, app: &str, host: &str) -> PathBuf {
        self.installed.token_file(host, &self.gateway.aud(app))
    }

    fn claims(&self, path: &Path) -> Value {
        token::claims(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// What it says on its standard output when it ends well.
    async fn said(&self, binary: &Path, arguments: &[&str]) -> String {
        let output = in_time("cloudflared ends", self.installed.command(binary, arguments).output()).await.unwrap();
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{errors}");
        out.into_owned()
    }

    /// `access tcp` with these arguments besides, until the origin leaves; what it says is wrong.
    async fn tunnel(&self, binary: &Path, arguments: &[&str]) -> String {
        self.tunnel_to(SSH, binary, arguments).await
    }

    async fn tunnel_to(&self, host: &str, binary: &Path, arguments: &[&str]) -> String {
        let arguments = [&["access", "tcp", "--hostname", host], arguments].concat();
        let mut tunnel = self.installed.command(binary, &arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut to = tunnel.stdin.take().unwrap();
        to.write_all(OVER).await.unwrap();
        let output = in_time("the origin leaves, and cloudflared with it", tunnel.wait_with_output()).await.unwrap();
        drop(to);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs it to its end, and signs in where it sends a browser.
    async fn with_a_browser(&self, binary: &Path, arguments: &[&str]) -> String {
        let mut command = self.installed.command(binary, arguments);
        let (output, ()) = tokio::join!(in_time("cloudflared ends", command.output()), async {
            let url = eventually("cloudflared opens a browser", async || self.installed.opened()).await;
            let page = approve(&mut Client::through_proxy(&self.gateway), &url, ALICE).await;
            assert_eq!(page.status, 200, "{}", page.body);
        });
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[tokio::test]
async fn cf_12_seeded_files_have_the_names_modes_and_contents_that_cloudflared_expects() {
    let place = Place::start().await;
    let (code, out, errors) = place.seed(&["--user", ALICE, "--app", APP, "--app", SSH, "--ttl", "2h"]).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let keys: Value =
        serde_json::from_str(&std::fs::read_to_string(place.file(&format!("{DOMAIN}-jwks"))).unwrap()).unwrap();
    assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()), "{keys}");
    let org = place.claims(&place.file(&format!("{DOMAIN}-org-token")));
    assert_eq!((&org["type"], &org["email"]), (&json!("org"), &json!(ALICE)));
    for (app, host) in [("App", APP), ("Ssh", SSH)] {
        let claims = place.claims(&place.token_file(app, host));
        assert_eq!(claims["aud"], json!([place.gateway.aud(app)]));
        assert_eq!((&claims["iss"], &claims["email"]), (&json!(format!("https://{DOMAIN}")), &json!(ALICE)));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 7200);
    }
    assert!(!place.token_file("Other", "other.localhost").exists(), "it was not asked for");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.file("")), 0o700);
    for line in out.lines() {
        assert_eq!(mode(Path::new(line)), 0o600, "{line}");
    }
    assert_eq!(out.lines().count(), 6, "{APP} has three applications: {out}");

    let cookie = std::fs::read_to_string(place.token_file("App", APP)).unwrap();
    let reply = Client::through_proxy(&place.gateway)
        .request_with(&format!("https://{APP}/"), "Cf-Access-Token", &cookie)
        .await;
    assert_eq!(reply.status, 200, "the token is good");
}

#[tokio::test]
async fn cf_12_an_application_of_many_hosts_is_seeded_once_for_all_of_them() {
    let wild = route("*.wild.localhost", "http://127.0.0.1:1") + &app("Wild", "*.wild.localhost/docs", POLICIES);
    let place = Place::with(|config| config.and(&wild)).await;
    let (code, _, errors) = place.seed(&["--user", ALICE]).await;
    assert_eq!((code, errors.as_str()), (0, ""));
    let kept = std::fs::read_to_string(place.token_file("Wild", "*.wild.localhost")).unwrap();
    for host in ["a", "b"] {
        let url = format!("https://{host}.wild.localhost/docs/x");
        assert_eq!(place.installed.token(&url).await.as_deref(), Ok(kept.as_str()), "{host}");
    }
}

#[tokio::test]
async fn seeding_says_what_is_wrong_and_takes_nothing_from_the_real_service() {
    let place = Place::start().await;
    let (code, _, errors) = place.seed(&["--user", ALICE, "--app", "nowhere.localhost"]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("no application is at nowhere.localhost") && errors.contains(SSH), "{errors}");
    assert!(!place.file("").exists(), "nothing is written unless everything is there");

    std::fs::create_dir(place.file("")).unwrap();
    let real = place.file(&format!("{DOMAIN}-org-token"));
    std::fs::write(&real, "eyJhbGciOiJSUzI1NiIsImtpZCI6IjdmM2EifQ.e30.x").unwrap();
    let (code, _, errors) = place.seed(&["--user", ALICE]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("is not an emulator's") && errors.contains("--home"), "{errors}");
    assert!(!place.token_file("App", APP).exists());
    std::fs::remove_file(&real).unwrap();
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0);
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0, "what an emulator gave is replaced");
}

#[tokio::test]
async fn cf_1_to_4_and_8_cloudflared_signs_in_once_and_goes_on_without_a_browser() {
    let Some(binary) = binary() else { return };
    let place = Place::start().await;
    let url = format!("https://{APP}/page?x=1");
    let printed = place.with_a_browser(&binary, &["access", "login", &url]).await;
    let file = place.token_file("App", APP);
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(printed.contains("Successfully fetched your token:") && printed.contains(&first), "{printed}");
    assert_eq!(place.said(&binary, &["access", "token", &format!("-app={url}")]).await.trim(), first);
    // Exchanged for another application, silently; sent along by curl.
    // What curl prints, cloudflared hands on unless curl ends first: its files alone are sure.
    let head = place.installed.home().join("head");
    place.said(&binary, &["access", "curl", "https://other.localhost/", "-s", "-D", head.to_str().unwrap()]).await;
    let head = std::fs::read_to_string(head).unwrap();
    assert!(head.lines().next().unwrap().contains(" 200"), "{head}");
    assert_eq!(place.claims(&place.token_file("Other", "other.localhost"))["email"], ALICE);
    // One that was deleted is exchanged again, and so is one that does not hold.
    std::fs::remove_file(&file).unwrap();
    place.said(&binary, &["access", "login", &url]).await;
    let second = std::fs::read_to_string(&file).unwrap();
    let broken = format!("{}A{}", &second[..second.len() - 9], &second[second.len() - 8..]);
    std::fs::write(&file, &broken).unwrap();
    place.said(&binary, &["access", "login", &url]).await;
    assert_ne!(std::fs::read_to_string(&file).unwrap(), broken);
}

#[tokio::test]
async fn cf_9_cf_10_cf_12_a_seeded_cloudflared_reaches_tcp_and_gets_its_key_signed() {
    let Some(binary) = binary() else { return };
    let place = Place::start().await;
    let account = place.gateway.ready["account_id"].as_str().unwrap();
    let path = format!("/client/v4/accounts/{account}/access/apps/{}/ca", place.gateway.app_id("Ssh"));
    assert_eq!(place.gateway.admin_call("POST", &path, None).await.0, 200);
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0);
    let token = place.said(&binary, &["access", "token", &format!("-app=https://{SSH}")]).await;
    assert_eq!(token.trim(), std::fs::read_to_string(place.token_file("Ssh", SSH)).unwrap());

    assert_eq!(place.tunnel(&binary, &[]).await, "");
    assert_eq!(place.tcp.heard().last().unwrap().bytes, OVER);

    place.said(&binary, &["access", "ssh-gen", "--hostname", SSH]).await;
    let certificate = place.file(&format!("{SSH}-cf_key-cert.pub"));
    let shown = Command::new("ssh-keygen").arg("-L").arg("-f").arg(&certificate).output().await.unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Key ID: \"alice@corp.test\"") && shown.contains("alice\n"), "{shown}");
}

#[tokio::test]
async fn cf_9_a_service_token_opens_the_tunnel_and_in_legacy_mode_a_person_behind_a_wrong_one() {
    let Some(binary) = binary() else { return };
    let (id, secret) = (["--id", ROBOT[0].1], ["--secret", ROBOT[1].1]);
    let wrong = ["--secret", "not-its-secret"];
    let place = Place::start().await;
    assert_eq!(place.tunnel(&binary, &[id, secret].concat()).await, "");
    assert_eq!(place.tcp.heard().last().unwrap().bytes, OVER);
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0);
    let said = place.tunnel(&binary, &[id, wrong].concat()).await;
    assert!(said.contains("bad handshake") && place.tcp.heard().len() == 1, "no redirect to the sign-in: {said}");

    let domain = "domain = \"acme.cloudflareaccess.com\"";
    let legacy = format!("{domain}\nstrict_service_token_auth = false");
    let place = Place::with(|config| config.with(domain, &legacy)).await;
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0);
    assert_eq!(place.tunnel(&binary, &[id, wrong].concat()).await, "");
    assert_eq!(place.tcp.heard().last().unwrap().bytes, OVER);
}

#[tokio::test]
async fn cf_9_cf_10_openssh_goes_through_cloudflared_with_the_key_that_was_signed() {
    let Some(binary) = binary() else { return };
    let me = myself().await;
    let email = format!("{me}@corp.test");
    let later = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = format!("ssh://{}", later.local_addr().unwrap());
    let place = Place::with(|config| {
        // The standard topology knows root already.
        let person = if me == "root" { String::new() } else { format!("[[user]]\nemail = \"{email}\"\n") };
        config.and(&route("key.localhost", &service)).and(&app("Key", "key.localhost", POLICIES)).and(&person)
    })
    .await;
    let _server = Sshd::at(later, &authority(&place.gateway, "Key").await).await;
    assert_eq!(place.seed(&["--user", &email]).await.0, 0);
    place.said(&binary, &["access", "ssh-gen", "--hostname", "key.localhost"]).await;
    let key = place.file("key.localhost-cf_key");
    let proxy = format!("-oProxyCommand={} access ssh --hostname %h", binary.display());
    let rest = [proxy.as_str(), "-i", key.to_str().unwrap(), "-l", &me, "key.localhost", "echo in, as; id -un"];
    let said = place.said(Path::new("ssh"), &[&OPTIONS[..], &rest].concat()).await;
    assert_eq!(said, format!("in, as\n{me}\n"));
}

#[tokio::test]
async fn a_bastion_leads_cloudflared_where_it_may() {
    let Some(binary) = binary() else { return };
    let tcp = TcpOrigin::start().await;
    let place = Place::with(|config| {
        let allowed = format!("allowed_destinations = [\"127.0.0.1:{}\"]\n", tcp.port());
        let bastion = route("bastion.localhost", "bastion") + &allowed;
        config.and(&bastion).and(&app("Bastion", "bastion.localhost", POLICIES))
    })
    .await;
    assert_eq!(place.seed(&["--user", ALICE]).await.0, 0);
    let to = |port: u16| format!("ssh://127.0.0.1:{port}/its/path/is/nothing");
    let (may, may_not) = (to(tcp.port()), to(place.tcp.port()));
    assert_eq!(place.tunnel_to("bastion.localhost", &binary, &["--destination", &may]).await, "");
    assert_eq!(tcp.heard().last().unwrap().bytes, OVER);
    let said = place.tunnel_to("bastion.localhost", &binary, &["--destination", &may_not]).await;
    assert!(said.contains("bad handshake"), "{said}");
    assert_eq!(place.tcp.heard(), []);
}
