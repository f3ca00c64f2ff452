//! What a gateway's start costs a test, in time of the processor: that of the
//! clock would measure who else is busy on the machine.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking, in its own functions too")]

use doorward_testkit::Gateway;

/// So that a test can afford one of its own: a good 45 without optimisation, and some room for a busy machine.
/// Keys of its own would take three times as long.
const MOST: f64 = 60.0;

const STARTS: u32 = 20;

#[tokio::test]
async fn a_start_is_a_matter_of_milliseconds_once_the_keys_are_made() {
    // The process's first makes the keys that the others share.
    Gateway::start().await.stop().await;
    let before = spent();
    for _ in 0..STARTS {
        drop(Gateway::start().await);
    }
    let each = (spent() - before) / f64::from(STARTS);
    assert!(each < MOST, "{each} ms for a start, at most {MOST} are allowed");
    eprintln!("{each} ms of the processor for a start and an end");
}

/// Milliseconds of all threads of this process, in the kernel too.
fn spent() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The second field is the program's name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |number: usize| fields[number].parse::<f64>().unwrap();
    // utime and stime, in hundredths of a second.
    (ticks(11) + ticks(12)) * 10.0
}
