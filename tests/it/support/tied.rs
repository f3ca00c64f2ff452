//! Child processes that do not outlive the test run, however it ends.

use std::process::{Child, ChildStdin, Command, Stdio};

/// A process whose shell keeper reads from us and ends it when that pipe
/// closes: on drop, at the end of the test binary, or when it is killed.
pub(crate) struct Tied {
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

/// The child leads a process group of its own, so that what it started goes
/// with it. Postgres closes down fast on INT; others want TERM.
const KEEPER: &str = r#"
setsid "$@" </dev/null & child=$!
while read -r _; do :; done
kill -s INT -- "-$child" "$child" 2>/dev/null
kill -s TERM -- "-$child" "$child" 2>/dev/null
wait "$child"
[ -z "$LEAVES" ] || rm -rf "$LEAVES"
"#;

impl Tied {
    pub(crate) fn start(words: &[&str], output: Stdio) -> Tied {
        Self::start_in(words, output, "")
    }

    /// As [`Tied::start`]; at the end the folder `leaves` goes too.
    pub(crate) fn start_in(words: &[&str], output: Stdio, leaves: &str) -> Tied {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args(words)
            .env("LEAVES", leaves)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("sh is there");
        let lifeline = keeper.stdin.take();
        Tied { keeper, lifeline }
    }

    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.keeper.stdout.take().expect("started with piped output, taken once")
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}
