//! docs/api-coverage.md names tests that exist.

#![cfg(test)]

use std::path::{Path, PathBuf};

/// The folder that a name in the table stands for.
fn file(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (first, rest) = name.split_once('/').unwrap();
    match first {
        "gateway" | "status" => root.join("services").join(first).join("tests/api").join(rest),
        "api" | "http" | "db" | "model" => root.join("shared").join(first).join("src").join(rest),
        _ => root.join(name),
    }
}

#[test]
fn every_named_test_exists() {
    let table = std::fs::read_to_string(file("docs/api-coverage.md")).unwrap();
    let names: Vec<_> = table.split('`').filter_map(|part| part.split_once(".rs::")).collect();
    assert!(names.len() > 100, "the table is not where it is looked for");
    let mut missing = Vec::new();
    for (name, test) in names {
        let text = std::fs::read_to_string(file(&format!("{name}.rs"))).unwrap_or_default();
        // A test is a function with that attribute close before it.
        let exists = text.split_once(&format!("fn {test}(")).is_some_and(|(before, _)| {
            before.lines().rev().take(5).any(|line| line.trim_start().starts_with("#[") && line.contains("test"))
        });
        if !exists {
            missing.push(format!("{name}.rs::{test}"));
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
fn every_promise_has_a_test() {
    let table = std::fs::read_to_string(file("docs/api-coverage.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let bare: Vec<_> = rows.filter(|row| !row.contains(".rs::")).collect();
    assert!(bare.is_empty(), "{bare:#?}");
}
