//! Everything of an account that Access consists of, read in the order in
//! which a person would ask for it.

use doorward_carry::Account;
use serde_json::Value;

use super::{Remote, Trouble};

/// What a token has to be allowed, in the words of Cloudflare's dashboard.
const APPS: &str = "Access: Apps and Policies Read";
const GROUPS: &str = "Access: Organizations, Identity Providers, and Groups Read";
const TOKENS: &str = "Access: Service Tokens Read";
const PAGES: &str = "Access: Custom Pages Read";
const CERTIFICATES: &str = "Access: Mutual TLS Certificates Read";
const LISTS: &str = "Zero Trust Read";

impl Remote {
    /// The account. What every account has must be readable; what depends on a
    /// plan, or on what rules refer to, may be missing, and is told.
    pub(in crate::cli) async fn account(&self) -> Result<Account, String> {
        let mut account = Account { id: self.account.as_str().to_owned(), ..Account::default() };
        account.organization = match self.one("access/organizations").await {
            Ok(Value::Null) | Err(Trouble::Missing) => {
                account.unread.push(("the organisation".to_owned(), "the account has none".to_owned()));
                None
            }
            Ok(organization) => Some(organization),
            Err(trouble) => return Err(needed(trouble, GROUPS)),
        };
        account.identity_providers = self.needed("access/identity_providers", GROUPS).await?;
        account.groups = self.needed("access/groups", GROUPS).await?;
        account.service_tokens = self.needed("access/service_tokens", TOKENS).await?;
        account.policies = self.needed("access/policies", APPS).await?;
        account.apps = self.needed("access/apps", APPS).await?;
        for app in &mut account.apps {
            self.complete(app).await?;
        }
        account.tags = self.maybe("access/tags", "tags", APPS, &mut account.unread).await?;
        account.custom_pages = self.custom_pages(&mut account.unread).await?;
        account.certificates =
            self.maybe("access/certificates", "certificates", CERTIFICATES, &mut account.unread).await?;
        if !account.certificates.is_empty() {
            let path = "access/certificates/settings";
            account.hostname_settings =
                self.maybe(path, "client_certificate_forwarding", CERTIFICATES, &mut account.unread).await?;
        }
        let wanted = account.lists_in_rules();
        if !wanted.is_empty() {
            account.lists = self.lists(&wanted, &mut account.unread).await?;
        }
        Ok(account)
    }

    async fn needed(&self, path: &str, permission: &str) -> Result<Vec<Value>, String> {
        self.all(path).await.map_err(|trouble| needed(trouble, permission))
    }

    async fn maybe(
        &self,
        path: &str,
        what: &str,
        permission: &str,
        unread: &mut Vec<(String, String)>,
    ) -> Result<Vec<Value>, String> {
        let why = match self.all(path).await {
            Ok(all) => return Ok(all),
            Err(Trouble::Missing) => "the account's API has none".to_owned(),
            Err(Trouble::Forbidden(said)) => {
                format!("they could not be read ({said}); \"{permission}\" lets the token")
            }
            Err(Trouble::Other(error)) => return Err(error),
        };
        unread.push((what.to_owned(), why));
        Ok(Vec::new())
    }

    /// An application with its policies: a list may show it without them.
    async fn complete(&self, app: &mut Value) -> Result<(), String> {
        let id = app["id"].as_str().unwrap_or_default().to_owned();
        if !app["policies"].is_array() && app["type"] != "bookmark" {
            app["policies"] = self.needed(&format!("access/apps/{id}/policies"), APPS).await?.into();
        }
        Ok(())
    }

    /// Lists of pages leave out their text.
    async fn custom_pages(&self, unread: &mut Vec<(String, String)>) -> Result<Vec<Value>, String> {
        let mut pages = self.maybe("access/custom_pages", "custom pages", PAGES, unread).await?;
        for page in &mut pages {
            let path = format!("access/custom_pages/{}", page["uid"].as_str().unwrap_or_default());
            *page = self.one(&path).await.map_err(|trouble| needed(trouble, PAGES))?;
        }
        Ok(pages)
    }

    /// The lists with these ids, and what is in them.
    async fn lists(&self, wanted: &[String], unread: &mut Vec<(String, String)>) -> Result<Vec<Value>, String> {
        let mut lists = self.maybe("gateway/lists", "lists", LISTS, unread).await?;
        lists.retain(|list| list["id"].as_str().is_some_and(|id| wanted.iter().any(|one| one == id)));
        for list in &mut lists {
            let path = format!("gateway/lists/{}/items", list["id"].as_str().unwrap_or_default());
            let items = self.needed(&path, LISTS).await?;
            // Each page of it is a list in the list.
            list["items"] = items.into_iter().flat_map(flat).collect();
        }
        Ok(lists)
    }
}

fn flat(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        item => vec![item],
    }
}

fn needed(trouble: Trouble, permission: &str) -> String {
    match trouble {
        Trouble::Missing => "there is no such account, or the token is not for it; look at --account".to_owned(),
        Trouble::Forbidden(said) => {
            format!("the API refuses ({said}); the token needs \"{permission}\" for this account")
        }
        Trouble::Other(error) => error,
    }
}
