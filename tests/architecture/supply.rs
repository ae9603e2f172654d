//! What may come from outside, as `.deny.toml` says it: `cargo deny` where it is installed, these tests everywhere.

use cargo_metadata::semver::{Version, VersionReq};

use crate::{METADATA, none, root};

/// The strings of a list in `.deny.toml`.
fn list(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(".deny.toml")).unwrap();
    let start = format!("{name} = [");
    let items = text.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "]");
    let items: Vec<_> = items.map(|item| item.trim().trim_end_matches(',').trim_matches('"').to_owned()).collect();
    assert!(!items.is_empty(), ".deny.toml has no list {name}");
    items
}

/// Name, version and source of every package in the lock file, for whatever platform.
fn locked() -> Vec<(String, Version, Option<String>)> {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let field = |entry: &str, name: &str| {
        let start = format!("{name} = \"");
        entry.lines().find_map(|line| Some(line.strip_prefix(&start)?.trim_end_matches('"').to_owned()))
    };
    let entry = |entry| {
        let version = field(entry, "version").unwrap().parse().unwrap();
        (field(entry, "name").unwrap(), version, field(entry, "source"))
    };
    text.split("[[package]]\n").skip(1).map(entry).collect()
}

#[test]
fn no_banned_crate_is_locked() {
    let locked = locked();
    let mut faults = Vec::new();
    for ban in list("deny") {
        let (name, versions) = ban.split_once('@').unwrap_or((&ban, "*"));
        let versions: VersionReq = versions.parse().unwrap();
        let banned = locked.iter().filter(|(found, version, _)| found == name && versions.matches(version));
        faults.extend(banned.map(|(name, version, _)| format!("{name} {version} is banned; cargo tree -i {name}")));
    }
    none(&faults);
}

#[test]
fn everything_comes_from_the_registry() {
    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let locked = locked();
    assert!(locked.len() > 100, "the lock file is not read as it should be");
    let elsewhere = locked.iter().filter_map(|(name, _, source)| Some((name, source.as_deref()?)));
    let elsewhere = elsewhere.filter(|(_, source)| *source != REGISTRY);
    none(&elsewhere.map(|(name, source)| format!("{name} comes from {source}")).collect::<Vec<_>>());
}

/// Whether a licence expression lets us choose allowed licences only. A choice within a conjunction within a choice is
/// read more strictly than it is meant.
fn permitted(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    expression
        .split(" AND ")
        .all(|clause| clause.split(" OR ").any(|licence| allowed.iter().any(|a| a == licence.trim())))
}

#[test]
fn licences_are_allowed() {
    let allowed = list("allow");
    let foreign = METADATA.packages.iter().filter(|package| package.source.is_some());
    let wrong = foreign.filter(|package| !package.license.as_ref().is_some_and(|l| permitted(l, &allowed)));
    none(&wrong.map(|package| format!("{}: {:?} is not allowed", package.name, package.license)).collect::<Vec<_>>());
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "ISC"].map(str::to_owned);
    for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR ISC", "(GPL-3.0 OR MIT) AND ISC"] {
        assert!(permitted(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "MIT-0"] {
        assert!(!permitted(bad, &allowed), "{bad}");
    }
}
