//! Whose fault it is that a decoder failed: what it says of our side is not believed, but looked into.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use dlcs_model::{Failure, FailureCode};

use super::child::Job;
use super::decoder::Trouble;

/// Bytes read and written at once.
const PIECE: usize = 1 << 20;

/// What a decoder's answer means. It may speak of its image; everything else that we know of failures is not for it to say.
pub(super) fn trouble(code: FailureCode, detail: String) -> Trouble {
    match code {
        FailureCode::NotAnImage
        | FailureCode::UnsupportedFormat
        | FailureCode::CorruptImage
        | FailureCode::TooManyPixels
        | FailureCode::DecoderCrash => Trouble::Image(Failure::new(code, detail)),
        FailureCode::Internal => Trouble::Blames,
        other => Trouble::Died(format!("it answered {other}, of which it knows nothing")),
    }
}

/// Of a job whose decoders say that we are at fault: `internal`, which is tried for ever, only if a file of ours cannot be
/// used by us either.
pub(super) async fn judge(job: &Job) -> Failure {
    let files = job.source.try_clone().and_then(|source| Ok((source, job.outputs.derivative.try_clone()?)));
    let looked = match files {
        Ok((source, derivative)) => tokio::task::spawn_blocking(move || usable(&source, &derivative)).await,
        Err(error) => Ok(Err(error)),
    };
    match looked.map_err(io::Error::other).flatten() {
        Ok(()) => Failure::new(FailureCode::DecoderCrash, "the decoder failed on this image and cannot say why"),
        Err(error) => {
            tracing::error!(%error, "the work directory cannot be used");
            Failure::internal()
        }
    }
}

/// Whether the source can be read to its end and the derivative can grow.
fn usable(source: &File, derivative: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        match source.read_at(&mut piece, at)? {
            0 => break,
            count => at += count as u64,
        }
    }
    derivative.write_all_at(&piece, derivative.metadata()?.len())?;
    derivative.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_speaks_of_its_image_only() {
        let believed: Vec<_> = FailureCode::ALL
            .iter()
            .filter(|code| matches!(trouble(**code, String::new()), Trouble::Image(_)))
            .map(|code| code.as_str())
            .collect();
        let of_images = ["too-many-pixels", "not-an-image", "unsupported-format", "corrupt-image", "decoder-crash"];
        assert_eq!(believed, of_images);
        assert!(matches!(trouble(FailureCode::Internal, String::new()), Trouble::Blames));
    }

    #[test]
    fn a_disk_that_fails_us_is_found() {
        let file = tempfile::tempfile().unwrap();
        assert!(usable(&file, &file).is_ok());
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(usable(&file, &full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(usable(&full, &file).is_err(), "what cannot be read");
    }
}
