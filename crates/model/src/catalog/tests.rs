use super::*;
use crate::id::AccountId;
use crate::time::Lifetime;

fn catalog(domains: &[&[&str]]) -> Catalog {
    let account = AccountId::derived("acme");
    let apps = domains
        .iter()
        .map(|domains| {
            let covered = domains.iter().map(|domain| domain.parse().unwrap()).collect();
            App::new(&account, domains[0], covered, vec![])
        })
        .collect();
    let team = Team {
        account,
        name: "acme".into(),
        domain: "acme.cloudflareaccess.com".into(),
        url: "https://acme.cloudflareaccess.com".into(),
        host: "acme.cloudflareaccess.com".parse().unwrap(),
        session_duration: Lifetime::from_hours(24),
    };
    Catalog::new(Parts { team, apps, groups: vec![], idps: vec![], service_tokens: vec![], routes: vec![] }, 1)
}

fn found(catalog: &Catalog, host: &str, path: &str) -> Option<String> {
    catalog.app_at(&host.parse().unwrap(), &path.parse().unwrap()).map(|app| app.name.clone())
}

#[test]
fn the_most_specific_application_wins_alone() {
    let catalog = catalog(&[
        &["app.test"],
        &["app.test/admin"],
        &["app.test/admin/health"],
        &["*.test"],
        &["*.test/admin/health/deep"],
    ]);
    for (host, path, app) in [
        ("app.test", "/", Some("app.test")),
        ("app.test", "/adminx", Some("app.test")),
        ("app.test:8443", "/admin", Some("app.test/admin")),
        ("app.test", "/admin/x", Some("app.test/admin")),
        ("app.test", "/admin/health/deep", Some("app.test/admin/health")),
        ("other.test", "/admin", Some("*.test")),
        ("other.test", "/admin/health/deep", Some("*.test/admin/health/deep")),
        ("a.b.test", "/", None),
        ("test", "/", None),
        ("none.example", "/", None),
    ] {
        assert_eq!(found(&catalog, host, path).as_deref(), app, "{host}{path}");
    }
}

#[test]
fn an_exact_host_without_a_matching_path_leaves_the_request_to_the_wildcard() {
    let catalog = catalog(&[&["a.example.com/admin"], &["*.example.com"], &["*.b.example.com"], &["x*.b.example.com"]]);
    assert_eq!(found(&catalog, "a.example.com", "/").as_deref(), Some("*.example.com"));
    assert_eq!(found(&catalog, "a.example.com", "/admin").as_deref(), Some("a.example.com/admin"));
    assert_eq!(found(&catalog, "q.b.example.com", "/").as_deref(), Some("*.b.example.com"));
}

#[test]
fn a_host_is_served_when_any_path_of_it_is() {
    let catalog = catalog(&[&["app.test/admin"], &["*.example.com/x"]]);
    let served = |host: &str| catalog.serves_host(&host.parse().unwrap());
    assert!(served("app.test") && served("a.example.com"));
    assert!(!served("test") && !served("a.b.example.com"));
}

#[test]
fn every_host_of_an_application_leads_to_it() {
    let catalog = catalog(&[&["one.test", "two.test/sub"]]);
    assert_eq!(found(&catalog, "two.test", "/sub/x").as_deref(), Some("one.test"));
    assert_eq!(found(&catalog, "two.test", "/"), None);
}
