//! Ports for servers that tests start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the system takes ports for outgoing connections, so that none can take ours.
const FIRST: u16 = 12_000;
const LAST: u16 = 31_000;

/// A port nobody listens on, not given out before by this process.
///
/// # Errors
/// None of them is free.
pub fn free() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries run one after another, but people run two of them; starting apart avoids most collisions.
    let start = (std::process::id() % 1_900) as u16 * 10;
    for _ in 0..(LAST - FIRST) {
        let port = FIRST + (start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))) % (LAST - FIRST);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port between {FIRST} and {LAST}")
}
