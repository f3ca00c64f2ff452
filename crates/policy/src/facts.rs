//! What is known about one request when its policies are asked, and the part
//! of it that a kind of policy may look at.

use std::net::IpAddr;
use std::ops::Deref;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::id::{AppId, ServiceTokenId};
use doorward_model::identity::Identity;
use doorward_model::purpose::Entry;
use doorward_model::rule::SpelledProvider;

use crate::met::Why;

/// What a door found out about a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who signed in, as their provider told it then.
    pub identity: Option<&'a Identity>,
    /// What they gave for this entry beyond who they are, where it holds here and now.
    pub entry: Option<&'a Entry>,
    /// The service token that was presented, proven and in force.
    pub service_token: Option<ServiceTokenId>,
    /// The common name of the client certificate, where one was presented that
    /// counts on this host; empty when its subject has none.
    pub certificate: Option<&'a str>,
    /// Another application, by whose token in `Cf-Access-Token` somebody is
    /// known: proven, in force, and somebody's who signed in there.
    pub linked_app: Option<AppId>,
    /// The address of the client.
    pub client_ip: IpAddr,
    /// The ISO country of that address, where it is known.
    pub country: Option<&'a str>,
}

impl Facts<'_> {
    /// A request that carries nothing, from this address.
    #[must_use]
    pub const fn of_nobody(client_ip: IpAddr) -> Self {
        Self {
            identity: None,
            entry: None,
            service_token: None,
            certificate: None,
            linked_app: None,
            client_ip,
            country: None,
        }
    }
}

/// The facts as the rules of one policy see them: without an identity there
/// is the reason why none may be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) identity: Result<Person<'a>, Why>,
    pub(crate) service_token: Option<ServiceTokenId>,
    pub(crate) certificate: Option<&'a str>,
    pub(crate) linked_app: Option<AppId>,
    pub(crate) client_ip: IpAddr,
    pub(crate) country: Option<&'a str>,
}

/// Who signed in, with what many rules compare made ready once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    identity: &'a Identity,
    pub(crate) domain: &'a str,
    pub(crate) provider: SpelledProvider,
}

impl<'a> From<&'a Identity> for Person<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self { identity, domain: identity.email.domain(), provider: SpelledProvider::of(identity.idp.id) }
    }
}

impl Deref for Person<'_> {
    type Target = Identity;
    fn deref(&self) -> &Identity {
        self.identity
    }
}

impl<'a> Seen<'a> {
    /// As Bypass and Service Auth policies see them: they run before anybody
    /// signs in, so they must decide the same for everybody (Access docs, "policies").
    pub(crate) fn by_machine_policies(facts: &Facts<'a>) -> Self {
        Self::with(facts, Err(Why::IdentityNotUsable))
    }

    /// As Allow and Block policies see them. An identity from a provider that
    /// the application does not allow, or no longer allows (J-11), is none; so
    /// is one from a provider that is not configured any more.
    pub(crate) fn by_people_policies(facts: &Facts<'a>, app: &App, catalog: &Catalog) -> Self {
        let identity = match facts.identity {
            None => Err(Why::NobodySignedIn),
            Some(identity) if !app.allows_idp(identity.idp.id) || catalog.idp(identity.idp.id).is_none() => {
                Err(Why::ProviderNotAllowed)
            }
            Some(identity) => Ok(identity.into()),
        };
        Self::with(facts, identity)
    }

    fn with(facts: &Facts<'a>, identity: Result<Person<'a>, Why>) -> Self {
        // Doors hand over canonical addresses. Doing it again costs nothing,
        // and a mapped address that slips through would pass every Block on IPv4 (J-10).
        let client_ip = facts.client_ip.to_canonical();
        // Geography sources write `XX` for "no country known" (Access docs, "country").
        let country = facts.country.filter(|code| !code.is_empty() && !code.eq_ignore_ascii_case("XX"));
        let Facts { service_token, certificate, linked_app, .. } = *facts;
        Self { identity, service_token, certificate, linked_app, client_ip, country }
    }
}
