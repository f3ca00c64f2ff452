//! Unmodified clients of Access, each by its own configuration: `CLIENT DOMAIN AUDIENCE`.
//!
//! Says its version, then reads a token a line. Answers each with a line: `{"caller"}` of what it believed, or
//! `{"refused"}`. The environment leads them to an emulator; nothing here names one.

use cf_access::{Claims, Validator};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, domain, audience] = arguments.as_slice() else { panic!("say CLIENT DOMAIN AUDIENCE") };
    assert_eq!(client, "cf-access", "there is no other client");
    let team = domain.split('.').next().unwrap_or_default();
    let validator = Validator::new(team, audience.as_str());
    println!("{}", json!({ "version": version(client) }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(token) = lines.next_line().await? {
        let answer = match validator.validate(&token).await {
            Ok(Claims::Identity(person)) => json!({ "caller": person.email }),
            Ok(Claims::Service(machine)) => json!({ "caller": machine.common_name }),
            Err(error) => json!({ "refused": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(())
}

/// As it is locked.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let of_it = lock.split("[[package]]").find(|block| block.contains(&format!("name = \"{name}\"\n")));
    of_it.and_then(|block| block.split("version = \"").nth(1)?.split('"').next()).unwrap_or_default()
}
