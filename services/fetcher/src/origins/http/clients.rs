//! The HTTP clients, which connect to nothing that the guard has not admitted.

use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect, retry};

use crate::guard::{Guard, Reach};
use crate::settings::FetchSettings;
use crate::tls;

/// How long a connection is kept for the next image of the same origin.
const IDLE: Duration = Duration::from_secs(20);

/// One client per rule of the guard: a kept connection is only used again for what it was admitted for.
pub(super) struct Clients {
    public: Client,
    listed: Client,
}

impl Clients {
    pub(super) fn new(settings: &FetchSettings) -> anyhow::Result<Self> {
        Ok(Self { public: client(settings, Reach::Public)?, listed: client(settings, Reach::Listed)? })
    }

    pub(super) fn of(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.public,
            Reach::Listed => &self.listed,
        }
    }
}

fn client(settings: &FetchSettings, reach: Reach) -> anyhow::Result<Client> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("image/*, */*;q=0.5"));
    // A compressed body could not be measured before it is unpacked.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let agent = format!("dlcs-fetcher/{} (+{})", env!("CARGO_PKG_VERSION"), settings.contact_url);
    let authorities = tls::authorities(settings)?;
    let authorities =
        authorities.iter().map(|authority| Certificate::from_der(authority)).collect::<Result<Vec<_>, _>>()?;
    let client = Client::builder()
        .user_agent(agent)
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // A proxy from the environment would resolve names in our place.
        .no_proxy()
        .dns_resolver(Arc::new(GuardedResolver { guard: settings.guard(), reach }))
        .tls_certs_merge(authorities)
        .connect_timeout(settings.connect)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(usize::from(settings.per_host))
        .build()?;
    Ok(client)
}

/// Resolves a name when a connection is made to it, and hands out only what was admitted.
struct GuardedResolver {
    guard: Guard,
    reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, reach) = (self.guard.clone(), self.reach);
        Box::pin(async move {
            let addresses = guard.resolve(name.as_str(), reach).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
