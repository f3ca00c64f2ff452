use doorward_model::time::Lifetime;

use super::*;
use crate::limits::Limits;
use crate::watch::TICK;

// One second is five ticks.
const SECOND: Ticks = 5;

fn bounds() -> Bounds {
    Bounds::of(&Limits {
        client_stall_timeout: Lifetime::from_secs(10),
        client_min_rate: 100,
        upstream_body_timeout: Lifetime::from_secs(20),
        tunnel_idle_timeout: Lifetime::from_secs(30),
        ..Limits::default()
    })
}

fn flow(kind: Kind) -> Pace {
    Pace::new(kind, 0)
}

#[test]
fn a_second_is_five_ticks() {
    assert_eq!(TICK.as_millis() * u128::from(SECOND), 1000);
}

#[test]
fn an_origin_may_pause_as_long_as_the_limit_says() {
    let flow = flow(Kind::Download);
    flow.waits_for(Waiting::Origin, 0);
    assert_eq!(flow.overdue(20 * SECOND, &bounds()), None);
    assert_eq!(flow.overdue(20 * SECOND + 1, &bounds()), Some(Cut::SlowOrigin));
    flow.waits_for(Waiting::Origin, 20 * SECOND);
    assert_eq!(flow.overdue(40 * SECOND, &bounds()), None);
}

#[test]
fn q_02_a_client_that_takes_nothing_is_cut_off() {
    let flow = flow(Kind::Download);
    flow.waits_for(Waiting::Client, 0);
    flow.moved(1_000_000);
    assert_eq!(flow.overdue(10 * SECOND, &bounds()), None);
    assert_eq!(flow.overdue(10 * SECOND + 1, &bounds()), Some(Cut::SlowClient));
}

#[test]
fn q_02_a_client_that_sends_a_byte_a_second_is_cut_off_and_one_that_pauses_is_not() {
    let drip = |rate: usize| {
        let flow = flow(Kind::Upload);
        for second in 0..30 {
            flow.waits_for(Waiting::Client, second * SECOND);
            if let Some(cut) = flow.overdue(second * SECOND + SECOND - 1, &bounds()) {
                return Some((second, cut));
            }
            flow.waits_for(Waiting::Nobody, (second + 1) * SECOND);
            flow.moved(rate);
        }
        None
    };
    assert!(matches!(drip(1), Some((10..12, Cut::SlowClient))), "{:?}", drip(1));
    assert_eq!(drip(200), None);
}

#[test]
fn time_in_which_the_origin_takes_nothing_does_not_count_against_the_client() {
    let flow = flow(Kind::Upload);
    for second in 0..100 {
        flow.waits_for(Waiting::Origin, second * SECOND);
        assert_eq!(flow.overdue(second * SECOND + SECOND, &bounds()), None);
    }
}

#[test]
fn a_tunnel_ends_when_neither_side_says_anything() {
    let flow = flow(Kind::Tunnel);
    flow.waits_for(Waiting::Nobody, 10 * SECOND);
    assert_eq!(flow.overdue(40 * SECOND, &bounds()), None);
    assert_eq!(flow.overdue(40 * SECOND + 1, &bounds()), Some(Cut::Idle));
}
