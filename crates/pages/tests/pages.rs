//! What holds for every page, ordinary or ugly.

#[path = "../examples/samples/gallery/mod.rs"]
mod gallery;
#[path = "pages/markup.rs"]
mod markup;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_pages::{
    CONTENT_SECURITY_POLICY, ERROR_TITLE, Page as _, SIGN_IN_TITLE, content_security_policy, forbidden_json,
};
use gallery::samples;
use markup::{Tag, inlined, tags};
use sha2::{Digest as _, Sha256};

fn sample(name: &str) -> String {
    samples().into_iter().find(|(other, _)| *other == name).expect("the gallery has it").1
}

fn title(html: &str) -> &str {
    between(html, "<title>", "</title>")
}

/// The text of the hidden node, as a program that looks for it would read it.
fn json_node(html: &str) -> &str {
    between(html, "<div id=\"json_data\" hidden>", "</div>")
}

fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    html.split_once(start).and_then(|(_, rest)| rest.split_once(end)).expect("the page has it").0
}

#[test]
fn every_page_looks_as_it_did() {
    for (name, html) in samples() {
        // Crowds are hundreds of lines of the same.
        if matches!(name, "people_five_hundred" | "launcher_forty" | "launcher_three_hundred") {
            continue;
        }
        let raw = [inlined(&html, "style"), inlined(&html, "script")].concat();
        let html = raw.iter().fold(html.clone(), |html, text| html.replace(text, "…"));
        insta::assert_snapshot!(name, html);
    }
}

#[test]
fn the_policy_vouches_for_every_style_and_script_and_nothing_else_is_needed() {
    for (name, html) in samples() {
        for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
            let sources = CONTENT_SECURITY_POLICY.split("; ").find(|part| part.starts_with(directive)).unwrap();
            // An organisation's colours are vouched for by a policy of the page's own.
            let designed = |text: &&str| name.contains("designed") && text.starts_with(":root{color-scheme:");
            for text in inlined(&html, element).into_iter().filter(|text| !designed(text)) {
                let source = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
                assert!(sources.contains(&source), "{name}: {directive} does not know\n{text}");
            }
        }
        for tag in tags(&html) {
            for (attribute, value) in &tag.attributes {
                assert_ne!(attribute, "style", "{name}: {tag:?}");
                assert!(!attribute.starts_with("on"), "{name}: {tag:?}");
                let is_address = matches!(attribute.as_str(), "src" | "srcset") || tag.name == "link";
                let is_inside = tag.name == "img" || !value.contains("//") || value.starts_with("data:");
                assert!(!is_address || is_inside, "{name}: loads something from elsewhere: {tag:?}");
            }
        }
    }
}

#[test]
fn the_policy_of_a_page_in_the_organisations_colours_vouches_for_exactly_these() {
    let page = gallery::sign_in::designed("#102a43", "#f0f4f8");
    let (html, policy) = (page.html(), page.content_security_policy());
    let texts = inlined(&html, "style");
    assert_eq!(texts.len(), 2);
    for text in texts {
        assert!(policy.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))), "{policy}\n{text}");
    }
    let other = gallery::sign_in::designed("#000000", "#ffffff").content_security_policy();
    assert_ne!(policy, other);
    assert_eq!(policy.split("; ").count(), CONTENT_SECURITY_POLICY.split("; ").count());
}

#[test]
fn hostile_text_never_becomes_markup() {
    let known: BTreeSet<&str> = "html head meta noscript title link style body header main footer nav aside section div span bdi p h1 h2 b strong a \
        ul ol li dl dt dd code pre table thead tbody tr th td form label input textarea select option button details summary progress \
        time svg path script"
        .split_whitespace()
        .collect();
    for (name, html) in samples().into_iter().filter(|(name, _)| name.ends_with("hostile")) {
        for tag in tags(&html) {
            let is_logo = tag.name == "img" && tag.attribute("height") == Some("40");
            assert!(known.contains(tag.name.as_str()) || is_logo, "{name}: {tag:?}");
        }
        assert!(!html.contains("<img src=x"), "{name}");
        assert!(!html.contains("alert(1)</script>"), "{name}");
    }
}

#[test]
fn every_page_says_its_language_its_width_and_one_heading() {
    for (name, html) in samples() {
        let tags = tags(&html);
        let count = |wanted: &str| tags.iter().filter(|tag| tag.name == wanted).count();
        assert_eq!((count("h1"), count("main"), count("title")), (1, 1, 1), "{name}");
        assert_eq!(tags[0].attribute("lang"), Some("en"), "{name}");
        let viewport = |tag: &Tag| tag.attribute("name") == Some("viewport");
        assert!(tags.iter().any(viewport), "{name}");
    }
}

