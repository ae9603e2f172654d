//! `POST /customers/{c}/keys`: the only time a secret is shown.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Key, Resource};
use dlcs_db::api_key;
use dlcs_http::{Answer, Authorized, Problem, PublicLinks};
use secrecy::ExposeSecret;

use crate::{Gateway, customers};

/// Creates a key.
#[utoipa::path(
    post,
    path = "/customers/{customer}/keys",
    operation_id = "createKey",
    tag = "keys",
    responses(
        (status = 201, description = "The new key with its secret, which is never shown again.", body = dlcs_api::Key),
    ),
)]
pub async fn create(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let fresh = api_key::create(&mut db, owner).await?;
    let secret = Some(fresh.secret.expose_secret().to_owned());
    let url = links.key(owner, &fresh.key);
    let body = Key { key: fresh.key, secret, created: None, last_used: None };
    Answer::created(&request, &url).body(&Resource::top(&links, url.clone(), body))
}
