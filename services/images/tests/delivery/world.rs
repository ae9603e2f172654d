//! The service in this process on a port of its own, over a store in a folder of its own, and a plain HTTP client that
//! sends paths exactly as they are given.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser as _;
use dlcs_imaging::head::Head;
use dlcs_jpeg::{Decoder, Output, Scale};
use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_service::Context;
use dlcs_storage::{Descriptor, StorageKey, StorageSettings, Store};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use tempfile::TempDir;

/// A running service and its store.
pub struct World {
    pub store: Store,
    pub context: Context,
    address: SocketAddr,
    folder: TempDir,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

pub fn key(id: &str) -> ImageKey {
    ImageKey { customer: CustomerId(2), space: SpaceId(3), id: ImageId::new(id).unwrap() }
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With command-line arguments for the service.
    pub async fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StorageSettings::folder(&folder.path().join("store"));
        let store = Store::connect(&settings).await.unwrap();
        Self::start(folder, store.clone(), store, arguments)
    }

    /// With a store for the test and one for the service, which lead to the same objects.
    pub fn start(folder: TempDir, store: Store, served: Store, arguments: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fixed = ["images", "--storage-url", "file:///the/store/is/given"];
        let settings = images::Settings::parse_from(fixed.iter().chain(arguments));
        let context = Context::detached("images");
        let stop = context.clone();
        tokio::spawn(async move { images::serve(&settings.delivery, served, listener, stop).await.unwrap() });
        Self { store, context, address, folder }
    }

    /// Sends the head of a request and leaves the answer to whoever reads it.
    pub fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        stream
    }

    /// The sum of a metric over all its labels, or those that have `label`.
    pub fn metric(&self, name: &str, label: Option<&str>) -> f64 {
        let families = self.context.registry.gather();
        let metrics =
            families.iter().filter(|f| f.name() == name).flat_map(prometheus::proto::MetricFamily::get_metric);
        let labelled = metrics.filter(|m| label.is_none_or(|l| m.get_label().iter().any(|pair| pair.value() == l)));
        labelled.map(|m| m.get_counter().get_value() + m.get_gauge().get_value()).sum()
    }

    /// Waits until a metric has a value.
    pub async fn until(&self, name: &str, value: f64) {
        let started = Instant::now();
        while (self.metric(name, None) - value).abs() > 0.1 {
            assert!(started.elapsed() < Duration::from_secs(60), "{name} is {}", self.metric(name, None));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn publish(&self, id: &str, file: &str, edit: impl FnOnce(&mut Descriptor)) -> Descriptor {
        crate::publish::publish(&self.store, &key(id), &self.file(file), edit).await.unwrap()
    }

    /// Publishes pixels that were stored without loss, which keep colour in every pixel.
    pub async fn publish_pixels(&self, id: &str, pixels: impl Into<DynamicImage>) -> Descriptor {
        let file = format!("{id}.png");
        pixels.into().save(self.file(&file)).unwrap();
        self.publish(id, &file, |_| {}).await
    }

    /// Publishes pixels as a camera's JPEG, with one colour for four pixels.
    pub async fn publish_photo(&self, id: &str, pixels: &RgbImage) -> Descriptor {
        let mut encoder = dlcs_jpeg::Encoder::new().unwrap();
        let jpeg = encoder.encode(pixels.dimensions(), pixels, dlcs_jpeg::Sampling::Half, 92).unwrap();
        std::fs::write(self.file(&format!("{id}.jpg")), jpeg).unwrap();
        self.publish(id, &format!("{id}.jpg"), |_| {}).await
    }

    pub async fn unpublish(&self, id: &str) {
        self.store.delete(&StorageKey::Descriptor(&key(id)).to_string()).await.unwrap();
    }

    /// Sends one request; `extra` are further header lines.
    pub async fn send(&self, method: &str, path: &str, extra: &[&str]) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let lines: String = extra.iter().map(|line| format!("{line}\r\n")).collect();
        let (address, request) = (self.address, format!("{head}{lines}\r\n"));
        let bytes = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        });
        parse(&bytes.await.unwrap())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }

    /// The pixels of an answer that must be 200.
    pub async fn pixels(&self, path: &str) -> DynamicImage {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.decode()
    }

    pub async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// The stored pixels of a whole level, put together from its tiles.
    pub async fn level(&self, descriptor: &Descriptor, level: u32) -> RgbImage {
        let file = self.store.get(&descriptor.derivative).await.unwrap();
        let head = Head::parse(&file[..usize::try_from(descriptor.head_length).unwrap()]).unwrap();
        let size = dlcs_imaging::geometry::levels(descriptor.width, descriptor.height)[level as usize];
        let mut whole = RgbImage::new(size.width, size.height);
        for (column, row) in (0..size.rows()).flat_map(|row| (0..size.columns()).map(move |column| (column, row))) {
            let range = head.tile(level, column, row).unwrap();
            let start = usize::try_from(range.offset).unwrap();
            let tile = jpeg(&file[start..start + range.length as usize]).into_rgb8();
            image::imageops::replace(&mut whole, &tile, i64::from(column * 512), i64::from(row * 512));
        }
        whole
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(500)]).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn decode(&self) -> DynamicImage {
        match self.header("content-type") {
            "image/jpeg" => jpeg(&self.body),
            _ => image::load_from_memory(&self.body).unwrap(),
        }
    }
}

