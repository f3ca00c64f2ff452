//! `doorward env` in the words of each shell: taken over by it, and then real
//! programs go to the emulator by names that only the real service has.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::names::{DOMAIN, ISSUER, proxied};
use crate::support::config::{ALICE, APP};
use crate::support::deadline::in_time;
use crate::support::gateway::binary;
use crate::support::peers::script;
use crate::support::token;
use crate::support::world::World;

/// A shell, how it takes the variables over, and whether every machine has to have it.
const SHELLS: [(&str, &str, bool); 5] = [
    ("sh", r#"eval "$("$DOORWARD" env --admin "$ADMIN")""#, true),
    ("bash", r#"eval "$("$DOORWARD" env --admin "$ADMIN")""#, true),
    ("zsh", r#"eval "$("$DOORWARD" env --admin "$ADMIN")""#, false),
    ("fish", "$DOORWARD env --shell fish --admin $ADMIN | source", true),
    ("pwsh", "& $Env:DOORWARD env --shell pwsh --admin $Env:ADMIN | Out-String | Invoke-Expression", false),
];

/// What asks for a page in whatever shell, with a file for the rest of its arguments.
const ASKED: &str = "curl --silent --config request";

/// A program with nothing of ours in its environment but where the emulator is.
fn command(world: &World, program: &str) -> Command {
    let folder = world.gateway.folder();
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).current_dir(folder).kill_on_drop(true);
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("XDG_DATA_HOME", folder);
    command.env("DOORWARD", binary()).env("ADMIN", world.gateway.ready["admin"].as_str().unwrap());
    command
}

/// What a program prints, which has to end well.
async fn said(command: &mut Command) -> String {
    let output = in_time("the program ends", command.output()).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn env(world: &World, shell: &str) -> String {
    let admin = world.gateway.ready["admin"].as_str().unwrap();
    said(command(world, binary().to_str().unwrap()).args(["env", "--shell", shell, "--admin", admin])).await
}

#[tokio::test]
async fn what_env_says_is_taken_over_by_each_shell_and_leads_a_program_here() {
    let world = World::with(proxied).await;
    let token = world.gateway.token(json!({ "app": "App", "email": ALICE, "issuer": ISSUER })).await;
    let request = format!("url = \"https://{APP}/page\"\nheader = \"Cf-Access-Token: {token}\"\n");
    std::fs::write(world.gateway.folder().join("request"), request).unwrap();
    for (shell, takes_over, needed) in SHELLS {
        let path = std::env::var_os("PATH").unwrap();
        let there = std::env::split_paths(&path).any(|folder| folder.join(shell).is_file());
        assert!(there || !needed, "{shell} is not there: run `scripts/test --deps` first");
        if !there {
            continue;
        }
        let answer = said(command(&world, shell).args(["-c", &format!("{takes_over}\n{ASKED}")])).await;
        assert_eq!(answer, "ok", "{shell}");
        let seen = world.origin.only();
        assert_eq!(seen.head.target(), "/page", "{shell}");
        assert_eq!(token::claims(seen.assertion().unwrap())["email"], ALICE, "{shell}");
        world.origin.forget();
    }
}

/// Node's own client, at the address of the team that a program would put together.
fn fetched() -> String {
    format!("fetch('https://{DOMAIN}/cdn-cgi/access/certs').then((answer) => console.log(answer.status))")
}

#[tokio::test]
async fn a_file_of_variables_is_enough_for_node() {
    let world = World::with(proxied).await;
    std::fs::write(world.gateway.folder().join("variables"), env(&world, "dotenv").await).unwrap();
    let answer = said(command(&world, "node").args(["--env-file=variables", "-e", &fetched()])).await;
    assert_eq!(answer, "200\n");
}

#[tokio::test]
async fn a_service_of_a_compose_file_has_the_variables_and_every_file_that_they_name() {
    let world = World::with(proxied).await;
    let service: Value = serde_saphyr::from_str(&env(&world, "compose").await).unwrap();
    assert_eq!(service["network_mode"], "host", "the proxy is on loopback alone");
    // A dollar sign is written twice there.
    let variables: BTreeMap<&str, String> = service["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap().replace("$$", "$")))
        .collect();
    let answer = said(command(&world, "node").envs(&variables).args(["-e", &fetched()])).await;
    assert_eq!(answer, "200\n");

    let mounted: Vec<&str> = service["volumes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for value in variables.values() {
        let path = value.trim_start_matches("--require=").trim_matches('"');
        if Path::new(path).is_absolute() {
            assert!(mounted.contains(&format!("{path}:{path}:ro").as_str()), "{path} among {mounted:?}");
        }
    }
    assert!(mounted.iter().any(|file| file.contains("node-preload.cjs")), "{mounted:?}");
}

#[tokio::test]
async fn every_way_in_which_node_connects_leads_here_and_other_hosts_are_left_alone() {
    let world = World::with(proxied).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = elsewhere.local_addr().unwrap().port().to_string();
    std::fs::write(world.gateway.folder().join("variables"), env(&world, "dotenv").await).unwrap();
    let mut node = command(&world, "node");
    let node = node.args(["--env-file=variables", &script("node/preloaded.mjs"), DOMAIN, &port]);
    let (answers, first) = tokio::join!(said(node), async {
        let (mut stream, _) = in_time("somebody comes", elsewhere.accept()).await.unwrap();
        stream.read_u8().await.unwrap()
    });
    let answers: Value = serde_json::from_str(&answers).unwrap();
    let ways = ["fetch", "https", "tls", "positional", "http2"];
    assert_eq!(ways.map(|way| answers[way].clone()), [200; 5].map(Value::from), "{answers}");
    assert_eq!((first, &answers["elsewhere"]), (0x16, &json!("ECONNRESET")), "a handshake came where it was to go");
}
