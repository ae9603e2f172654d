//! What an immediate registration sends: JSON that names an origin, or the bytes themselves, in one of three ways.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use dlcs_api::{Faults, Given, ImageInput, Links, ProblemKind, Reader};
use dlcs_db::queue::{NewImage, has_room};
use dlcs_db::{image, space};
use dlcs_http::{Pieces, Problem, parse_json};
use dlcs_model::{CustomerId, FailureCode, ImageId, ImageKey, SpaceId};
use futures::{Stream, StreamExt, stream};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::json_file::{self, Splitter};
use super::multipart;
use super::patch::resource;
use super::register::Expected;
use super::{new_image, unknown};
use crate::{Demand, Gateway};

/// A refused body is read on for so long: a client that is still sending would otherwise see a broken connection and
/// not the answer.
const DRAINED: (usize, Duration) = (16 * 1024 * 1024, Duration::from_secs(5));

/// Where a registration goes.
pub struct Target<'t> {
    /// Whose.
    pub customer: CustomerId,
    /// Where.
    pub space: SpaceId,
    /// The id, if the URL says it.
    pub id: Option<ImageId>,
    /// Whether there must be such an image.
    pub expected: Expected,
    /// For the image as it is now.
    pub links: &'t Links,
    /// What must be true of it.
    pub demand: &'t Demand,
    /// Everything else.
    pub gateway: &'t Gateway,
}

/// How a body says it.
enum Kind {
    Json,
    Raw(String),
    Multipart,
}

impl Kind {
    fn of(request: &HttpRequest) -> Self {
        let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence.starts_with("image/") || essence == "application/octet-stream" {
            Self::Raw(essence)
        } else if essence.starts_with("multipart/") {
            Self::Multipart
        } else {
            Self::Json
        }
    }
}

impl Target<'_> {
    /// Reads what was sent. Bytes are in the store when this returns.
    ///
    /// # Errors
    /// Every fault; and what can be known to be refused before the bytes are read.
    pub async fn read(&self, request: &HttpRequest, payload: Payload) -> Result<NewImage, Problem> {
        plain(request)?;
        let body = Body(Rc::new(Mutex::new(Pieces::new(payload.into_inner()))));
        let read = match Kind::of(request) {
            Kind::Json => self.read_json(request, &body).await,
            Kind::Raw(media_type) => self.read_raw(request, &body, media_type).await,
            Kind::Multipart => multipart::read(self, request, &body).await,
        };
        if read.is_err() {
            body.drain().await;
        }
        read
    }

    async fn read_json(&self, request: &HttpRequest, body: &Body) -> Result<NewImage, Problem> {
        let announced = announced(request);
        if announced.is_some_and(|bytes| bytes / 4 * 3 > json_file::LIMIT + json_file::REST as u64) {
            return Err(too_large());
        }
        let (mut pieces, mut splitter) = (body.clone().stream(), Splitter::default());
        let mut first = Bytes::new();
        while !splitter.has_file()
            && let Some(piece) = pieces.next().await
        {
            first = splitter.split(&piece?)?;
        }
        if !splitter.has_file() {
            let fields = parse_json(splitter.rest().into()).await?;
            if fields.get("file").is_some() {
                return Err(Problem::fault("wrong-type", "/file", "this must be a string, the bytes in base64"));
            }
            return self.image(&fields, false);
        }
        self.check(self.id.as_ref()).await?;
        let Gateway { uploads, metrics, .. } = self.gateway;
        let place = uploads.admit(Some(announced.unwrap_or(u64::MAX).min(json_file::LIMIT)), metrics).await?;
        body.restart();
        let mut file = Decoded { pieces, splitter, ready: Some(first), bytes: 0 };
        let received = uploads.receive(file.stream(), place, None).await?;
        let mut fields = parse_json(file.rest().await?.into()).await?;
        // What is left of it is an empty text.
        fields.as_object_mut().map(|fields| fields.remove("file"));
        let image = self.image(&fields, true)?;
        self.check(Some(&image.id)).await?;
        Ok(image.with_bytes(received.store(self.customer, self.gateway).await?))
    }

    async fn read_raw(&self, request: &HttpRequest, body: &Body, media_type: String) -> Result<NewImage, Problem> {
        let Gateway { uploads, metrics, .. } = self.gateway;
        let announced = announced(request);
        uploads.check_size(announced.unwrap_or(0))?;
        let image = self.image(&query(request.query_string()), true)?;
        self.check(Some(&image.id)).await?;
        let place = uploads.admit(announced, metrics).await?;
        body.restart();
        let received = uploads.receive(body.clone().stream(), place, Some(media_type)).await?;
        Ok(image.with_bytes(received.store(self.customer, self.gateway).await?))
    }

    /// The image that JSON describes. Bytes take the place of an origin.
    pub fn image(&self, fields: &Value, bytes: bool) -> Result<NewImage, Problem> {
        let mut faults = Faults::default();
        let input = Reader::root(fields, &mut faults).map(|mut reader| {
            let input = match &self.id {
                Some(id) => ImageInput::read_at(&mut reader, self.space, id.clone()),
                None => ImageInput::read_in(&mut reader, self.customer, self.space),
            };
            for (name, given) in [("origin", &input.origin), ("initialOrigin", &input.initial_origin)] {
                if bytes && matches!(given, Given::Value(_)) {
                    let detail = || "an image has either an origin or bytes that are sent".to_owned();
                    reader.fault(name, "origin-and-bytes", detail);
                }
            }
            if !bytes && self.id.is_some() && input.origin == Given::Null {
                reader.fault("origin", "missing-origin", || "an image must say where to fetch it".to_owned());
            }
            input
        });
        let mut input = faults.check(input)?.unwrap_or_default();
        let id = input.id.take().unwrap_or_else(ImageId::assign);
        Ok(new_image(self.space, id, input))
    }

    /// Whether bytes for this image would be refused however good they are. What is stored is decided again, under
    /// the locks of the transaction. An id that is not known yet is as good as a new one.
    pub async fn check(&self, id: Option<&ImageId>) -> Result<(), Problem> {
        let mut db = self.gateway.database.get().await?;
        if !space::exists(&mut db, self.customer, self.space).await? {
            return Err(Problem::not_found("There is no such space."));
        }
        let Some(id) = id else { return Ok(()) };
        let key = ImageKey { customer: self.customer, space: self.space, id: id.clone() };
        let row = image::get(&mut db, &key).await?;
        match (&row, self.expected) {
            (Some(_), Expected::New) => return Err(Problem::conflict("There is an image with this id.")),
            (None, Expected::Known) => return Err(unknown()),
            (Some(_), Expected::Any | Expected::Known) | (None, Expected::Any | Expected::New) => {}
        }
        let new = row.is_none();
        if !self.demand.holds(row.map(|row| resource(self.links, row))) {
            return Err(self.demand.refusal().unwrap_or_else(unknown));
        }
        if new && let Err(quota) = has_room(&mut db, self.customer).await? {
            return Err(Problem::new(ProblemKind::ImageFailed(FailureCode::QuotaExceeded), quota.to_string()));
        }
        Ok(())
    }
}

