//! `doorward dev` from exec to ready, and a namespace in it from call to answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use crate::Outcome;
use crate::child::Child;
use crate::doorward::folder;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::Spread;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let times = if bench.settings.quick { 3 } else { 15 };
    let kept = folder()?;
    let kept = kept.path().join("data").to_string_lossy().into_owned();
    ready(bench, Some(&kept))?;
    let with = (0..times).map(|_| ready(bench, Some(&kept))).collect::<Outcome<Vec<f64>>>()?;
    let without = (0..times).map(|_| ready(bench, None)).collect::<Outcome<Vec<f64>>>()?;
    for (name, times, goal) in [
        ("`doorward dev` from exec to ready, keys to be made", without, Goal::AtMost(150.0, 600.0)),
        ("… keys there", with, Goal::AtMost(40.0, 300.0)),
    ] {
        let times = Spread::of(times);
        report.figure(name, times.median(), &times.to_string(), " ms", goal);
    }
    let made = Spread::of(namespaces(bench, if bench.settings.quick { 10 } else { 100 })?);
    report.figure("A namespace from call to answer", made.median(), &made.to_string(), " ms", Goal::AtMost(5.0, 20.0));
    Ok(())
}

/// One after the other, each on a connection of its own; keys lie ready by then.
fn namespaces(bench: &Bench, times: usize) -> Outcome<Vec<f64>> {
    let (_child, line) = started(bench, None)?;
    let ready: serde_json::Value = serde_json::from_str(&line)?;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let (admin, token) = (text("admin").replace("http://", ""), text("api_token"));
    let made = || -> Outcome<f64> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&admin)?;
        write!(
            stream,
            "POST /emulator/v1/namespaces HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.starts_with("HTTP/1.1 201 ") {
            true => Ok(began.elapsed().as_secs_f64() * 1000.0),
            false => Err(format!("no namespace was made: {answer}").into()),
        }
    };
    // The first find no keys, and begin to have them made.
    (0..8).try_for_each(|_| made().map(drop))?;
    (0..times).map(|_| made()).collect()
}

fn ready(bench: &Bench, data: Option<&str>) -> Outcome<f64> {
    let began = Instant::now();
    started(bench, data)?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// The process, and the line that it said when it was ready.
fn started(bench: &Bench, data: Option<&str>) -> Outcome<(Child, String)> {
    let program = bench.settings.doorward.to_string_lossy().into_owned();
    let mut words = vec![&*program, "dev", "--port", "0", "--admin-port", "0", "--ready-json"];
    words.extend(data.into_iter().flat_map(|folder| ["--data", folder]));
    let mut child = Child::start("doorward dev", None, &words, &bench.folder.path().join("dev.log"))?;
    let line = child.line()?;
    Ok((child, line))
}
