//! Bodies that are handed to the server piece by piece.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

/// Bytes of a piece: what the server copies at once. It keeps a buffer as large as the largest that a connection ever sent, so
/// that whole answers of some megabytes would stay in memory as long as their connections.
const PIECE: usize = 1 << 16;

/// A body of known length in pieces.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.0.len().min(PIECE);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }
}

/// The body with these bytes.
pub(crate) fn body(bytes: Bytes) -> BoxBody {
    if bytes.len() <= PIECE { BoxBody::new(bytes) } else { BoxBody::new(Pieces(bytes)) }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn pieces_are_the_whole() {
        for length in [0, 1, PIECE, PIECE + 1, PIECE * 3 + 7] {
            let bytes: Bytes = (0..length).map(|n| n as u8).collect();
            let body = body(bytes.clone());
            assert_eq!(body.size(), BodySize::Sized(length as u64));
            assert_eq!(to_bytes(body).await.unwrap(), bytes);
        }
    }
}
