//! `DELETE /customers/{c}/keys/{key}`: refused everywhere within a minute.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use dlcs_db::api_key;
use dlcs_http::{Authenticator, Authorized, Problem};

use crate::{Gateway, customers};

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
    authenticator: Data<Authenticator>,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let (_, key) = path.into_inner();
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?;
    let unknown = || Problem::not_found("There is no such key.");
    if key.contains('\0') || !api_key::exists(&mut db, owner.id, &key).await? {
        return Err(unknown());
    }
    if owner.administrator && api_key::count(&mut db, owner.id).await? == 1 {
        return Err(Problem::fault(
            "last-key",
            "key",
            "This is the administrator's last key; create another one first.",
        ));
    }
    if !api_key::revoke(&mut db, owner.id, &key).await? {
        return Err(unknown());
    }
    authenticator.forget(&key).await;
    Ok(HttpResponse::NoContent().finish())
}
