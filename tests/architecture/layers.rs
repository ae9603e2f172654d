//! Who may depend on whom: services on shared crates only, shared crates on lower levels only.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Package};

use crate::{METADATA, none, root};

/// The shared crates, lowest level first. A crate may use those of lower levels, never its own or a higher one.
const LEVELS: [&[&str]; 4] = [
    &["dlcs-model", "dlcs-iiif", "dlcs-service", "dlcs-jpeg", "dlcs-testkit", "dlcs-vault"],
    &["dlcs-api", "dlcs-messages", "dlcs-storage", "dlcs-imaging"],
    &["dlcs-db", "dlcs-broker"],
    &["dlcs-http", "dlcs-worker"],
];

/// For tests only: nothing that runs may use it.
const TESTKIT: &str = "dlcs-testkit";

/// Packages of the workspace below a folder.
fn packages(folder: &str) -> Vec<Package> {
    let folder = root().join(folder);
    METADATA.workspace_packages().into_iter().filter(|p| p.manifest_path.starts_with(&folder)).cloned().collect()
}

/// The packages of the workspace that a package depends on, and how.
fn neighbours(package: &Package) -> Vec<(&str, DependencyKind)> {
    package.dependencies.iter().filter(|d| d.path.is_some()).map(|d| (d.name.as_str(), d.kind)).collect()
}

fn levels() -> BTreeMap<&'static str, usize> {
    LEVELS.iter().enumerate().flat_map(|(level, names)| names.iter().map(move |name| (*name, level))).collect()
}

#[test]
fn every_shared_crate_has_a_level() {
    let mut found: Vec<_> = packages("shared").iter().map(|package| package.name.to_string()).collect();
    let mut expected: Vec<_> = LEVELS.concat();
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn shared_crates_use_lower_levels_only() {
    let levels = levels();
    let mut faults = Vec::new();
    for package in packages("shared") {
        let own = levels[package.name.as_str()];
        for (name, kind) in neighbours(&package) {
            if levels.get(name).is_none_or(|level| *level >= own)
                && (name, kind) != (TESTKIT, DependencyKind::Development)
            {
                faults.push(format!("{} (level {own}) must not depend on {name}", package.name));
            }
        }
    }
    none(&faults);
}

#[test]
fn services_use_shared_crates_only() {
    let levels = levels();
    let services = packages("services");
    assert!(services.len() >= 5, "the services are not where they are looked for");
    let wrong = |package: &Package| -> Vec<String> {
        let stray = neighbours(package).into_iter().filter(|(name, _)| !levels.contains_key(name));
        stray.map(|(name, _)| format!("{} must not depend on {name}", package.name)).collect()
    };
    none(&services.iter().flat_map(wrong).collect::<Vec<_>>());
}

#[test]
fn the_testkit_is_for_tests() {
    let all = [packages("shared"), packages("services")].concat();
    let wrong = |package: &&Package| {
        neighbours(package).iter().any(|(name, kind)| *name == TESTKIT && *kind != DependencyKind::Development)
    };
    none(
        &all.iter()
            .filter(wrong)
            .map(|package| format!("{} uses the testkit outside of tests", package.name))
            .collect::<Vec<_>>(),
    );
}
