//! Everything of an account that Access consists of, read in the order in
//! which a person would ask for it.

use doorward_carry::Account;
use serde_json::Value;

use super::{Remote, TOKEN, Trouble};

/// What a token has to be allowed, in the words of Cloudflare's dashboard.
const APPS: &str = "Access: Apps and Policies Read";
const GROUPS: &str = "Access: Organizations, Identity Providers, and Groups Read";
const TOKENS: &str = "Access: Service Tokens Read";
const PAGES: &str = "Access: Custom Pages Read";
const CERTIFICATES: &str = "Access: Mutual TLS Certificates Read";
const LISTS: &str = "Zero Trust Read";

const NO_ACCOUNT: &str = "there is no such account, or the token is not for it; look at --account";

/// An account as far as the token may read it.
pub(in crate::cli) struct Read {
    pub(in crate::cli) account: Account,
    /// Whether the token was refused nothing.
    pub(in crate::cli) is_whole: bool,
}

impl Remote {
    /// The account. What the token may not read, and what depends on a plan, is
    /// left out and told; the rest does without it.
    pub(in crate::cli) async fn account(&self) -> Result<Read, String> {
        let mut reading = Reading { remote: self, unread: Vec::new(), answered: false, refused: Vec::new() };
        let mut account = Account {
            id: self.account.as_str().to_owned(),
            organization: reading.organization().await?,
            identity_providers: reading.needed("access/identity_providers", "identity providers", GROUPS).await?,
            groups: reading.needed("access/groups", "groups", GROUPS).await?,
            service_tokens: reading.needed("access/service_tokens", "service tokens", TOKENS).await?,
            policies: reading.needed("access/policies", "reusable policies", APPS).await?,
            apps: reading.needed("access/apps", "applications", APPS).await?,
            tags: reading.maybe("access/tags", "tags", APPS).await?,
            custom_pages: reading.custom_pages().await?,
            certificates: reading.maybe("access/certificates", "certificates", CERTIFICATES).await?,
            ..Account::default()
        };
        for app in &mut account.apps {
            self.complete(app).await?;
        }
        if !account.certificates.is_empty() {
            let path = "access/certificates/settings";
            account.hostname_settings = reading.maybe(path, "client_certificate_forwarding", CERTIFICATES).await?;
        }
        let wanted = account.lists_in_rules();
        if !wanted.is_empty() {
            account.lists = reading.lists(&wanted).await?;
        }
        let is_whole = reading.is_whole()?;
        account.unread = reading.unread;
        Ok(Read { account, is_whole })
    }

    /// An application with its policies: a list may show it without them. One
    /// that does not tell them has none, which lets nobody in.
    async fn complete(&self, app: &mut Value) -> Result<(), String> {
        let id = app["id"].as_str().unwrap_or_default().to_owned();
        if !app["policies"].is_array() && app["type"] != "bookmark" {
            app["policies"] = match self.all(&format!("access/apps/{id}/policies")).await {
                Ok(policies) => policies.into(),
                Err(Trouble::Missing) => Value::Array(Vec::new()),
                Err(Trouble::Forbidden(said)) => {
                    return Err(format!(
                        "the API shows the application {id} and not its policies ({said}); the token needs \"{APPS}\""
                    ));
                }
                Err(Trouble::Other(error)) => return Err(error),
            };
        }
        Ok(())
    }
}

/// An account being read.
struct Reading<'a> {
    remote: &'a Remote,
    /// What was left out, and why.
    unread: Vec<(String, String)>,
    /// Whether anything was shown.
    answered: bool,
    /// What the API said, and the permission that would have let the token.
    refused: Vec<(String, &'static str)>,
}

