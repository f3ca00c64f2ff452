//! Pages of the operator's own (Access docs, "custom pages"): shown as they
//! are, or as templates in a small part of Liquid. Whatever they hold, nothing
//! in them runs: they are shown on hosts whose cookies are worth something.

use std::sync::LazyLock;

use doorward_model::custom_page::CustomPage;
use liquid::model::Value;
use liquid::{Object, Parser, ParserBuilder};
use liquid_lib::stdlib::{CaseBlock, CommentBlock, Default, EscapeOnce, IfBlock, RawBlock, UnlessBlock};

/// The `Content-Security-Policy` of custom pages. No script runs, whatever else
/// is allowed; the sandbox puts the page into an origin of its own besides, so
/// that nothing of ours can be read from it. Forms lead nowhere.
pub const CUSTOM_CONTENT_SECURITY_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; \
     default-src 'none'; style-src 'unsafe-inline' https:; img-src 'self' data: https:; font-src data: https:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What templates can say. Every value is escaped before it gets there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables<'a> {
    /// `organization_name`
    pub organization: &'a str,
    /// `app_name`
    pub app: &'a str,
    /// `app_domain`
    pub app_domain: &'a str,
    /// `aud`
    pub aud: &'a str,
    /// `ray_id`
    pub ray: &'a str,
    /// `message`: the application's own words to whom it refuses.
    pub message: &'a str,
    /// `email` of who is signed in; empty when nobody is.
    pub email: &'a str,
    /// `client_ip`
    pub client_ip: &'a str,
    /// `country` of the request; empty when it is not known.
    pub country: &'a str,
    /// `other_account_url`: leads to a sign-in as somebody else; empty where there is none.
    pub other_account: &'a str,
    /// `login_options`: a list of links, one for each provider, as HTML.
    pub login_options: &'a [(String, String)],
}

/// Why a text is not a template, or cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// The page's document.
///
/// # Errors
/// When it is a template that cannot be filled in. [`check_template`] finds that out before.
pub fn custom(page: &CustomPage, variables: &Variables<'_>) -> Result<String, TemplateError> {
    if page.is_template { filled_in(&page.html, variables) } else { Ok(page.html.clone()) }
}

/// Whether a text is a template that can be filled in.
///
/// # Errors
/// What is wrong with it, for its author.
pub fn check_template(text: &str) -> Result<(), TemplateError> {
    // Both sides of its conditions.
    let options = [("Provider".to_owned(), "https://example.com/".to_owned())];
    let some = Variables {
        organization: "a",
        app: "a",
        app_domain: "a",
        aud: "a",
        ray: "a",
        message: "a",
        email: "a",
        client_ip: "a",
        country: "a",
        other_account: "a",
        login_options: &options,
    };
    [some, Variables::default()].iter().try_for_each(|variables| filled_in(text, variables).map(|_| ()))
}

fn filled_in(text: &str, variables: &Variables<'_>) -> Result<String, TemplateError> {
    // Conditions and two filters: nothing that repeats, so that a template costs what it is long.
    static PARSER: LazyLock<Parser> = LazyLock::new(|| {
        let blocks = ParserBuilder::new().block(IfBlock).block(UnlessBlock).block(CaseBlock);
        let parser = blocks.block(CommentBlock).block(RawBlock).filter(Default).filter(EscapeOnce).build();
        parser.expect("these blocks and filters have names of their own")
    });
    let template = PARSER.parse(text).map_err(|error| TemplateError(error.to_string()))?;
    template.render(&variables.object()).map_err(|error| TemplateError(error.to_string()))
}

impl Variables<'_> {
    fn object(&self) -> Object {
        let texts = [
            ("organization_name", self.organization),
            ("app_name", self.app),
            ("app_domain", self.app_domain),
            ("aud", self.aud),
            ("ray_id", self.ray),
            ("message", self.message),
            ("email", self.email),
            ("client_ip", self.client_ip),
            ("country", self.country),
            ("other_account_url", self.other_account),
        ];
        let mut object: Object = texts.into_iter().map(|(name, text)| (name.into(), value(escaped(text)))).collect();
        let link = |(name, href): &(String, String)| {
            format!("<li><a href=\"{}\" class=\"login-option\">{}</a></li>", escaped(href), escaped(name))
        };
        let links: String = self.login_options.iter().map(link).collect();
        let list = if links.is_empty() { links } else { format!("<ul class=\"login-options\">{links}</ul>") };
        object.insert("login_options".into(), value(list));
        object
    }
}

/// Nothing is where there is nothing to say, so that `{% if email %}` asks for somebody.
fn value(text: String) -> Value {
    if text.is_empty() { Value::Nil } else { Value::scalar(text) }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use doorward_model::custom_page::PageKind;
    use doorward_model::id::CustomPageId;

    use super::*;

    fn page(html: &str, is_template: bool) -> CustomPage {
        let (id, name) = (CustomPageId::random(), "Own".into());
        CustomPage { id, name, kind: PageKind::Forbidden, html: html.into(), is_template }
    }

    fn filled(template: &str, variables: &Variables<'_>) -> String {
        custom(&page(template, true), variables).unwrap()
    }

    #[test]
    fn a_template_says_what_happened_in_the_operators_words() {
        let variables = Variables { app: "Wiki", ray: "abc", email: "a@b.test", ..Variables::default() };
        let template = "<h1>{{ app_name }}</h1>{% if email %}{{ email }}{% else %}nobody{% endif %} \
                        {% unless message %}ray {{ ray_id }}{% endunless %} {{ country | default: \"somewhere\" }}";
        assert_eq!(filled(template, &variables), "<h1>Wiki</h1>a@b.test ray abc somewhere");
        assert!(filled(template, &Variables::default()).contains("nobody"));
    }

    #[test]
    fn p_10_whatever_a_value_holds_it_is_text() {
        let name = "<img src=x onerror=alert(1)>\"'&";
        let options = [(name.to_owned(), "/x?a=1&b=\"".to_owned())];
        let variables = Variables { app: name, login_options: &options, ..Variables::default() };
        let html = filled("{{ app_name }}|{{ app_name | escape_once }}|{{ login_options }}", &variables);
        assert!(
            !html.contains("<img") && html.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"),
            "{html}"
        );
        assert!(html.contains("href=\"/x?a=1&amp;b=&quot;\""), "{html}");
    }

    #[test]
    fn a_template_that_cannot_be_filled_in_is_found_before() {
        for wrong in [
            "{{ app_nam }}",
            "{% if email %}",
            "{% for i in (1..9) %}{% endfor %}",
            "{% include 'x' %}",
            "{{ app_name | upcase }}",
            "{{",
            "{% if email %}{{ nothing }}{% endif %}",
            "{% unless email %}{{ nothing }}{% endunless %}",
        ] {
            assert!(check_template(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_template("<p>{{ app_name }}</p>"), Ok(()));
    }

    #[test]
    fn without_a_contract_the_page_is_shown_as_it_is() {
        let html = "<script>alert({{ app_name }})</script>";
        assert_eq!(custom(&page(html, false), &Variables::default()).unwrap(), html);
        let allowed = |directive: &str| CUSTOM_CONTENT_SECURITY_POLICY.contains(directive);
        assert!(
            allowed("sandbox") && allowed("default-src 'none'") && !allowed("script") && !allowed("allow-same-origin")
        );
    }
}
