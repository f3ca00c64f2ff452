//! JSON without ambiguity. Two readers may choose differently among members of
//! the same name, so that one checks what the other does not use (RFC 8259 §4);
//! such objects are refused at every depth.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads a JSON object. `None`: it is something else, has a member twice, is
/// nested too deep, or is not a `T`.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    // serde would take an array for a struct, too.
    if json.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice::<Unambiguous>(json).ok()?;
    serde_json::from_slice(json).ok()
}

struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON whose objects have each member once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member twice"));
            }
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_object_with_each_member_once_is_read() {
        let json = br#"{"a":[1,-1,1.5,true,null,"x",{"a":1}],"b":{"a":2}}"#;
        assert_eq!(object::<Value>(json), serde_json::from_slice(json).ok());
    }

    #[test]
    fn a_member_that_comes_twice_is_refused_at_every_depth() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":{"a":1,"a":1}}"#, r#"{"x":[{"a":1,"a":1}]}"#]
        {
            assert_eq!(object::<Value>(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn what_is_not_exactly_one_object_is_refused() {
        for json in ["", "[]", "null", "\"a\"", "{} {}", "{}x", "{", " {}", "\u{feff}{}"] {
            assert_eq!(object::<Value>(json.as_bytes()), None, "{json:?}");
        }
    }
}
