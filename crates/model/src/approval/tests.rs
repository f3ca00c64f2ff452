use super::*;
use crate::catalog::{Change, Parts};
use crate::id::{AccountId, ListId};
use crate::list::{Items, List};
use crate::purpose::ApprovalGroup;
use crate::site::Team;

const NOW: Timestamp = Timestamp(1_000_000_000_000);

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn catalog(list: &[&str]) -> (Catalog, ListId) {
    let account = AccountId::derived("acme");
    let team = Team {
        account: account.clone(),
        name: "acme".into(),
        domain: "acme.cloudflareaccess.com".into(),
        url: "https://acme.cloudflareaccess.com".into(),
        host: "acme.cloudflareaccess.com".parse().unwrap(),
        session_duration: Lifetime::from_hours(24),
    };
    let parts = Parts { team, apps: vec![], groups: vec![], idps: vec![], service_tokens: vec![], routes: vec![] };
    let id = ListId::derived(&account, "Leads");
    let items = Items::Emails(list.iter().map(|text| email(text)).collect());
    let list = List { id, name: "Leads".into(), items };
    (Catalog::new(parts, 1).with([Change::List(list.into())], 1), id)
}

fn request() -> Approval {
    Approval {
        id: ApprovalId::random(),
        user: UserId::random(),
        email: email("alice@corp.test"),
        app: AppId::random(),
        policy: PolicyId::random(),
        prompt: "Why?".into(),
        response: "OPS-7".into(),
        state: ApprovalState::Waiting,
        created_at: NOW,
        expires_at: NOW.plus(REQUEST_LIFETIME),
        approved_until: None,
    }
}

fn group(needed: u32, emails: &[&str]) -> ApprovalGroup {
    ApprovalGroup { approvals_needed: needed, emails: emails.iter().map(|text| email(text)).collect(), list: None }
}

fn said(approver: &str, hours: Option<i64>, after: i64) -> ApprovalDecision {
    ApprovalDecision {
        approver: email(approver),
        approver_id: UserId::random(),
        allows: hours.map(Lifetime::from_hours),
        at: NOW.plus(Lifetime::from_secs(after)),
    }
}

fn asks(groups: Vec<ApprovalGroup>) -> Purpose {
    Purpose { prompt: None, approval_groups: groups }
}

#[test]
fn every_group_gives_its_number_and_the_shortest_time_counts_from_the_last_word() {
    let (catalog, list) = catalog(&["lead@corp.test", "boss@corp.test"]);
    let leads = ApprovalGroup { approvals_needed: 1, emails: vec![], list: Some(list) };
    let purpose = asks(vec![group(2, &["root@corp.test", "eve@corp.test", "bob@corp.test"]), leads]);
    let come_to = |decisions: &[ApprovalDecision]| standing(&request(), decisions, &purpose, &catalog);
    let (root, eve, lead) =
        (said("root@corp.test", Some(8), 1), said("eve@corp.test", Some(1), 2), said("lead@corp.test", Some(2), 9));
    assert_eq!(come_to(&[]), Standing::Waiting);
    assert_eq!(come_to(&[root.clone(), eve.clone()]), Standing::Waiting, "the leads have said nothing");
    assert_eq!(come_to(&[root.clone(), lead.clone()]), Standing::Waiting, "one of two");
    let life = Lifetime::from_hours(1);
    let until = NOW.plus(Lifetime::from_secs(9)).plus(life);
    let by = vec![root.approver.clone(), eve.approver.clone(), lead.approver.clone()];
    assert_eq!(come_to(&[root, eve, lead]), Standing::Approved { until, by, life });
}

#[test]
fn one_no_is_a_no_and_whoever_has_no_say_says_nothing() {
    let (catalog, _) = catalog(&[]);
    let purpose = asks(vec![group(1, &["root@corp.test", "eve@corp.test", "alice@corp.test"])]);
    let come_to = |decisions: &[ApprovalDecision]| standing(&request(), decisions, &purpose, &catalog);
    assert_eq!(come_to(&[said("eve@corp.test", None, 1), said("root@corp.test", Some(1), 2)]), Standing::Denied);
    assert_eq!(come_to(&[said("alice@corp.test", Some(1), 1)]), Standing::Waiting, "nobody approves themselves");
    assert_eq!(come_to(&[said("mallory@evil.test", Some(1), 1)]), Standing::Waiting);
    assert_eq!(come_to(&[said("mallory@evil.test", None, 1)]), Standing::Waiting, "nor does a stranger's no count");
    assert_eq!(standing(&request(), &[said("root@corp.test", Some(1), 1)], &asks(vec![]), &catalog), Standing::Waiting);
}

#[test]
fn nobody_is_let_in_for_longer_than_a_day() {
    let (catalog, _) = catalog(&[]);
    let purpose = asks(vec![group(1, &["root@corp.test"])]);
    let Standing::Approved { life, .. } =
        standing(&request(), &[said("root@corp.test", Some(99), 0)], &purpose, &catalog)
    else {
        panic!("it is approved")
    };
    assert_eq!(life, LONGEST_APPROVAL);
}

#[test]
fn a_request_is_open_until_it_is_used_or_its_time_is_over() {
    let at = |hours| NOW.plus(Lifetime::from_hours(hours));
    let waiting = request();
    assert!(waiting.is_open(at(23)) && !waiting.is_open(at(24)));
    let approved = Approval { state: ApprovalState::Approved, approved_until: Some(at(2)), ..request() };
    assert!(approved.is_open(at(1)) && !approved.is_open(at(2)));
    for state in [ApprovalState::Denied, ApprovalState::Used, ApprovalState::Ended] {
        assert!(!Approval { state, ..approved.clone() }.is_open(at(0)), "{state:?}");
    }
}
