//! The form of the people page: somebody who is listed, or somebody typed in.

use doorward_model::email::Email;
use doorward_pages::Field;
use serde_json::{Map, Value};

use super::params::Params;
use crate::people::{People, Person, check_claims};

/// The longest text a field may hold.
const LONGEST: usize = 8 * 1024;

/// What was posted beside the authorization request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Picked {
    /// Nobody yet.
    #[default]
    Nobody,
    /// One of the list.
    Listed(String),
    /// Somebody else, as typed.
    Typed(Typed),
}

/// The fields as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) groups: String,
    pub(super) claims: String,
}

/// What to mend, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) field: Field,
    pub(super) message: String,
}

impl Picked {
    /// The list posts an address alone, the form posts `claims` with it.
    pub(super) fn read(form: &Params) -> Self {
        let text = |name| form.field(name).unwrap_or_default().to_owned();
        match (form.field("email"), form.field("claims")) {
            (None, None) => Self::Nobody,
            (Some(email), None) => Self::Listed(email.to_owned()),
            (_, Some(claims)) => Self::Typed(Typed {
                email: text("email"),
                name: text("name"),
                groups: text("groups"),
                claims: claims.to_owned(),
            }),
        }
    }
}

/// The listed person of this address.
pub(super) fn listed(email: &str, people: &People) -> Result<Person, Mistake> {
    let person = email.parse().ok().and_then(|email: Email| people.person(&email));
    person.ok_or_else(|| mistake(Field::Form, "That person is not on the list any more. Pick another one."))
}

impl Typed {
    pub(super) fn person(&self) -> Result<Person, Mistake> {
        if [&self.name, &self.groups, &self.claims].into_iter().any(|text| text.len() > LONGEST) {
            return Err(mistake(Field::Form, "A field is longer than 8 KiB. Shorten it."));
        }
        let email = self.email.trim().parse::<Email>();
        let email = email.map_err(|_| mistake(Field::Email, "Write an e-mail address like alice@example.com."))?;
        if self.name.contains(char::is_control) || self.groups.contains(char::is_control) {
            return Err(mistake(Field::Form, "Leave control characters out of name and groups."));
        }
        let name = self.name.trim();
        Ok(Person {
            name: (!name.is_empty()).then(|| name.to_owned()),
            groups: groups(&self.groups),
            claims: claims(&self.claims).map_err(|message| Mistake { field: Field::Claims, message })?,
            ..Person::known_by(email)
        })
    }
}

fn groups(text: &str) -> Vec<String> {
    let mut groups: Vec<String> = vec![];
    for group in text.split(',').map(str::trim).filter(|group| !group.is_empty()) {
        if !groups.iter().any(|known| known == group) {
            groups.push(group.to_owned());
        }
    }
    groups
}

fn claims(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(claims)) => {
            check_claims(&claims).map_err(|error| format!("Take out what is not yours to set: {error}."))?;
            Ok(claims)
        }
        Ok(_) => Err("Write a JSON object, such as {\"department\": \"Sales\"}.".into()),
        Err(error) => Err(format!("This is not JSON: {error}. Write an object such as {{\"department\": \"Sales\"}}.")),
    }
}

fn mistake(field: Field, message: &str) -> Mistake {
    Mistake { field, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_typed_in_is_who_was_typed() {
        let typed = Typed {
            email: " Bob@Example.com ".into(),
            name: " Bob ".into(),
            groups: "staff, admins,,staff ".into(),
            claims: "{\"department\":\"Sales\"}".into(),
        };
        let person = typed.person().unwrap();
        assert_eq!((person.email.as_str(), person.name.as_deref()), ("bob@example.com", Some("Bob")));
        assert_eq!(person.groups, ["staff", "admins"]);
        assert_eq!(person.claims["department"], "Sales");
    }

    #[test]
    fn n_05_what_cannot_be_somebody_is_named_by_its_field() {
        let good = Typed { email: "bob@example.com".into(), ..Typed::default() };
        for (typed, field) in [
            (Typed { email: "a@x\r\nBcc: b".into(), ..good.clone() }, Field::Email),
            (Typed { email: String::new(), ..good.clone() }, Field::Email),
            (Typed { claims: "[1]".into(), ..good.clone() }, Field::Claims),
            (Typed { claims: "{\"a\":".into(), ..good.clone() }, Field::Claims),
            (Typed { claims: "{\"sub\":\"x\"}".into(), ..good.clone() }, Field::Claims),
            (Typed { name: "a\u{0}b".into(), ..good.clone() }, Field::Form),
            (Typed { groups: "x".repeat(LONGEST + 1), ..good.clone() }, Field::Form),
        ] {
            assert_eq!(typed.person().unwrap_err().field, field, "{typed:?}");
        }
    }
}
