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

fn renamed(name: &str, domains: &[&str]) -> Arc<App> {
    let covered = domains.iter().map(|domain| domain.parse().unwrap()).collect();
    Arc::new(App::new(&AccountId::derived("acme"), name, covered, vec![]))
}

#[test]
fn a_changed_application_is_found_at_its_new_addresses_alone() {
    let before = catalog(&[&["one.test", "*.one.test"], &["two.test"]]);
    let one = renamed("one.test", &["one.test/new", "other.test"]);
    let after = before.with([Change::App(Arc::clone(&one))], 2);
    for (host, path, app) in [
        ("one.test", "/new", Some("one.test")),
        ("other.test", "/", Some("one.test")),
        ("one.test", "/", None),
        ("a.one.test", "/", None),
        ("two.test", "/", Some("two.test")),
    ] {
        assert_eq!(found(&after, host, path).as_deref(), app, "{host}{path}");
    }
    assert_eq!((after.generation(), after.apps().count()), (2, 2));
    assert_eq!(found(&before, "one.test", "/").as_deref(), Some("one.test"), "the snapshot before stays as it was");

    let retagged = App { aud: Aud::of_team(&AccountId::derived("acme")), ..(*one).clone() };
    let retagged = after.with([Change::App(Arc::new(retagged))], 3);
    assert!(retagged.app_by_aud(&one.aud).is_none(), "the old audience leads nowhere");

    let gone = after.with([Change::NoApp(one.id)], 3);
    assert!(found(&gone, "other.test", "/").is_none() && !gone.serves_host(&"one.test".parse().unwrap()));
    assert!(gone.app(one.id).is_none() && gone.app_by_aud(&one.aud).is_none());
}

#[test]
fn an_address_that_moves_between_applications_leads_to_its_new_one() {
    let before = catalog(&[&["one.test"], &["two.test"]]);
    let (one, two) = (renamed("one.test", &["two.test"]), renamed("two.test", &["one.test"]));
    let after = before.with([Change::App(one), Change::App(two)], 2);
    assert_eq!(found(&after, "one.test", "/").as_deref(), Some("two.test"));
    assert_eq!(found(&after, "two.test", "/").as_deref(), Some("one.test"));
}

#[test]
fn a_route_that_changed_replaces_the_one_at_its_address() {
    let route = |service: &str| {
        let (hostname, path) = ("*.test".parse().unwrap(), "/a".parse().unwrap());
        Arc::new(Route { hostname, path, service: service.parse().unwrap() })
    };
    let serves = |catalog: &Catalog| {
        catalog.route_at(&"x.test".parse().unwrap(), &"/a/b".parse().unwrap()).map(|route| route.service.to_string())
    };
    let one = catalog(&[]).with([Change::Route(route("http://127.0.0.1:1"))], 2);
    let two = one.with([Change::Route(route("http://127.0.0.1:2"))], 3);
    assert_eq!(serves(&two).as_deref(), Some("http://127.0.0.1:2"));
    assert_eq!(two.routes().count(), 1);
    let none = two.with([Change::NoRoute(crate::document::RouteId::from(&*route("http://127.0.0.1:1")))], 4);
    assert_eq!(serves(&none), None);
}

#[test]
fn one_application_among_thousands_is_changed_without_making_the_others_anew() {
    let names: Vec<String> = (0..5000).map(|number| format!("app{number}.test")).collect();
    let domains: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let before = catalog(&domains.iter().map(|domains| &domains[..]).collect::<Vec<_>>());
    let after = before.with([Change::App(renamed("app7.test", &["app7.test", "seven.test"]))], 2);
    let shared = before.apps().filter(|app| after.app(app.id).is_some_and(|same| Arc::ptr_eq(app, same))).count();
    assert_eq!(shared, 4999, "every other application is the same one");
    assert_eq!(found(&after, "seven.test", "/").as_deref(), Some("app7.test"));
}
