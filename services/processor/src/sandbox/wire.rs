//! What the processor and a decoder say to each other: a JSON document a packet, files beside it.
//!
//! Processor: [`Order::Open`] with the files. Decoder: [`Answer::Weighs`]. Processor, once there is memory: [`Order::Derive`].
//! Decoder: [`Answer::Derived`]. Instead of either answer there may be [`Answer::Failed`].

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use dlcs_imaging::derive::Derived;
use dlcs_imaging::source::Limits;
use dlcs_model::FailureCode;
use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a packet at most: many times what any takes.
const PACKET: usize = 16 * 1024;

/// Files that go with a packet at most: a source, its derivative, its thumbnails.
pub(super) const FILES: usize = 2 + dlcs_model::limits::THUMBNAILS.len();

/// What the processor says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Read the header of the source that comes with this.
    Open(Limits),
    /// Go on.
    Derive(Threads),
}

/// How many threads an image gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Threads {
    /// Other images need the cores.
    One,
    /// There is a core for a second.
    Two,
}

/// What a decoder says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is ready; these parts of the sandbox could not be set up.
    Ready(Vec<String>),
    /// Deriving will take this many bytes of memory.
    Weighs(u64),
    /// It is done and verified.
    Derived(Derived),
    /// It failed.
    Failed(FailureCode, String),
}

/// The two ends of a connection: it keeps packets apart and is inherited by nobody unasked.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a packet with these files.
pub(super) fn send(socket: impl AsFd, message: &impl Serialize, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let packet = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("too many files for a packet"));
    }
    // A decoder that is gone is an error here, and no signal.
    sendmsg(socket, &[IoSlice::new(&packet)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a packet and the files with it; none when the other end is closed.
pub(super) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut packet = vec![0; PACKET];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut packet)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&packet[..received.bytes])?, files)))
}
