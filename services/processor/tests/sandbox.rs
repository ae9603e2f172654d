//! Decoders that crash, hang, hoard or try to break out: each costs one image.
//!
//! Hostile decoders are this test program, started again for the one test that knows it: [`misbehave`] does as its source says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dlcs_imaging::derive::{Derived, Outputs};
use dlcs_imaging::source::Limits;
use dlcs_model::{Failure, FailureCode, RetryClass};
use dlcs_service::Context;
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use processor::sandbox::{self, Admit, Budget, Decoders, Job, Metrics, Program};
use tempfile::TempDir;

const BUDGET_MB: u32 = 256;
const LONG: Duration = Duration::from_secs(120);

static POISONED: AtomicBool = AtomicBool::new(false);

fn misbehave(mut job: Job, admit: &Admit<'_>) -> Result<Derived, Failure> {
    let mut start = Vec::new();
    // The decoder before this one has read the same open file.
    job.source.rewind().unwrap();
    (&job.source).take(40).read_to_end(&mut start).unwrap();
    let text = String::from_utf8_lossy(&start).into_owned();
    let mut words = text.split_whitespace();
    let mut note = |text: &str| {
        job.outputs.derivative.seek(SeekFrom::End(0)).unwrap();
        job.outputs.derivative.write_all(text.as_bytes()).unwrap();
    };
    match words.next() {
        Some("abort") => {
            note("x");
            std::process::abort()
        }
        Some("fault") => loop {
            raise(Signal::SIGSEGV).unwrap();
        },
        Some("overflow") => panic!("{}", recurse(1)),
        Some("panic") => panic!("as a decoder might"),
        Some("loop") => {
            note(&format!("{}\n", std::process::id()));
            loop {
                std::hint::spin_loop();
            }
        }
        Some("hoard") => {
            admit(1);
            panic!("{}", hoard())
        }
        Some("hoard-early") => panic!("{}", hoard()),
        Some("heavy") => {
            admit(u64::from(BUDGET_MB + 1) << 20);
            panic!("it was let in")
        }
        Some("poison") => {
            POISONED.store(true, Ordering::Relaxed);
            Err(said(&"done"))
        }
        Some("blame") => Err(Failure::internal()),
        Some("meddle") => Err(Failure::new(FailureCode::QuotaExceeded, "as if it knew")),
        Some("babble") => loop {
            nix::unistd::write(std::io::stdin(), b"{\"Derived\":").unwrap();
            std::thread::park();
        },
        Some("pid") => Err(said(&std::process::id())),
        Some("probe") => {
            let processor = words.next().unwrap().parse().unwrap();
            let here = escapes(processor);
            let there = admit(1).map(|helper| helper.give(move || escapes(processor)).recv().unwrap());
            Err(said(&[here, there.unwrap_or_else(|| vec!["no second thread"])].concat().join(" ")))
        }
        _ if POISONED.load(Ordering::Relaxed) => std::process::abort(),
        _ => sandbox::derive(job, admit),
    }
}

/// How a hostile decoder tells something: as its image's failure.
fn said(what: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureCode::UnsupportedFormat, what.to_string())
}

fn recurse(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    if room[0] == u64::MAX { 0 } else { recurse(depth + 1) + room[(depth % 64) as usize] }
}

fn hoard() -> usize {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 16 << 20]));
    }
}

/// Whether something is possible, to the process given or to others.
type Attempt = fn(Pid) -> bool;

/// What a decoder could do that it must not, of everything that is tried here.
fn escapes(processor: i32) -> Vec<&'static str> {
    let processor = Pid::from_raw(processor);
    let tries: [(&str, Attempt); 12] = [
        ("read", |_| File::open("/etc/passwd").is_ok()),
        ("maps", |_| File::open("/proc/self/maps").is_ok()),
        ("list", |_| std::fs::read_dir("/").is_ok()),
        ("write", |_| File::create("/tmp/escaped").is_ok()),
        ("remove", |_| std::fs::remove_file("/tmp/escaped").is_ok()),
        ("tcp", |_| TcpStream::connect("127.0.0.1:22").err().is_none_or(|e| e.raw_os_error() != Some(libc::EPERM))),
        ("unix", |_| UnixStream::connect("/run/x").err().is_none_or(|e| e.raw_os_error() != Some(libc::EPERM))),
        ("pair", |_| UnixStream::pair().is_ok()),
        ("fork", |_| std::process::Command::new("/bin/true").spawn().is_ok()),
        ("thread", |_| std::thread::Builder::new().spawn(|| ()).is_ok()),
        ("ptrace", |processor| nix::sys::ptrace::attach(processor) != Err(nix::Error::EPERM)),
        ("kill", |processor| kill(processor, None) != Err(nix::Error::EPERM)),
    ];
    tries.into_iter().filter(|(_, attempt)| attempt(processor)).map(|(name, _)| name).collect()
}