impl Reading<'_> {
    async fn organization(&mut self) -> Result<Option<Value>, String> {
        match self.remote.one("access/organizations").await {
            Ok(Value::Null) | Err(Trouble::Missing) => {
                self.unread.push(("the organisation".to_owned(), "the account has none".to_owned()));
                Ok(None)
            }
            Ok(organization) => {
                self.answered = true;
                Ok(Some(organization))
            }
            Err(trouble) => self.left("the organisation", trouble, GROUPS).map(|()| None),
        }
    }

    /// A list that every account has.
    async fn needed(&mut self, path: &str, what: &str, permission: &'static str) -> Result<Vec<Value>, String> {
        match self.remote.all(path).await {
            Err(Trouble::Missing) => Err(NO_ACCOUNT.to_owned()),
            read => self.read(read, what, permission),
        }
    }

    /// A list that depends on a plan.
    async fn maybe(&mut self, path: &str, what: &str, permission: &'static str) -> Result<Vec<Value>, String> {
        let read = self.remote.all(path).await;
        self.read(read, what, permission)
    }

    fn read(
        &mut self,
        read: Result<Vec<Value>, Trouble>,
        what: &str,
        permission: &'static str,
    ) -> Result<Vec<Value>, String> {
        match read {
            Ok(all) => {
                self.answered = true;
                Ok(all)
            }
            Err(trouble) => self.left(what, trouble, permission).map(|()| Vec::new()),
        }
    }

    /// Lists of pages leave out their text. One without a text is left out whole.
    async fn custom_pages(&mut self) -> Result<Vec<Value>, String> {
        let mut pages = Vec::new();
        for page in self.maybe("access/custom_pages", "custom pages", PAGES).await? {
            let path = format!("access/custom_pages/{}", page["uid"].as_str().unwrap_or_default());
            match self.remote.one(&path).await {
                Ok(page) => pages.push(page),
                Err(trouble) => self.left(&called("the custom page", &page), trouble, PAGES)?,
            }
        }
        Ok(pages)
    }

    /// The lists with these ids, and what is in them. One whose items are not
    /// shown is left out whole: as an empty one it would exclude nobody.
    async fn lists(&mut self, wanted: &[String]) -> Result<Vec<Value>, String> {
        let mut lists = Vec::new();
        for mut list in self.maybe("gateway/lists", "lists", LISTS).await? {
            let Some(id) = list["id"].as_str().filter(|id| wanted.iter().any(|one| one == id)) else { continue };
            match self.remote.all(&format!("gateway/lists/{id}/items")).await {
                Ok(items) => {
                    // Each page of it is a list in the list.
                    list["items"] = items.into_iter().flat_map(flat).collect();
                    lists.push(list);
                }
                Err(trouble) => self.left(&called("the list", &list), trouble, LISTS)?,
            }
        }
        Ok(lists)
    }

    /// What the API does not show is told; what it does not answer ends the reading.
    fn left(&mut self, what: &str, trouble: Trouble, permission: &'static str) -> Result<(), String> {
        let why = match trouble {
            Trouble::Missing => "the account's API has none".to_owned(),
            Trouble::Forbidden(said) => {
                let why = format!("they could not be read ({said}); \"{permission}\" lets the token");
                self.refused.push((said, permission));
                why
            }
            Trouble::Other(error) => return Err(error),
        };
        self.unread.push((what.to_owned(), why));
        Ok(())
    }

    fn is_whole(&self) -> Result<bool, String> {
        match (self.refused.first(), self.answered) {
            (Some((said, _)), false) => {
                let mut permissions: Vec<&str> = self.refused.iter().map(|(_, permission)| *permission).collect();
                permissions.dedup();
                Err(format!(
                    "the API shows nothing of this account ({said}); look at --account, and give {TOKEN} a token that \
                     is for this account, has not expired and may \"{}\"",
                    permissions.join("\", \"")
                ))
            }
            (refused, _) => Ok(refused.is_none()),
        }
    }
}

fn called(what: &str, document: &Value) -> String {
    format!("{what} \"{}\"", document["name"].as_str().unwrap_or_default())
}

fn flat(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        item => vec![item],
    }
}
