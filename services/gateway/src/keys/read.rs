//! `GET /customers/{c}/keys/{key}`: without its secret.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::api_key;
use dlcs_http::{Answer, Authorized, Problem, PublicLinks};

use super::{unknown, view};
use crate::Gateway;

/// One key.
#[utoipa::path(
    get,
    path = "/customers/{customer}/keys/{key}",
    operation_id = "readKey",
    tag = "keys",
    responses(
        (status = 200, description = "The key, without its secret.", body = dlcs_api::Key),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    path: Path<(String, String)>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let key = path.into_inner().1;
    // The database takes no such text.
    let key = Some(key).filter(|key| !key.contains('\0')).ok_or_else(unknown)?;
    let row = api_key::get(&mut *gateway.database.get().await?, customer, &key).await?.ok_or_else(unknown)?;
    Answer::ok(&request).body(&Resource::top(&links, links.key(customer, &key), view(row)))
}