struct Bench {
    folder: TempDir,
    decoders: Decoders,
}

impl Bench {
    fn new(program: Program, time: Duration) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), decoders: Decoders::new(program, Budget::new(BUDGET_MB), time) }
    }

    fn hostile(time: Duration) -> Self {
        let arguments = ["a_crash_is_tried_twice", "--exact", "--nocapture", "--test-threads=1"];
        let program =
            Program { path: std::env::current_exe().unwrap().into(), arguments: arguments.map(Into::into).to_vec() };
        Self::new(program, time)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("image.tif")
    }

    fn job(&self, source: &[u8]) -> Job {
        let path = self.folder.path().join("source");
        std::fs::write(&path, source).unwrap();
        let outputs = Outputs::create(&self.path(), self.folder.path()).unwrap();
        Job { source: File::open(path).unwrap(), outputs, limits: Limits::default() }
    }

    async fn derive(&self, source: &[u8]) -> Result<Derived, Failure> {
        self.decoders.derive(&self.job(source)).await
    }

    async fn fails(&self, source: &[u8]) -> Failure {
        self.derive(source).await.unwrap_err()
    }

    /// That the next image is as good as any.
    async fn goes_on(&self) {
        let derived = self.derive(&png()).await.unwrap();
        assert_eq!((derived.width, derived.height), (700, 300));
        assert_eq!(derived.thumbnails.iter().map(|thumbnail| thumbnail.edge).collect::<Vec<_>>(), [100, 200, 400]);
        let lengths = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert_eq!(lengths(&self.path()), derived.bytes);
        for thumbnail in &derived.thumbnails {
            assert_eq!(lengths(&Outputs::thumbnail(self.folder.path(), thumbnail.edge)), thumbnail.bytes);
        }
    }
}

fn png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 700, 300);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..700 * 300).flat_map(|n: u32| [(n % 251) as u8, (n / 700) as u8, 77]).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

