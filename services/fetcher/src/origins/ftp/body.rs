//! The data connection, and the reply which says that it brought everything.

use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use dlcs_model::Failure;
use futures::future::BoxFuture;
use suppaftp::FtpResult;
use suppaftp::tokio::{AsyncRustlsStream, TransferStream};
use tokio::io::AsyncReadExt;

use super::super::source::Body;
use super::replies::{self, Step};

/// Bytes read at once.
const CHUNK: usize = 128 * 1024;

/// A transfer: data until the server closes it, then the server's word on it.
pub(super) struct FtpBody {
    state: State,
    buffer: BytesMut,
    /// What happens to the connection when all went well.
    keep: Option<Box<dyn FnOnce() + Send>>,
}

enum State {
    Data(Option<TransferStream<AsyncRustlsStream>>),
    /// Kept, so that a reply which is waited for in pieces is not lost.
    Reply(BoxFuture<'static, FtpResult<()>>),
}

impl FtpBody {
    pub(super) fn new(stream: TransferStream<AsyncRustlsStream>, keep: impl FnOnce() + Send + 'static) -> Self {
        Self { state: State::Data(Some(stream)), buffer: BytesMut::new(), keep: Some(Box::new(keep)) }
    }

    async fn data(&mut self) -> io::Result<usize> {
        let State::Data(Some(stream)) = &mut self.state else { return Ok(0) };
        self.buffer.reserve(CHUNK);
        match stream.read_buf(&mut self.buffer).await {
            // TLS was not closed as it should be. Many servers never do; the reply tells whether this was the end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }
}

#[async_trait]
impl Body for FtpBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.data().await.map_err(|_| replies::broke_off())? > 0 {
            return Ok(Some(self.buffer.split().freeze()));
        }
        if let State::Data(stream) = &mut self.state
            && let Some(stream) = stream.take()
        {
            self.state = State::Reply(Box::pin(stream.finish()));
        }
        if let State::Reply(reply) = &mut self.state {
            reply.await.map_err(|error| replies::failure(&error, Step::End))?;
        }
        self.state = State::Data(None);
        if let Some(keep) = self.keep.take() {
            keep();
        }
        Ok(None)
    }
}
