//! What a mark covers, and how long marks are believed.

use doorward_model::id::{AccountId, AppId};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn mark(what: Revoked, not_before: i64) -> Mark {
    let expires_at = Timestamp::from_secs(not_before + 100);
    Mark { what, not_before, expires_at, written_at: Some(NOW) }
}

fn bearings(iat: i64) -> Bearings {
    let account = AccountId::derived("acme");
    Bearings {
        session: Some(IdentityNonce::from_text("n")),
        user: Some(UserId::derived(&account, "alice")),
        app: Some(Aud::of_app(&account, AppId::derived(&account, "wiki"))),
        iat,
    }
}

fn subjects() -> [Revoked; 3] {
    let Bearings { session, user, app, .. } = bearings(0);
    [Revoked::Session(session.unwrap()), Revoked::User(user.unwrap()), Revoked::App(app.unwrap())]
}

#[test]
fn i10_tokens_of_a_session_that_ended_are_revoked_whatever_their_date() {
    let revocations = Revocations::default();
    let [session, ..] = subjects();
    revocations.absorb(vec![mark(session, NOW.secs())]);
    assert!(revocations.is_revoked(&bearings(NOW.secs() + 5)), "another node's clock may be ahead");
}

#[test]
fn i10_a_second_revocation_in_one_second_covers_the_token_minted_between_them() {
    let revocations = Revocations::default();
    let [session, user, app] = subjects();
    let Bearings { user: id, app: aud, .. } = bearings(0);
    assert_eq!(revocations.second_to_cover(NOW), NOW.secs());
    revocations.absorb(vec![mark(user, NOW.secs())]);
    let iat = revocations.earliest_iat(None, id.as_ref(), &aud.unwrap(), NOW);
    for what in [session, app] {
        let revocations = Revocations { furthest_iat: AtomicI64::new(iat), ..Revocations::default() };
        revocations.absorb(vec![mark(what, revocations.second_to_cover(NOW))]);
        assert!(revocations.is_revoked(&bearings(iat)));
    }
    // A clock that was far ahead and went back does not push marks into the future.
    assert_eq!(revocations.second_to_cover(Timestamp::from_secs(NOW.secs() - 3600)), NOW.secs() - 3600);
}

#[test]
fn i10_a_token_is_revoked_up_to_and_including_the_second_of_the_mark() {
    let [_, user, app] = subjects();
    for what in [user, app] {
        let revocations = Revocations::default();
        revocations.absorb(vec![mark(what, NOW.secs())]);
        assert!(revocations.is_revoked(&bearings(NOW.secs() - 1)));
        assert!(revocations.is_revoked(&bearings(NOW.secs())));
        assert!(!revocations.is_revoked(&bearings(NOW.secs() + 1)));
    }
}

#[test]
fn i10_a_mark_from_behind_is_moved_once_behind_what_was_issued_here() {
    let revocations = Revocations::default();
    let Bearings { user, app, .. } = bearings(0);
    let issue = |secs| revocations.earliest_iat(None, user.as_ref(), app.as_ref().unwrap(), Timestamp::from_secs(secs));
    let [session, user_mark, app_mark] = subjects();
    let ahead = issue(NOW.secs() + 20);
    revocations.absorb([session, user_mark, app_mark.clone()].map(|what| mark(what, NOW.secs())).into());
    let owed = revocations.owed();
    assert_eq!(owed.len(), 2, "a session needs no second: {owed:?}");
    assert!(owed.iter().all(|mark| mark.not_before == ahead && mark.written_at == Some(NOW)), "{owed:?}");
    assert!(revocations.is_revoked(&bearings(ahead)));
    let next = issue(NOW.secs() + 20);
    assert!(next > ahead && !revocations.is_revoked(&Bearings { session: None, ..bearings(next) }));
    revocations.paid(&owed);
    assert!(revocations.owed().is_empty());

    // The same revocation, moved by a third node, is not moved again; another one is.
    let moved = |written_at| Mark { written_at: Some(written_at), ..mark(app_mark.clone(), NOW.secs() + 5) };
    assert!(revocations.absorb(vec![moved(NOW)]).is_empty());
    assert!(revocations.owed().is_empty());
    revocations.absorb(vec![moved(Timestamp::from_secs(NOW.secs() + 9))]);
    assert_eq!(revocations.owed()[0].not_before, next);
}

