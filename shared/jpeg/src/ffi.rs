//! The declarations of `csrc/shim.h`.

use std::ffi::{c_char, c_int, c_uint};

// Not called itself: it builds and links the library that the shim calls.
use turbojpeg_sys as _;

/// `struct dj_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Info {
    pub width: u32,
    pub height: u32,
    pub components: u32,
    pub space: u32,
    pub h: [u32; 4],
    pub v: [u32; 4],
    pub whole: u32,
    pub lossless: u32,
    pub adobe: u32,
    pub transform: u32,
    pub steps: [[u16; 64]; 4],
}

impl Info {
    pub const EMPTY: Self = Self {
        width: 0,
        height: 0,
        components: 0,
        space: 0,
        h: [0; 4],
        v: [0; 4],
        whole: 0,
        lossless: 0,
        adobe: 0,
        transform: 0,
        steps: [[0; 64]; 4],
    };
}

/// An opaque `dj_dec`.
#[repr(C)]
pub struct Dec {
    _private: [u8; 0],
}

/// An opaque `dj_enc`.
#[repr(C)]
pub struct Enc {
    _private: [u8; 0],
}

unsafe extern "C" {
    pub fn dj_dec_new() -> *mut Dec;
    pub fn dj_dec_free(dec: *mut Dec);
    pub fn dj_dec_message(dec: *const Dec) -> *const c_char;
    pub fn dj_dec_open_fd(dec: *mut Dec, fd: c_int, info: *mut Info) -> c_int;
    pub fn dj_dec_open_memory(dec: *mut Dec, data: *const u8, size: usize, info: *mut Info) -> c_int;
    pub fn dj_dec_icc(dec: *mut Dec, data: *mut *mut u8, size: *mut usize) -> c_int;
    pub fn dj_dec_icc_free(data: *mut u8);
    pub fn dj_dec_app1(dec: *const Dec, index: usize, data: *mut *const u8, size: *mut usize) -> c_int;
    pub fn dj_dec_start(dec: *mut Dec, output: c_int, scale: c_uint, width: *mut u32, height: *mut u32) -> c_int;
    pub fn dj_dec_rows(dec: *mut Dec, rows: *mut u8, stride: usize, count: u32, got: *mut u32) -> c_int;
    pub fn dj_dec_raw(dec: *mut Dec, planes: *const *mut u8, strides: *const usize) -> c_int;
    pub fn dj_dec_skip(dec: *mut Dec) -> c_int;

    pub fn dj_enc_new() -> *mut Enc;
    pub fn dj_enc_free(enc: *mut Enc);
    pub fn dj_enc_message(enc: *const Enc) -> *const c_char;
    pub fn dj_enc_start(
        enc: *mut Enc,
        width: u32,
        height: u32,
        components: c_int,
        factor: c_int,
        quality: c_int,
        raw: c_int,
        steps: *const [u16; 64],
    ) -> c_int;
    pub fn dj_enc_raw(enc: *mut Enc, planes: *const *const u8, strides: *const usize) -> c_int;
    pub fn dj_enc_rows(enc: *mut Enc, rows: *const u8, stride: usize, count: u32) -> c_int;
    pub fn dj_enc_finish(enc: *mut Enc, data: *mut *const u8, size: *mut usize) -> c_int;
}
