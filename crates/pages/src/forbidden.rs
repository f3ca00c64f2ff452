//! The refusal that no sign-in on the spot can mend (Access docs, "Forbidden").

use askama::Template;
use serde::Serialize;

/// The page of a refusal. Status 403.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "forbidden.html")]
pub struct Forbidden<'a> {
    /// The name of the application, where there is one.
    pub app: Option<&'a str>,
    /// The application's own words, instead of ours.
    pub message: Option<&'a str>,
    /// Who is signed in, where somebody is.
    pub email: Option<&'a str>,
    pub aud: Option<&'a str>,
    pub ray: &'a str,
    /// Leads to a sign-in as another account, where that could help.
    pub sign_in_other: Option<String>,
}

impl Forbidden<'_> {
    /// The node that Access hides in its page for programs to read. Its text is
    /// JSON; what HTML would read as markup is written as JSON escapes.
    fn json_node(&self) -> String {
        forbidden_json(self.aud, self.ray).replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
    }
}

/// What clients that accept JSON receive instead of the page.
#[must_use]
pub fn forbidden_json(aud: Option<&str>, ray: &str) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        message: &'a str,
        status_code: u16,
        aud: &'a str,
        ray_id: &'a str,
    }
    let body = Body {
        message: "Forbidden. You don't have permission to view this. Please contact your system administrator.",
        status_code: 403,
        aud: aud.unwrap_or_default(),
        ray_id: ray,
    };
    serde_json::to_string(&body).expect("strings and a number always serialize")
}
