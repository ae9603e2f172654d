//! `POST /customers`: a new customer, by an administrator.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{CustomerInput, Resource};
use dlcs_db::customer::{self, CreateCustomerError};
use dlcs_http::{Admin, Answer, JsonBody, Problem, PublicLinks};

use super::view;
use crate::Gateway;

/// Creates a customer and makes its name known to the image service.
#[utoipa::path(
    post,
    path = "/customers",
    operation_id = "createCustomer",
    tag = "customers",
    request_body = dlcs_api::requests::CustomerRequest,
    responses(
        (status = 201, description = "The new customer.", body = dlcs_api::Customer),
        (status = 403, description = "Only an administrator's key may do this."),
        (status = 409, description = "The name is taken."),
    ),
)]
pub async fn create(
    request: HttpRequest,
    _: Admin,
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let input = CustomerInput::read(&body.value)?;
    let mut db = gateway.database.get().await?;
    let created = customer::create(&mut db, &input.name, &input.display_name, false).await;
    let row = created.map_err(|error| match error {
        CreateCustomerError::NameTaken => Problem::conflict(format!("The name \"{}\" is taken.", input.name)),
        CreateCustomerError::Db(error) => error.into(),
    })?;
    gateway.names.publish(&row).await;
    let url = links.customer(row.id);
    Answer::created(&request, &url).body(&Resource::top(&links, url.clone(), view(&links, row)))
}
