//! `multipart/form-data`: a part `image` with JSON and a part `file` with the bytes, in either order.

use std::io;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use dlcs_db::queue::NewImage;
use dlcs_http::Problem;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::json_file::REST;
use super::sent::{Body, Target, announced};
use crate::Gateway;
use crate::uploads::Received;

/// Reads both parts; others are passed over. The file is in the store when this returns.
///
/// # Errors
/// Every fault; with the image first, also what can be known to be refused before the file is read.
pub async fn read(target: &Target<'_>, request: &HttpRequest, body: &Body) -> Result<NewImage, Problem> {
    let announced = announced(request);
    target.gateway.uploads.check_size(announced.map_or(0, |bytes| bytes.saturating_sub(REST as u64)))?;
    let broken = |problem: Problem| PayloadError::Io(io::Error::other(problem.detail().to_owned()));
    let mut parts = Multipart::new(request.headers(), body.clone().stream().map_err(broken));
    let mut form = Form { target, body, announced, left: REST, image: None, file: None };
    while let Some(field) = parts.next().await {
        form.add(field.map_err(fault)?).await?;
    }
    form.finish().await
}

struct Form<'f> {
    target: &'f Target<'f>,
    body: &'f Body,
    announced: Option<u64>,
    /// Bytes that parts other than the file may still have.
    left: usize,
    image: Option<NewImage>,
    file: Option<Received>,
}

impl Form<'_> {
    async fn add(&mut self, field: Field) -> Result<(), Problem> {
        match field.name().unwrap_or_default() {
            "image" if self.image.is_some() => Err(repeated("/image")),
            "file" if self.file.is_some() => Err(repeated("/file")),
            "image" => {
                let fields = dlcs_http::parse_json(self.small(field).await?.into()).await?;
                self.image = Some(self.target.image(&fields, true)?);
                Ok(())
            }
            "file" => {
                self.file = Some(self.take(field).await?);
                Ok(())
            }
            _ => self.small(field).await.map(|_| ()),
        }
    }

    /// The bytes, once nothing that is known already speaks against them.
    async fn take(&self, field: Field) -> Result<Received, Problem> {
        let id = self.image.as_ref().map(|image| &image.id).or(self.target.id.as_ref());
        self.target.check(id).await?;
        let Gateway { uploads, metrics, .. } = self.target.gateway;
        let place = uploads.admit(self.announced, metrics).await?;
        self.body.restart();
        let media_type = field.content_type().map(|media_type| media_type.essence_str().to_owned());
        uploads.receive(field.map_err(fault), place, media_type).await
    }

    /// A part that is held in memory.
    async fn small(&mut self, mut field: Field) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        while let Some(chunk) = field.next().await {
            let chunk = chunk.map_err(fault)?;
            self.left = self.left.checked_sub(chunk.len()).ok_or_else(|| {
                let detail = format!("the parts beside the file are more than the limit of {REST} bytes");
                Problem::new(dlcs_api::ProblemKind::TooLarge, detail)
            })?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn finish(self) -> Result<NewImage, Problem> {
        let Self { target, file, image, .. } = self;
        let Some(file) = file else {
            return Err(Problem::fault("missing-file", "/file", "there is no part with the bytes of the image"));
        };
        let image = match image {
            Some(image) => image,
            None => target.image(&Value::Object(Map::new()), true)?,
        };
        // The image may have come after the file.
        target.check(Some(&image.id)).await?;
        Ok(image.with_bytes(file.store(target.customer, target.gateway).await?))
    }
}

fn repeated(pointer: &str) -> Problem {
    Problem::fault("repeated-part", pointer, "there are two parts of this name")
}

fn fault(error: MultipartError) -> Problem {
    match error {
        MultipartError::Payload(PayloadError::Io(error)) => Problem::fault("incomplete-body", "", error.to_string()),
        MultipartError::Payload(_) | MultipartError::Incomplete => {
            Problem::fault("incomplete-body", "", "the body broke off")
        }
        error => Problem::fault("malformed-multipart", "", error.to_string().to_lowercase()),
    }
}
