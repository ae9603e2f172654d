//! Giving things back from `Drop`, which can neither wait nor fail.

/// Runs `work` to its end on a thread and a runtime of its own, so that it works inside and outside of a runtime, and
/// while a test unwinds. A failure is told, not raised: the servers' state is thrown away after the run anyway.
#[expect(clippy::print_stderr, reason = "a test has no other place to say that it left something behind")]
pub(crate) fn finish<F>(what: &str, work: F)
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work)
    });
    match thread.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("{what} was left behind: {error:#}"),
        Err(_) => eprintln!("{what} was left behind: its clean-up panicked"),
    }
}
