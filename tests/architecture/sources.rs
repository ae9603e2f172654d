//! How source files look: short, thin mains, settings under one prefix, no unsafe code but where it belongs.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use crate::{none, root};

/// Lines of a file before its unit tests.
const LONGEST_FILE: usize = 400;
const LONGEST_MAIN: usize = 15;

/// The Rust files below a folder of the workspace.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn all() -> Vec<(PathBuf, String)> {
    let files = ["services", "shared", "tests"].into_iter().flat_map(files);
    let files: Vec<_> = files.map(|file| (file.clone(), read_to_string(&file).unwrap())).collect();
    assert!(files.len() > 50, "the files are not where they are looked for");
    files
}

/// Every file of which `fault` finds something to say.
fn check(fault: impl Fn(&Path, &str) -> Option<String>) {
    let root = root();
    let faulty = |(file, text): (PathBuf, String)| {
        Some(format!("{}: {}", file.strip_prefix(&root).unwrap().display(), fault(&file, &text)?))
    };
    none(&all().into_iter().filter_map(faulty).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    check(|file, text| {
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        let production = file.components().any(|part| part.as_os_str() == "src");
        (production && lines > LONGEST_FILE)
            .then(|| format!("{lines} lines, more than {LONGEST_FILE}: split it by purpose"))
    });
}

#[test]
fn mains_are_thin() {
    check(|file, text| {
        let lines = text.lines().count();
        let long = file.ends_with("src/main.rs") && lines > LONGEST_MAIN;
        long.then(|| format!("{lines} lines, more than {LONGEST_MAIN}: the work belongs into the library"))
    });
}

#[test]
fn files_say_what_they_are_for() {
    check(|_, text| (!text.starts_with("//!")).then(|| "does not begin with its purpose (//!)".to_owned()));
}

#[test]
fn settings_have_one_prefix() {
    check(|_, text| {
        let mut names = text.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next());
        names
            .find(|name| !name.starts_with("DLCS_"))
            .map(|name| format!("the setting {name} does not begin with DLCS_"))
    });
}

#[test]
fn unsafe_code_is_in_one_crate() {
    let jpeg = root().join("shared/jpeg");
    check(|file, text| {
        // Put together here, so that this file does not find itself.
        let lift = ["allow", "expect"].map(|word| format!("{word}(unsafe_code"));
        let lifted = lift.iter().any(|lift| text.contains(lift.as_str()));
        (lifted && !file.starts_with(&jpeg)).then(|| "lifts the ban on unsafe code".to_owned())
    });
}
