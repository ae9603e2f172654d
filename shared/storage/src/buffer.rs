//! Read buffers that are used again: clearing and allocating one anew would cost as much as filling it.

use std::cell::RefCell;

use bytes::Bytes;

/// Larger buffers are not kept.
const KEPT_BYTES: usize = 1 << 18;

/// Buffers kept by each thread.
const KEPT: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of a certain length with anything in it. It goes back to its thread's spare ones when it, or the [`Bytes`]
/// that it became, is dropped.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    pub(crate) fn new(length: usize) -> Self {
        let mut bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        Self { bytes, length }
    }

    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes.len() <= KEPT_BYTES {
            let bytes = std::mem::take(&mut self.bytes);
            // A thread that ends has no place for it any more.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < KEPT {
                    spare.push(bytes);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_its_length_whatever_it_was_before() {
        for length in [0, 10, 3, KEPT_BYTES + 1, 7, KEPT_BYTES] {
            let mut buffer = Buffer::new(length);
            buffer.as_mut().fill(length as u8);
            assert_eq!(buffer.freeze(), vec![length as u8; length]);
        }
        let kept: Vec<_> = (0..KEPT * 2).map(|_| Buffer::new(100)).collect();
        drop(kept);
        assert_eq!(SPARE.with_borrow(Vec::len), KEPT);
    }
}
