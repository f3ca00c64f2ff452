use super::*;

fn app(domains: &[&str]) -> App {
    let domains = domains.iter().map(|domain| domain.parse().unwrap()).collect();
    App::new(&AccountId::derived("acme"), "Wiki", domains, vec![])
}

#[test]
fn the_cookie_is_for_the_whole_host_unless_it_is_to_be_for_the_path() {
    let whole = app(&["app.test/one", "app.test/two/*", "app.test/f*/x", "app.test/one/deep", "*.wild.test"]);
    let by_path = App { path_cookie_attribute: true, ..whole.clone() };
    for (host, path, folder) in [
        ("app.test", "/one", "/one"),
        ("app.test", "/one/page", "/one"),
        ("app.test", "/one/deep/page", "/one/deep"),
        ("app.test:8443", "/two/page", "/two/"),
        ("app.test", "/food/x", "/"),
        ("a.wild.test", "/one", "/"),
        ("app.test", "/elsewhere", "/"),
    ] {
        let (host, path) = (host.parse().unwrap(), path.parse().unwrap());
        assert_eq!(by_path.cookie_path(&host, &path), folder, "{host}{path}");
        assert_eq!(whole.cookie_path(&host, &path), "/", "{host}{path}");
    }
    let paths = |app: &App| app.cookie_paths(&"app.test".parse().unwrap()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(paths(&by_path), ["/one", "/two/", "/", "/one/deep"]);
    assert!(paths(&whole).iter().all(|path| path == "/"));
}

#[test]
fn concrete_hosts_are_walked_through_once_each_if_there_are_few_or_it_is_wanted() {
    let few = app(&["a.test", "b.test/x", "a.test/y", "*.c.test"]);
    assert_eq!(few.eager_hosts(), ["a.test", "b.test"]);
    assert_eq!(App { eager_redirect_cookie_setting: Some(false), ..few }.eager_hosts(), [] as [&str; 0]);
    let many = app(&["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"]);
    assert_eq!(many.eager_hosts(), [] as [&str; 0]);
    assert_eq!(App { eager_redirect_cookie_setting: Some(true), ..many }.eager_hosts().len(), 6);
}
