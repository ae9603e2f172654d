//! What processes and all that they started have taken.

use std::collections::BTreeMap;

/// Of a process: its parent, and the clock ticks of itself and of its ended children.
fn read(pid: u32) -> Option<(u32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    // proc(5): ppid is the second after the name, utime, stime, cutime and cstime the 12th to the 15th.
    let ticks = (11..15).filter_map(number).sum();
    Some((number(1)? as u32, ticks))
}

/// Processor time of processes and of their descendants.
pub fn processor_seconds(roots: &[u32]) -> f64 {
    /// What the kernel counts in, on every Linux that there is.
    const TICKS: f64 = 100.0;
    let pids = std::fs::read_dir("/proc").unwrap();
    let pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let all: BTreeMap<u32, (u32, u64)> = pids.filter_map(|pid| Some((pid, read(pid)?))).collect();
    let below = |pid: u32| {
        std::iter::successors(Some(pid), |pid| all.get(pid).map(|(parent, _)| *parent)).any(|pid| roots.contains(&pid))
    };
    let ticks: u64 = all.iter().filter(|(pid, _)| below(**pid)).map(|(_, (_, ticks))| ticks).sum();
    ticks as f64 / TICKS
}
