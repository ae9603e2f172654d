//! docs/configuration.md is what the services' settings say: generated from the types that parse them, and compared.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
const REWRITE: &str = "DLCS_UPDATE_DOCS=1 ./deploy/local/test -p dlcs-tests --test configuration";

const INTRODUCTION: &str = "# Configuration

A service is told everything by environment variables, or by options of the same meaning (`fetcher --help` lists them);
an option wins over a variable. A service with a fault in its settings says which and does not start. The same names are
used on one machine, in containers and on a cluster.

Several services read the same variable where they mean the same thing. A variable without a default is optional unless
it says *required*.
";

/// The services in the order in which work passes through them.
fn services() -> Vec<(&'static str, Command)> {
    vec![
        ("gateway", gateway::Settings::command()),
        ("fetcher", fetcher::Settings::command()),
        ("processor", processor::Settings::command()),
        ("status", status::Settings::command()),
        ("images", images::Settings::command()),
    ]
}

/// What one setting means: its row of a table without the services that read it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    variable: String,
    default: String,
    meaning: String,
}

impl Row {
    fn new(argument: &Arg, variable: &str) -> Self {
        let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = match (argument.is_required_set(), defaults.join(",")) {
            (true, _) => "*required*".to_owned(),
            (false, text) if text.is_empty() => String::new(),
            (false, text) => format!("`{text}`"),
        };
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        assert!(!help.is_empty(), "{variable} is not documented");
        Self {
            variable: variable.to_owned(),
            default,
            meaning: help.split_whitespace().collect::<Vec<_>>().join(" ") + &choices(argument),
        }
    }
}

/// The values that a setting can have, where they are few.
fn choices(argument: &Arg) -> String {
    let describe = |value: &clap::builder::PossibleValue| match value.get_help() {
        Some(help) => format!("`{}` ({})", value.get_name(), help.to_string().trim_end_matches('.')),
        None => format!("`{}`", value.get_name()),
    };
    let values = argument.get_possible_values();
    let boolean = values.iter().all(|value| ["true", "false"].contains(&value.get_name()));
    if boolean {
        String::new()
    } else {
        format!(". One of {}", values.iter().map(describe).collect::<Vec<_>>().join(", "))
    }
}

fn page() -> String {
    let mut sections: BTreeMap<String, BTreeMap<Row, Vec<&str>>> = BTreeMap::new();
    for (service, command) in services() {
        for argument in command.get_arguments() {
            let Some(variable) = argument.get_env() else { continue };
            let heading = argument.get_help_heading().unwrap_or("Other").to_owned();
            let row = Row::new(argument, &variable.to_string_lossy());
            sections.entry(heading).or_default().entry(row).or_default().push(service);
        }
    }
    let mut page = format!("<!-- Generated from the types: {REWRITE} -->\n{INTRODUCTION}");
    for (heading, rows) in sections {
        let _ = write!(page, "\n## {heading}\n\n| variable | default | read by | meaning |\n|---|---|---|---|\n");
        for (Row { variable, default, meaning }, services) in rows {
            let services =
                if services.len() == self::services().len() { "all".to_owned() } else { services.join(", ") };
            let _ = writeln!(page, "| `{variable}` | {default} | {services} | {} |", meaning.replace('|', "\\|"));
        }
    }
    page
}

#[test]
fn the_page_says_what_the_types_say() {
    let page = page();
    if std::env::var_os("DLCS_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    assert!(written == page, "docs/configuration.md is out of date: {REWRITE}");
}

#[test]
fn secrets_are_not_shown_by_help() {
    for (service, command) in services() {
        for argument in command.get_arguments() {
            let name = argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let secret = ["SECRET", "PASSWORD", "DATABASE_URL", "AMQP_URL"].iter().any(|word| name.contains(word));
            assert!(!secret || argument.is_hide_env_values_set(), "{service} --help shows the value of {name}");
        }
    }
}
