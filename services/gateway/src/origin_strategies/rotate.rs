//! `gateway rotate-keys`: brings all stored credentials under the first of the vault's keys, while everything runs.

use std::process::ExitCode;

use clap::Parser;
use dlcs_db::origin_strategy::{self, Strategy};
use dlcs_db::{Database, DatabaseSettings};
use dlcs_vault::{Vault, VaultSettings};
use uuid::Uuid;

/// Strategies looked at together.
const CHUNK: i64 = 200;

/// Encrypts the keys of all stored credentials anew, with the first of the vault's keys.
#[derive(Debug, clap::Parser)]
#[command(name = "rotate-keys", bin_name = "gateway rotate-keys")]
struct Arguments {
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    vault: VaultSettings,
}

/// Runs the command with the process's arguments; it may be stopped and run again.
#[must_use]
#[expect(clippy::print_stderr, reason = "what the command is for")]
pub fn rotate_keys_command() -> ExitCode {
    let arguments = Arguments::parse_from(std::env::args_os().skip(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let rotated = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(rotate(&arguments)));
    match rotated {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} could not be renewed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How many could not be renewed.
#[expect(clippy::print_stdout, reason = "what the command is for")]
async fn rotate(Arguments { database, vault }: &Arguments) -> anyhow::Result<usize> {
    let (database, vault) = (Database::connect(database)?, Vault::new(vault)?);
    let current = vault.current()?;
    loop {
        let Pass { renewed, failed } = pass(&database, &vault, current).await?;
        println!("{renewed} renewed");
        // A gateway that does not know the new key yet may have stored something behind us.
        if renewed == 0 {
            println!("all stored credentials are under the key {current:?}, but for {failed}");
            return Ok(failed);
        }
    }
}

#[derive(Default)]
struct Pass {
    renewed: usize,
    failed: usize,
}

/// Goes through all that are under another key.
#[expect(clippy::print_stderr, reason = "what the command is for")]
async fn pass(database: &Database, vault: &Vault, current: &str) -> anyhow::Result<Pass> {
    let (mut pass, mut after) = (Pass::default(), Uuid::nil());
    loop {
        let mut db = database.get().await?;
        let strategies = origin_strategy::outdated(&mut db, current, after, CHUNK).await?;
        let Some(last) = strategies.last() else { return Ok(pass) };
        after = last.id;
        for Strategy { id, customer, fields, .. } in &strategies {
            let Some(before) = &fields.credentials else { continue };
            match vault.renew(before, &Strategy::place(*customer, *id)) {
                // One that was changed meanwhile is found again if it has to be.
                Ok(Some(sealed)) => {
                    let renewed = origin_strategy::renew(&mut db, (*customer, *id), before, &sealed).await?;
                    pass.renewed += usize::from(renewed);
                }
                Ok(None) => {}
                Err(error) => {
                    pass.failed += 1;
                    eprintln!("origin strategy {id} of customer {customer}: {error}");
                }
            }
        }
    }
}
