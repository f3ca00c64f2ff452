//! Processes that take part in a measurement: each on a core of its choice,
//! ended with this program, with what they have cost so far.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::Outcome;

/// How long a process may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(10);

/// A process and everything it started. It ends with this value.
pub(crate) struct Child {
    pub(crate) name: String,
    process: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a program on one core, or on all; what it complains about goes to `log`.
    pub(crate) fn start(name: &str, core: Option<usize>, command: &[&str], log: &Path) -> Outcome<Self> {
        Self::start_with(name, core, command, &[], log)
    }

    /// The same with these environment variables.
    pub(crate) fn start_with(
        name: &str,
        core: Option<usize>,
        command: &[&str],
        environment: &[(&str, &str)],
        log: &Path,
    ) -> Outcome<Self> {
        let pinned = core.map(|core| ["taskset".to_owned(), "-c".to_owned(), core.to_string()]);
        let words: Vec<String> =
            pinned.into_iter().flatten().chain(command.iter().map(|&word| word.to_owned())).collect();
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .envs(environment.iter().copied())
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .map_err(|error| format!("{name} cannot be started ({error}); scripts/bench installs what is needed"))?;
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Ok(Self { name: name.to_owned(), input: process.stdin.take(), output, process })
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err(format!("{} ended before it was ready", self.name).into()) } else { Ok(line) }
    }

    pub(crate) fn say(&mut self, line: &str) -> Outcome<()> {
        let input = self.input.as_mut().expect("kept until the end");
        writeln!(input, "{line}")?;
        input.flush()?;
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the process and everything below it spent on processors, user and system time.
    pub(crate) fn cpu(&self) -> Duration {
        tree(self.id()).into_iter().map(cpu).sum()
    }

    /// Memory it holds, with everything below it, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        tree(self.id()).into_iter().map(resident).sum::<u64>() as f64 / 1024.0
    }

    /// Moves every thread of it to one core.
    pub(crate) fn pin(&self, core: usize) -> Outcome<()> {
        for id in tree(self.id()) {
            let moved = Command::new("taskset")
                .args(["-a", "-p", "-c", &core.to_string(), &id.to_string()])
                .stdout(Stdio::null())
                .status()?;
            if !moved.success() {
                return Err(format!("{} cannot be moved to core {core}", self.name).into());
            }
        }
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Outcome<()> {
        rustix::process::kill_process(Pid::from_child(&self.process), signal)?;
        Ok(())
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        let _gone = self.signal(Signal::TERM);
        let end = Instant::now() + FAREWELL;
        while self.is_alive() {
            if Instant::now() >= end {
                let _gone = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A process and all below it.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        next += 1;
        for task in tasks(id) {
            let children = fs::read_to_string(format!("/proc/{id}/task/{task}/children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}

fn tasks(id: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The scheduler's own account in nanoseconds; `/proc/PID/stat` tells the same
/// in steps of 10 ms.
fn cpu(id: u32) -> Duration {
    let spent = |task: String| {
        let account = fs::read_to_string(format!("/proc/{id}/task/{task}/schedstat")).unwrap_or_default();
        account.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks(id).into_iter().map(spent).sum())
}

fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