/// Decodes a JPEG as what it is: grey or colour.
pub fn jpeg(bytes: &[u8]) -> DynamicImage {
    let decoder = Decoder::from_bytes(bytes).unwrap();
    let gray = decoder.header().sampling.len() == 1;
    let mut rows = decoder.rows(if gray { Output::Gray } else { Output::Rgb }, Scale::Full).unwrap();
    let (width, height) = (rows.width(), rows.height());
    let channels = if gray { 1 } else { 3 };
    let mut pixels = vec![0; width as usize * height as usize * channels];
    let mut done = 0;
    while done < height as usize {
        done += rows.read(&mut pixels[done * width as usize * channels..]).unwrap();
    }
    if gray {
        GrayImage::from_raw(width, height, pixels).unwrap().into()
    } else {
        RgbImage::from_raw(width, height, pixels).unwrap().into()
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_lowercase(), v.to_owned())).collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

/// Pixels that say where they are, smooth enough for JPEG to keep them.
pub fn landscape(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = 30.0 * (f64::from(x) / 23.0).sin() * (f64::from(y) / 31.0).cos();
        let at = |part: f64| (part * 190.0 + 32.0 + wave).clamp(0.0, 255.0) as u8;
        image::Rgb([at(f64::from(x) / f64::from(width)), at(f64::from(y) / f64::from(height)), (128.0 + wave) as u8])
    })
}

/// The colour of a square of [`squares`].
pub fn square(column: u32, row: u32) -> [u8; 3] {
    let n = column * 10 + row;
    [n.wrapping_mul(97) as u8, n.wrapping_mul(53).wrapping_add(40) as u8, n.wrapping_mul(29).wrapping_add(200) as u8]
}

/// 1000 x 1000 pixels in 10 x 10 squares, each of one colour.
pub fn squares() -> RgbImage {
    RgbImage::from_fn(1000, 1000, |x, y| image::Rgb(square(x / 100, y / 100)))
}

/// A disc that fades out: opaque in the middle, transparent at the corners.
pub fn disc(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let far = (f64::from(x) - f64::from(width) / 2.0).hypot(f64::from(y) - f64::from(height) / 2.0);
        let alpha = (255.0 * (1.5 - far / (f64::from(height) / 2.0))).clamp(0.0, 255.0) as u8;
        image::Rgba([200, 40, 90, alpha])
    })
}
