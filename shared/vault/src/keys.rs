//! Master keys as they are written down: `id:base64`, each on a line or after a comma.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub(crate) const KEY_BYTES: usize = 32;

/// The longest id of a key.
const ID_BYTES: usize = 60;

/// A master key.
pub(crate) struct Master {
    pub(crate) id: String,
    pub(crate) key: Zeroizing<[u8; KEY_BYTES]>,
}

/// Reads keys. Errors name the place, never the key.
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Master>> {
    let mut masters: Vec<Master> = Vec::new();
    let entries = text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty() && !entry.starts_with('#'));
    for (number, entry) in (1..).zip(entries) {
        let master = read_one(entry).with_context(|| format!("key {number} of the vault"))?;
        ensure!(masters.iter().all(|other| other.id != master.id), "two keys of the vault have the id {:?}", master.id);
        masters.push(master);
    }
    Ok(masters)
}

fn read_one(entry: &str) -> anyhow::Result<Master> {
    let Some((id, key)) = entry.split_once(':') else { bail!("it is not of the form id:base64") };
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    ensure!(plain && (1..=ID_BYTES).contains(&id.len()), "its id has other characters than letters, digits, - _ .");
    let bytes = Zeroizing::new(STANDARD.decode(key.trim()).ok().context("it is not base64")?);
    let key = bytes.as_slice().try_into().ok().with_context(|| format!("it has not {KEY_BYTES} bytes"))?;
    Ok(Master { id: id.to_owned(), key: Zeroizing::new(key) })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key that follows from a text.
    pub(crate) fn key(text: &str) -> String {
        let mut bytes = [7; KEY_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        STANDARD.encode(bytes)
    }

    #[test]
    fn keys_stand_in_lines_or_after_commas() {
        let (a, b) = (key("a"), key("b"));
        let ids = |text: &str| read(text).unwrap().into_iter().map(|master| master.id).collect::<Vec<_>>();
        assert_eq!(ids(&format!("2026-11:{a}\n# the one before\n2026-05:{b}\n\n")), ["2026-11", "2026-05"]);
        assert_eq!(ids(&format!("x:{a}, y:{b}")), ["x", "y"]);
        assert!(ids("").is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_without_showing_a_key() {
        let good = key("a");
        for bad in [
            good.clone(),
            format!(":{good}"),
            format!("an id:{good}"),
            format!("x:{}", &good[4..]),
            "x:not base64!".to_owned(),
            format!("x:{good},x:{good}"),
        ] {
            let error = format!("{:#}", read(&bad).err().unwrap());
            assert!(error.contains("vault") && !error.contains(&good[4..20]), "{bad}: {error}");
        }
    }
}