async fn ends(pid: &str) {
    for _ in 0..600 {
        if !Path::new("/proc").join(pid.trim()).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("decoder {pid} lives on");
}

#[tokio::test]
async fn the_real_decoder_derives() {
    let bench = Bench::new(Program::at(env!("CARGO_BIN_EXE_processor")), LONG);
    bench.decoders.prepare().await.unwrap();
    bench.goes_on().await;
    assert_eq!(bench.fails(b"<html>").await.code, FailureCode::NotAnImage);
    let whole = png();
    assert_eq!(bench.fails(&whole[..whole.len() / 2]).await.code, FailureCode::CorruptImage);
    bench.goes_on().await;
}

/// A library may ask for what no other needs.
#[tokio::test]
async fn every_format_is_read_without_rights() {
    let bench = Bench::new(Program::at(env!("CARGO_BIN_EXE_processor")), LONG);
    let picture = image::RgbImage::from_fn(700, 300, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let path = |extension: &str| bench.folder.path().join(format!("picture.{extension}"));
    for extension in ["png", "tiff", "webp", "gif"] {
        picture.save(path(extension)).unwrap();
    }
    for extension in ["jp2", "j2k"] {
        let mut encoder = std::process::Command::new("opj_compress");
        let encoded = encoder.arg("-i").arg(path("png")).arg("-o").arg(path(extension)).output().unwrap();
        assert!(encoded.status.success(), "{encoded:?}");
    }
    for extension in ["png", "tiff", "webp", "gif", "jp2", "j2k"] {
        let derived = bench.derive(&std::fs::read(path(extension)).unwrap()).await;
        assert_eq!(derived.map(|derived| (derived.width, derived.height)), Ok((700, 300)), "{extension}");
    }
    let photos = std::env::var_os("DLCS_TEST_PHOTOS").expect("run by ./deploy/local/test");
    for photo in std::fs::read_dir(photos).unwrap().flatten().filter(|file| file.path().extension().is_some()) {
        bench.derive(&std::fs::read(photo.path()).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_decoder_can_do_nothing_else() {
    let bench = Bench::hostile(LONG);
    let escapes = bench.fails(format!("probe {}", std::process::id()).as_bytes()).await;
    assert_eq!((escapes.code, escapes.detail.as_str()), (FailureCode::UnsupportedFormat, ""));
}

/// The same attempts without a sandbox, so that the test above can fail.
#[test]
fn anybody_else_can() {
    let escapes = escapes(std::process::id().cast_signed());
    for possible in ["read", "maps", "list", "write", "remove", "tcp", "unix", "pair", "fork", "thread", "kill"] {
        assert!(escapes.contains(&possible), "{possible} is refused without a sandbox: {escapes:?}");
    }
}

#[tokio::test]
async fn crashes_cost_one_image() {
    let bench = Bench::hostile(LONG);
    bench.goes_on().await;
    let deaths = [
        ("abort", "SIGABRT"),
        ("fault", "SIGSEGV"),
        ("overflow", "SIGABRT"),
        ("hoard", "SIGABRT"),
        ("hoard-early", "SIGABRT"),
        ("panic", "exit status"),
    ];
    for (source, signal) in deaths {
        let failure = bench.fails(source.as_bytes()).await;
        assert_eq!((failure.code, failure.class), (FailureCode::DecoderCrash, RetryClass::Permanent), "{source}");
        assert!(failure.detail.contains(signal), "{source}: {}", failure.detail);
        bench.goes_on().await;
    }
}

/// What it says of us would be tried for ever, for every customer's image it likes.
#[tokio::test]
async fn a_decoder_cannot_blame_others() {
    let bench = Bench::hostile(LONG);
    for (source, word) in [("blame", "cannot say why"), ("meddle", "quota-exceeded"), ("babble", "no sense")] {
        let failure = bench.fails(source.as_bytes()).await;
        assert_eq!(failure.code, FailureCode::DecoderCrash, "{source}: {failure}");
        assert_ne!(failure.class, RetryClass::Ours, "{source}");
        assert!(failure.detail.contains(word), "{source}: {failure}");
        bench.goes_on().await;
    }
    // When it is our disk indeed, the image waits for it.
    let mut job = bench.job(b"blame");
    job.outputs.derivative = File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(bench.decoders.derive(&job).await.unwrap_err().class, RetryClass::Ours);
}

#[test]
fn a_crash_is_tried_twice() {
    // As the processor calls its decoders.
    if std::env::args().next().is_some_and(|name| name == "dlcs-decoder") {
        let _ = sandbox::serve(misbehave);
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let bench = Bench::hostile(LONG);
        bench.fails(b"abort").await;
        assert_eq!(std::fs::read(bench.path()).unwrap(), b"xx");
    });
}

#[tokio::test]
async fn what_an_image_left_behind_does_not_hurt_the_next() {
    let bench = Bench::hostile(LONG);
    assert_eq!(bench.fails(b"poison").await.detail, "done");
    bench.goes_on().await;
}

#[tokio::test]
async fn loops_are_ended() {
    let bench = Bench::hostile(Duration::from_secs(2));
    let slow = bench.fails(b"loop").await;
    assert!(slow.code == FailureCode::DecoderCrash && slow.detail.contains("takes longer"), "{slow:?}");
    ends(&std::fs::read_to_string(bench.path()).unwrap()).await;
    bench.goes_on().await;
}

#[tokio::test]
async fn who_is_not_awaited_is_ended() {
    let bench = Bench::hostile(LONG);
    let job = bench.job(b"loop");
    let mut pid = String::new();
    tokio::select! {
        _ = bench.decoders.derive(&job) => panic!("it ended"),
        () = async {
            while !pid.ends_with('\n') {
                tokio::time::sleep(Duration::from_millis(50)).await;
                pid = std::fs::read_to_string(bench.path()).unwrap();
            }
        } => {}
    }
    ends(&pid).await;
    bench.goes_on().await;
}

#[tokio::test]
async fn what_never_fits_is_refused() {
    let bench = Bench::hostile(LONG);
    assert_eq!(bench.fails(b"heavy").await.code, FailureCode::TooManyPixels);
    bench.goes_on().await;
}

#[tokio::test]
async fn decoders_are_replaced_from_time_to_time() {
    let bench = Bench::hostile(LONG);
    let mut pids = Vec::new();
    for _ in 0..101 {
        pids.push(bench.fails(b"pid").await.detail);
    }
    assert!(pids[..100].iter().all(|pid| *pid == pids[0]), "a decoder is kept for a hundred images");
    assert_ne!(pids[100], pids[0]);
    ends(&pids[0]).await;
}

#[tokio::test]
async fn decoders_are_counted() {
    let context = Context::detached("processor");
    let Bench { folder, decoders } = Bench::hostile(Duration::from_secs(2));
    let bench = Bench { folder, decoders: decoders.counted(Metrics::register(&context).unwrap()) };
    for source in ["abort", "loop", "heavy"] {
        bench.fails(source.as_bytes()).await;
    }
    bench.goes_on().await;
    let figures = prometheus::TextEncoder::new().encode_to_string(&context.registry.gather()).unwrap();
    for line in [
        "dlcs_processor_decoders 1",
        "dlcs_processor_decoders_started_total 5",
        "dlcs_processor_decoders_ended_total{why=\"reuse\"} 0",
        "dlcs_processor_decoders_ended_total{why=\"crash\"} 2",
        "dlcs_processor_decoders_ended_total{why=\"time\"} 1",
        "dlcs_processor_decoders_ended_total{why=\"memory\"} 1",
        "dlcs_processor_memory_waiting_jobs 0",
        "dlcs_processor_memory_refused_jobs_total 1",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} is not in\n{figures}");
    }
}