/// The length that the request says.
pub fn announced(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn plain(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"" | b"identity") => Ok(()),
        Some(_) => {
            let detail = "bodies must come without a Content-Encoding";
            Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
        }
    }
}

/// A body that a parser may read to some point, and we from there on.
#[derive(Clone)]
pub struct Body(Rc<Mutex<Pieces>>);

impl Body {
    /// What is left of it.
    pub fn stream(self) -> Pin<Box<dyn Stream<Item = Result<Bytes, Problem>>>> {
        let pieces = stream::unfold(self, async |body| {
            let piece = body.0.lock().await.next().await;
            Some((piece.transpose()?, body))
        });
        // A form's reader looks again after the end.
        Box::pin(pieces.fuse())
    }

    /// Begins to measure anew how fast it comes; unless a parser is in the middle of reading, and holds it until it reads on.
    pub fn restart(&self) {
        if let Ok(mut pieces) = self.0.try_lock() {
            pieces.restart();
        }
    }

    async fn drain(self) {
        let read = async {
            let mut left = DRAINED.0;
            let mut stream = self.stream();
            while let Some(Ok(piece)) = stream.next().await
                && left > piece.len()
            {
                left -= piece.len();
            }
        };
        // Whether all of it came makes no difference.
        let _ = tokio::time::timeout(DRAINED.1, read).await;
    }
}

/// Query parameters as the fields of an image: texts, lists where they are lists, an object where it is one.
fn query(text: &str) -> Value {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if name == "tags" || name == "roles" {
            let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
            let words = words.map(|word| Value::String(word.to_owned()));
            if let Value::Array(list) = fields.entry(name.into_owned()).or_insert_with(|| Value::Array(Vec::new())) {
                list.extend(words);
            }
            continue;
        }
        let value = match name.as_ref() {
            // What is no JSON is a text, which is refused as one.
            "metadata" => serde_json::from_str(&value).unwrap_or_else(|_| Value::String(value.into_owned())),
            _ => Value::String(value.into_owned()),
        };
        fields.insert(name.into_owned(), value);
    }
    Value::Object(fields)
}

/// A file in JSON, decoded as it comes.
struct Decoded {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, Problem>>>>,
    splitter: Splitter,
    /// Decoded already.
    ready: Option<Bytes>,
    bytes: u64,
}

impl Decoded {
    /// The bytes of the file.
    fn stream(&mut self) -> Pin<Box<dyn Stream<Item = Result<Bytes, Problem>> + '_>> {
        Box::pin(stream::unfold(self, async |file| Some((file.next().await.transpose()?, file))))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let decoded = match self.ready.take() {
            Some(ready) => ready,
            None if !self.splitter.in_file() => return Ok(None),
            None => match self.pieces.next().await {
                Some(piece) => self.splitter.split(&piece?)?,
                None => return Ok(None),
            },
        };
        self.bytes += decoded.len() as u64;
        if self.bytes > json_file::LIMIT { Err(too_large()) } else { Ok(Some(decoded)) }
    }

    /// What stands beside the file in the whole body.
    async fn rest(mut self) -> Result<Vec<u8>, Problem> {
        while let Some(piece) = self.pieces.next().await {
            self.splitter.split(&piece?)?;
        }
        Ok(self.splitter.rest())
    }
}

fn too_large() -> Problem {
    let detail = format!("a file in base64 has at most {} bytes: send it as it is, or in a form", json_file::LIMIT);
    Problem::new(ProblemKind::TooLarge, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn query_parameters_are_fields() {
        let fields = query("string1=a%2Cb&number1=7&tags=x,y&tags=z&roles=&metadata=%7B%22a%22%3A1%7D&string2=");
        let expected = json!({"string1": "a,b", "number1": "7", "tags": ["x", "y", "z"], "roles": [],
            "metadata": {"a": 1}, "string2": ""});
        assert_eq!(fields, expected);
    }
}
