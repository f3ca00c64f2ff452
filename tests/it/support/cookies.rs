//! A cookie jar with the rules of a browser that matter here: a cookie belongs
//! to one host whatever the port, a later one replaces it, an expired one is gone.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Jar {
    hosts: BTreeMap<String, BTreeMap<String, String>>,
}

/// One `Set-Cookie`, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl SetCookie {
    pub(crate) fn parse(line: &str) -> SetCookie {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
        let attributes = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        SetCookie { name: name.to_owned(), value: value.to_owned(), attributes }
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains_key(&attribute.to_ascii_lowercase())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Whether it takes the cookie away.
    pub(crate) fn removes(&self) -> bool {
        self.value.is_empty()
            || self.attribute("max-age").is_some_and(|age| age.parse::<i64>().is_ok_and(|age| age <= 0))
            || self.attribute("expires").is_some_and(|date| date.contains(" 1970 "))
    }
}

impl Jar {
    pub(crate) fn take(&mut self, host: &str, cookie: &SetCookie) {
        let cookies = self.hosts.entry(host.to_owned()).or_default();
        if cookie.removes() {
            cookies.remove(&cookie.name);
        } else {
            cookies.insert(cookie.name.clone(), cookie.value.clone());
        }
    }

    pub(crate) fn set(&mut self, host: &str, name: &str, value: &str) {
        self.hosts.entry(host.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn value(&self, host: &str, name: &str) -> Option<&str> {
        self.hosts.get(host)?.get(name).map(String::as_str)
    }

    pub(crate) fn remove(&mut self, host: &str, name: &str) {
        if let Some(cookies) = self.hosts.get_mut(host) {
            cookies.remove(name);
        }
    }

    /// The `Cookie` header for a host.
    pub(crate) fn header(&self, host: &str) -> Option<String> {
        let cookies = self.hosts.get(host).filter(|cookies| !cookies.is_empty())?;
        Some(cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "))
    }
}
