//! What the HTTP server takes by itself: a program that answers from memory what it found in a folder, and does nothing else.

use std::collections::HashMap;
use std::path::Path;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{Data, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use bytes::Bytes;

/// Where this program is told the folder, when it is to be that server.
pub const FOLDER: &str = "DLCS_BENCH_FLOOR";
/// And the port.
pub const PORT: &str = "DLCS_BENCH_FLOOR_PORT";

type Answers = HashMap<String, Bytes>;

fn read(folder: &Path, root: &Path, answers: &mut Answers) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, answers);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            answers.insert(format!("/{name}"), std::fs::read(&path).unwrap().into());
        }
    }
}

async fn answer(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    let Some(body) = answers.get(request.uri().path()) else { return HttpResponse::NotFound().finish() };
    let mut response = HttpResponse::Ok().body(body.clone());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    response
}

/// Serves the files of `folder` until the process ends.
pub async fn serve(folder: &str) {
    let mut answers = Answers::new();
    read(folder.as_ref(), folder.as_ref(), &mut answers);
    let answers = Data::new(answers);
    let port = std::env::var(PORT).unwrap().parse().unwrap();
    let server = HttpServer::new(move || App::new().app_data(answers.clone()).default_service(to(answer)));
    server.bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}
