//! `DELETE /customers/{c}/keys/{key}`: refused everywhere within a minute.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use dlcs_api::Resource;
use dlcs_db::api_key::{self, ApiKey, Revoked};
use dlcs_http::{Authenticator, Authorized, Problem, PublicLinks};

use super::{unknown, view};
use crate::{Demand, Gateway, customers};

/// Revokes a key.
#[utoipa::path(
    delete,
    path = "/customers/{customer}/keys/{key}",
    operation_id = "deleteKey",
    tag = "keys",
    responses(
        (status = 204, description = "The key is revoked."),
        (status = 400, description = "This is the administrator's last key; create another one first."),
    ),
)]
pub async fn delete(
    authorized: Authorized,
    path: Path<(String, String)>,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    authenticator: Data<Authenticator>,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let key = path.into_inner().1;
    // The database takes no such text.
    let key = Some(key).filter(|key| !key.contains('\0')).ok_or_else(unknown)?;
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let resource = |row: ApiKey| Resource::top(&links, links.key(owner, &row.key), view(row));
    let condition = |row: Option<&ApiKey>| demand.holds(row.cloned().map(resource));
    match api_key::revoke(&mut db, owner, &key, &condition).await? {
        Revoked::Done => {}
        Revoked::Unknown => return Err(unknown()),
        Revoked::Refused => return Err(demand.refusal().unwrap_or_else(unknown)),
        Revoked::Last => {
            let detail = "This is the administrator's last key; create another one first.";
            return Err(Problem::fault("last-key", "key", detail));
        }
    }
    authenticator.forget(&key).await;
    Ok(HttpResponse::NoContent().finish())
}
