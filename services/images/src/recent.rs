//! Stored answers that were asked for more than once a moment ago. What is hot costs neither a look into the file nor the making
//! of its headers; what is not costs a hash. Each thread has its own, so that nobody waits for anybody.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use dlcs_storage::Descriptor;

use crate::conditional::Validators;
use crate::metrics::Kind;

/// Answers a thread keeps: about 5 MB of them, 12 at most.
const KEPT: usize = 256;
/// Larger ones are not kept; few tiles of photographs are.
const LARGEST: usize = 48 << 10;
/// Paths a thread remembers as asked for, by their hashes.
const SEEN: usize = 4096;

/// A stored answer with its headers.
#[derive(Clone)]
pub(crate) struct Answer {
    /// The image as it was then.
    pub descriptor: Arc<Descriptor>,
    pub kind: Kind,
    pub media_type: &'static str,
    pub validators: Validators,
    pub link: HeaderValue,
    pub bytes: Bytes,
}

/// What an answer was asked by: the root of its URLs and the path.
struct Kept {
    root: String,
    path: String,
    answer: Rc<Answer>,
}

struct Thread {
    kept: Vec<Option<Kept>>,
    seen: Vec<u32>,
}

thread_local! {
    static RECENT: RefCell<Thread> = RefCell::new(Thread { kept: (0..KEPT).map(|_| None).collect(), seen: vec![0; SEEN] });
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(path.as_bytes());
    hasher.finish()
}

/// The answer that this path had below this root.
pub(crate) fn find(root: &str, path: &str) -> Option<Rc<Answer>> {
    RECENT.with_borrow(|thread| {
        let kept = thread.kept[hash(path) as usize % KEPT].as_ref()?;
        (kept.path == path && kept.root == root).then(|| kept.answer.clone())
    })
}

/// Keeps an answer, if its path was seen before and it is not large.
pub(crate) fn keep(root: &str, path: &str, answer: &Answer) {
    if answer.bytes.len() > LARGEST {
        return;
    }
    RECENT.with_borrow_mut(|thread| {
        let hash = hash(path);
        let seen = &mut thread.seen[(hash >> 16) as usize % SEEN];
        if std::mem::replace(seen, (hash >> 32) as u32) != (hash >> 32) as u32 {
            return;
        }
        // A copy, for the bytes lie in a buffer that may be much larger and is wanted for reading.
        let answer = Rc::new(Answer { bytes: Bytes::copy_from_slice(&answer.bytes), ..answer.clone() });
        thread.kept[hash as usize % KEPT] = Some(Kept { root: root.to_owned(), path: path.to_owned(), answer });
    });
}
