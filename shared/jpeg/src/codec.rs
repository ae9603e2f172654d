//! The decoder in C, owned.

use std::fs::File;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::error::{Error, check};
use crate::ffi;

/// The C codec and what it reads from.
pub(crate) struct Codec<'a> {
    pub raw: NonNull<ffi::Dec>,
    _file: Option<File>,
    _bytes: PhantomData<&'a [u8]>,
}

// SAFETY: a codec owns all it points to (or borrows bytes that are shared immutably), has no thread-local state and is
// only used through `&mut self` once decoding has begun.
unsafe impl Send for Codec<'_> {}

impl Drop for Codec<'_> {
    fn drop(&mut self) {
        // SAFETY: `raw` came from dj_dec_new and is freed once.
        unsafe { ffi::dj_dec_free(self.raw.as_ptr()) }
    }
}

impl Codec<'_> {
    pub fn new(file: Option<File>) -> Result<Self, Error> {
        // SAFETY: takes nothing; null means no memory.
        let raw = NonNull::new(unsafe { ffi::dj_dec_new() }).ok_or_else(Error::memory)?;
        Ok(Self { raw, _file: file, _bytes: PhantomData })
    }

    pub fn check(&self, status: i32) -> Result<(), Error> {
        // SAFETY: `raw` is a live codec.
        check(status, || unsafe { ffi::dj_dec_message(self.raw.as_ptr()) })
    }

    pub fn start(&mut self, output: i32, scale: u32) -> Result<(u32, u32), Error> {
        let (mut width, mut height) = (0, 0);
        // SAFETY: `raw` is a live codec; the two numbers outlive the call.
        let status = unsafe { ffi::dj_dec_start(self.raw.as_ptr(), output, scale, &raw mut width, &raw mut height) };
        self.check(status)?;
        Ok((width, height))
    }
}