#[test]
fn every_input_has_a_label_and_every_reference_leads_somewhere() {
    for (name, html) in samples() {
        let tags = tags(&html);
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: an id twice in {ids:?}");
        let labelled: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("for")).collect();
        for tag in &tags {
            let is_input = tag.name == "input" || tag.name == "textarea";
            if is_input && tag.attribute("type") != Some("hidden") {
                let id = tag.attribute("id").unwrap_or_default();
                assert!(labelled.contains(&id), "{name}: no label for {tag:?}");
            }
            for attribute in ["for", "aria-labelledby", "aria-describedby", "aria-controls", "data-copy"] {
                for id in tag.attribute(attribute).unwrap_or_default().split_whitespace() {
                    assert!(ids.contains(&id), "{name}: {attribute} leads nowhere in {tag:?}");
                }
            }
        }
    }
}

#[test]
fn a_page_weighs_at_most_30_kb() {
    for (name, html) in samples() {
        let limit = if matches!(name, "people_five_hundred" | "launcher_three_hundred") { 200 } else { 30 } * 1024;
        assert!(html.len() <= limit, "{name} weighs {} bytes", html.len());
    }
}

#[test]
fn clients_find_the_titles_they_look_for() {
    for (name, html) in samples() {
        if name.starts_with("sign_in") || name.starts_with("people") {
            assert_eq!(title(&html), SIGN_IN_TITLE, "{name}");
        }
        if name.starts_with("forbidden") {
            assert_eq!(title(&html), ERROR_TITLE, "{name}");
            assert!(html.contains("Cloudflare Access"), "{name}");
        }
    }
}

#[test]
fn the_forbidden_page_hides_the_json_that_access_hides() {
    let expected = "{\"message\":\"Forbidden. You don't have permission to view this. Please contact your system \
        administrator.\",\"status_code\":403,\"aud\":\"4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2\",\
        \"ray_id\":\"8f2b6c1d9e4a7035\"}";
    assert_eq!(json_node(&sample("forbidden")), expected);
    assert_eq!(
        forbidden_json(Some("4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"), "8f2b6c1d9e4a7035"),
        expected
    );
    let hostile = sample("forbidden_hostile");
    let node: serde_json::Value = serde_json::from_str(json_node(&hostile)).unwrap();
    assert_eq!(node["ray_id"], "<img src=x onerror=alert(1)>'\"</script></style>");
}

#[test]
fn a_form_that_failed_keeps_what_was_typed() {
    let html = sample("people_claims_are_not_json");
    let tags = tags(&html);
    let typed = |id: &str| tags.iter().find(|tag| tag.attribute("id") == Some(id)).unwrap();
    assert_eq!(typed("email").attribute("value"), Some("dora@example.com"));
    assert_eq!(typed("groups").attribute("value"), Some("staff, oncall"));
    assert_eq!(typed("claims").attribute("aria-invalid"), Some("true"));
    assert!(html.contains("{&#34;department&#34;: Sales}</textarea>"));
    assert!(tags.iter().any(|tag| tag.name == "details" && tag.attribute("open").is_some()));
}

#[test]
fn a_crowd_is_whole_and_has_a_search() {
    let crowd = sample("people_five_hundred");
    let people = |html: &str| tags(html).iter().filter(|tag| tag.attribute("name") == Some("email")).count() - 1;
    assert_eq!(people(&crowd), 500);
    assert!(crowd.contains("type=\"search\""));
    assert!(!sample("people_few").contains("type=\"search\""));
}

#[test]
fn a_door_may_widen_where_forms_lead_and_nothing_else() {
    assert_eq!(content_security_policy("'self'"), CONTENT_SECURITY_POLICY);
    let wider = content_security_policy("'self' https://wiki.example.com");
    assert_eq!(wider.strip_suffix(" https://wiki.example.com"), Some(CONTENT_SECURITY_POLICY));
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[test]
fn text_has_a_contrast_of_seven_to_one_in_light_and_in_dark() {
    let style = include_str!("../../../templates/style.css");
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    for palette in [light, dark] {
        let colour = |name: &str| markup::colour(palette, name);
        for (text, behind) in [
            ("text", "ground"),
            ("text", "card"),
            ("text", "tint"),
            ("muted", "ground"),
            ("muted", "card"),
            ("muted", "tint"),
            ("accent", "card"),
            ("accent", "ground"),
            ("accent-deep", "tint"),
            ("on-accent", "accent"),
            ("on-accent", "accent-deep"),
            ("danger", "card"),
            ("danger", "danger-tint"),
            ("note", "note-tint"),
        ] {
            let contrast = markup::contrast(colour(text), colour(behind));
            assert!(contrast >= 7.0, "{text} on {behind}: {contrast:.2}");
        }
        assert!(markup::contrast(colour("edge"), colour("card")) >= 4.5, "the edge of controls");
    }
}