#[test]
fn a_clock_that_was_moved_pushes_no_mark_into_the_future() {
    let revocations = Revocations::default();
    let Bearings { app, .. } = bearings(0);
    let _ahead = revocations.earliest_iat(None, None, &app.unwrap(), Timestamp::from_secs(NOW.secs() + 3600));
    revocations.absorb(vec![mark(subjects()[2].clone(), NOW.secs())]);
    assert!(revocations.owed().is_empty());
}

#[test]
fn a_mark_concerns_its_subject_alone() {
    let revocations = Revocations::default();
    revocations.absorb(subjects().map(|what| mark(what, NOW.secs())).into());
    let other = Bearings {
        session: Some(IdentityNonce::from_text("m")),
        user: Some(UserId::random()),
        app: None,
        iat: NOW.secs() - 1,
    };
    assert!(!revocations.is_revoked(&other));
}

#[test]
fn a_token_minted_in_the_second_of_a_revocation_is_dated_after_it() {
    let revocations = Revocations::default();
    let Bearings { session, user, app, .. } = bearings(0);
    let iat = || revocations.earliest_iat(session.as_ref(), user.as_ref(), &app.clone().unwrap(), NOW);
    assert_eq!(iat(), NOW.secs());
    revocations.absorb(vec![mark(subjects()[1].clone(), NOW.secs())]);
    assert_eq!(iat(), NOW.secs() + 1);
    assert!(!revocations.is_revoked(&bearings(iat())));
}

#[test]
fn an_older_mark_does_not_undo_a_newer_one() {
    let revocations = Revocations::default();
    let [session, ..] = subjects();
    revocations.absorb(vec![mark(session.clone(), NOW.secs())]);
    let version = revocations.version();
    revocations.absorb(vec![mark(session.clone(), NOW.secs() - 60)]);
    assert_eq!(revocations.not_before(&bearings(0)), Some(NOW.secs()));
    assert_eq!(revocations.version(), version, "nothing changed");
    revocations.absorb(vec![mark(session, NOW.secs() + 1)]);
    assert!(revocations.version() > version);
}

#[test]
fn i10_marks_that_were_not_refreshed_for_30_seconds_are_not_believed() {
    let revocations = Revocations::default();
    let start = revocations.began + Duration::from_secs(1000);
    assert!(!revocations.is_fresh_at(revocations.began), "never loaded");
    revocations.refreshed_at(start);
    assert!(revocations.is_fresh_at(start + FRESH_FOR));
    assert!(!revocations.is_fresh_at(start + FRESH_FOR + Duration::from_millis(1)));
    revocations.refreshed_at(start - Duration::from_secs(5));
    assert!(revocations.is_fresh_at(start + FRESH_FOR), "a slow answer does not make it older");
}

#[test]
fn no_setting_makes_marks_be_believed_for_longer_than_30_seconds() {
    for (asked, given) in [(Duration::from_secs(5), Duration::from_secs(5)), (Duration::MAX, FRESH_FOR)] {
        let revocations = Revocations::believed_for(asked);
        revocations.refreshed_at(revocations.began);
        assert!(revocations.is_fresh_at(revocations.began + given));
        assert!(!revocations.is_fresh_at(revocations.began + given + Duration::from_millis(1)));
    }
}

#[test]
fn a_mark_is_news_once() {
    let revocations = Revocations::default();
    let [session, ..] = subjects();
    assert_eq!(revocations.absorb(vec![mark(session.clone(), NOW.secs())]), [NOW]);
    assert_eq!(revocations.absorb(vec![mark(session, NOW.secs())]), []);
}

#[test]
fn marks_are_forgotten_when_no_token_can_be_that_old() {
    let revocations = Revocations::default();
    revocations.absorb(subjects().map(|what| mark(what, NOW.secs())).into());
    revocations.forget_expired(Timestamp::from_secs(NOW.secs() + 99));
    assert!(revocations.is_revoked(&bearings(NOW.secs())));
    revocations.forget_expired(Timestamp::from_secs(NOW.secs() + 100));
    assert!(!revocations.is_revoked(&bearings(NOW.secs())));
}
