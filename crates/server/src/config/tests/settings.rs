//! Settings of applications, service tokens and the organisation.

use std::path::Path;

use doorward_model::custom_page::PageKind;

use super::{Config, EMULATOR, problems, read};

/// The smallest emulator with these lines under `[team]`, in its one application, and at its end.
fn with(team: &str, app: &str, tables: &str) -> String {
    EMULATOR
        .replace("mode = \"emulator\"\n", &format!("mode = \"emulator\"\n[team]\nname = \"acme\"\n{team}\n"))
        .replace("domain = \"wiki.localhost\"\n", &format!("domain = \"wiki.localhost\"\n{app}\n"))
        + tables
}

fn app(lines: &str) -> Config {
    read(&with("", lines, ""))
}

#[test]
fn every_setting_of_an_application_arrives() {
    let config = app("enable_binding_cookie = true\npath_cookie_attribute = true\n\
         eager_redirect_cookie_setting = false\nallow_iframe = true\nskip_interstitial = true\n\
         app_launcher_visible = false\ntags = [\"docs\"]\nread_service_tokens_from_header = \"Authorization\"\n\
         cors_headers = { allow_all_origins = true, allowed_methods = [\"get\"], max_age = -1 }");
    let app = &config.apps[0];
    assert!(app.enable_binding_cookie && app.path_cookie_attribute && app.allow_iframe && app.skip_interstitial);
    assert_eq!((app.eager_redirect_cookie_setting, app.app_launcher_visible), (Some(false), false));
    assert_eq!(app.tags, ["docs"]);
    assert_eq!(app.read_service_tokens_from_header.as_ref().unwrap().as_str(), "authorization");
    let cors = app.cors_headers.as_ref().unwrap();
    assert!(cors.methods.holds("GET") && cors.origins.holds("https://any.test") && cors.max_age == Some(-1));
    assert!(config.organization.is_none(), "a file that decides nothing of the organisation owns nothing of it");
}

#[test]
fn settings_that_cannot_be_are_refused_with_their_line() {
    for (lines, words) in [
        ("cors_headers = { allowed_methods = [\"GET\"] }", "doorward.toml:14: cors_headers: say which are allowed"),
        (
            "options_preflight_bypass = true\ncors_headers = { allow_all_origins = true, allow_all_methods = true }",
            "doorward.toml:14: options_preflight_bypass hands preflights to the origin",
        ),
        ("read_service_tokens_from_header = \"Cookie\"", "has a meaning of its own"),
        ("read_service_tokens_from_header = \"cf-access-token\"", "has a meaning of its own"),
        ("read_service_tokens_from_header = \"a b\"", "letters, digits and hyphens"),
        ("custom_pages = [\"Nowhere\"]", "Nowhere"),
    ] {
        let said = problems(&with("", lines, ""));
        assert!(said.contains(words), "{lines}\n{said}");
    }
}

#[test]
fn the_organisation_decides_what_the_file_says_and_the_usual_for_the_rest() {
    let team = "strict_service_token_auth = false\nlogin_design = { background_color = \"#fa0\", footer_text = \"Hi\" }\n\
                deny_unmatched_requests_exempted_zone_names = [\"open.test\"]\ncustom_pages = { forbidden = \"No\" }";
    let page = "[[custom_page]]\nname = \"No\"\ntype = \"forbidden\"\ncustom_html = \"<p>no\"\n";
    let config = read(&with(team, "", page));
    let organization = config.organization.as_ref().unwrap();
    assert!(!organization.strict_service_token_auth && organization.deny_unmatched_requests);
    assert_eq!(organization.login_design.background_color.unwrap().to_string(), "#ffaa00");
    assert_eq!(organization.custom_pages.forbidden, Some(config.custom_pages[0].id));
    assert_eq!((config.custom_pages[0].kind, config.custom_pages[0].is_template), (PageKind::Forbidden, false));
    let catalog = config.catalog(config.team(config.listen.public), 1, None);
    assert!(!catalog.organization().strict_service_token_auth, "it is in force");
    let open = read(&with("deny_unmatched_requests = false", "", ""));
    assert!(format!("{:?}", open.warnings).contains("everybody reaches the origin"), "{:?}", open.warnings);
}

#[test]
fn pages_and_colours_that_cannot_be_shown_are_refused() {
    let page = |lines: &str| with("", "", &format!("[[custom_page]]\nname = \"No\"\n{lines}\n"));
    for (text, words) in [
        (page("type = \"forbidden\""), "custom_html_file"),
        (page("type = \"forbiden\"\ncustom_html = \"x\""), "did you mean"),
        (page("type = \"forbidden\"\ncustom_html = \"x\"\ncustom_html_file = \"y\""), "custom_html_file"),
        (page("type = \"forbidden\"\ncustom_html_file = \"/nowhere/no.html\""), "/nowhere/no.html cannot be read"),
        (
            page("type = \"login\"\ncontract_version = 1\ncustom_html = \"{{ nothing }}\""),
            "the template of the custom page",
        ),
        (with("login_design = { text_color = \"red\" }", "", ""), "a colour is written like"),
        (with("login_design = { logo_path = \"http://x.test/\" }", "", ""), "https"),
    ] {
        let said = problems(&text);
        assert!(said.contains(words), "{text}\n{said}");
    }
}

#[test]
fn m_07_a_rotated_secret_has_an_end_and_one_with_a_slip_is_pointed_out() {
    let old = "0123456789abcdef0123456789abcdef";
    let token = |lines: &str| {
        with("", "", &format!("[[service_token]]\nname = \"robot\"\nclient_secret = \"{old}{old}\"\n{lines}\n"))
    };
    let until = "previous_client_secret_expires_at = \"2027-01-01T00:00:00Z\"";
    let config = read(&token(&format!("previous_client_secret = \"{old}\"\n{until}")));
    let previous = config.service_tokens[0].previous.unwrap();
    assert_eq!(previous.until.to_rfc3339(), "2027-01-01T00:00:00Z");
    for (lines, words) in [
        (format!("previous_client_secret = \"{old}\""), "needs an end"),
        (until.to_owned(), "is of no use without"),
        (format!("previous_client_secret = \"short\"\n{until}"), "shorter than"),
    ] {
        let said = problems(&token(&lines));
        assert!(said.contains(words), "{lines}\n{said}");
    }
    let slip = token("").replace(&format!("{old}{old}"), &format!("cfast_{old}00000000"));
    assert!(read(&slip).warnings.iter().any(|warning| format!("{warning:?}").contains("checksum")));
}

#[test]
fn a_certificate_that_browsers_would_refuse_is_told_with_the_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let names = vec!["dev.localhost".to_owned(), "*.example.com".to_owned()];
    let made = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&cert, rcgen::CertificateParams::new(names).unwrap().self_signed(&made).unwrap().pem()).unwrap();
    std::fs::write(&key, made.serialize_pem()).unwrap();
    let file = |cert: &Path, key: &Path| {
        format!("{EMULATOR}[listen]\ntls = {{ cert = \"{}\", key = \"{}\" }}\n", cert.display(), key.display())
    };
    let warned = |text: &str| read(text).warnings.iter().map(|warning| warning.text.clone()).collect::<String>();
    let wiki = warned(&file(&cert, &key));
    assert!(wiki.contains("cert.pem for wiki.localhost; have it made for them too"), "{wiki}");
    let good = warned(&file(&cert, &key).replace("wiki.localhost", "wiki.example.com"));
    assert!(!good.contains("browsers refuse"), "{good}");
    let swapped = problems(&file(&key, &cert));
    assert!(swapped.contains("are cert and key the right way round?"), "{swapped}");
}
