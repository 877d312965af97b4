//! `diting rules`: checks rule packs and runs the tests that their rules carry.
//!
//! The files are read by `app` and what is in them is judged by `analysis`, which does no I/O.

use std::io;
use std::path::PathBuf;

use super::Exit;
use super::output::emit;
use crate::analysis::{RuleError, RuleSet, TestOutcome, Verdict};
use crate::app;

/// What was typed after `diting rules`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Checks packs: every problem with its file, line, column and a hint
    Check {
        /// Pack files (.toml) or folders of them; loaded together as one set
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Runs the tests that the rules carry; without a path those of the bank pack that is part of the program
    Test {
        /// Pack files (.toml) or folders of them; loaded together as one set
        paths: Vec<PathBuf>,
        /// Shows only rules with failing tests
        #[arg(long, short)]
        quiet: bool,
    },
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let (paths, test) = match args.command {
        Command::Check { paths } => (paths, None),
        Command::Test { paths, quiet } => (paths, Some(quiet)),
    };
    let rules = match compile(&paths)? {
        Ok(rules) => rules,
        Err(error) => {
            eprintln!("{error}");
            if let RuleError::Invalid { diagnostics } = &error {
                eprintln!("{} problem(s)", diagnostics.len());
            }
            return Ok(Exit::BadUsage);
        }
    };
    match test {
        Some(quiet) => Ok(report(&rules.run_tests(), quiet)?),
        None => {
            let num_tests: usize = rules.rules().map(|rule| rule.tests.len()).sum();
            let scheme = &rules.scheme().name;
            let (num_rules, revision) = (rules.rules().count(), rules.revision());
            emit(&format!("ok: {num_rules} rules, {num_tests} tests, scheme {scheme} revision {revision}"))?;
            Ok(Exit::Success)
        }
    }
}

/// Reads and compiles the packs, or the embedded bank pack when none is named.
fn compile(paths: &[PathBuf]) -> anyhow::Result<Result<RuleSet, RuleError>> {
    if paths.is_empty() {
        return Ok(RuleSet::compile_all(RuleSet::bank_sources()));
    }
    let mut sources = Vec::new();
    for path in paths {
        sources.extend(app::read_pack(path)?);
    }
    Ok(RuleSet::compile_all(&sources))
}

/// Prints one line per rule and every failure.
fn report(outcomes: &[TestOutcome], quiet: bool) -> io::Result<Exit> {
    let mut num_failed = 0;
    let mut num_rules = 0;
    for own in outcomes.chunk_by(|left, right| left.rule_id == right.rule_id) {
        let Some(first) = own.first() else { continue };
        num_rules += 1;
        let failed: Vec<_> = own.iter().filter(|outcome| outcome.failure.is_some()).collect();
        num_failed += failed.len();
        if quiet && failed.is_empty() {
            continue;
        }
        let count = |verdict| own.iter().filter(|outcome| outcome.expected == verdict).count();
        emit(&format!(
            "{} {:<5} {} ({} hit, {} no hit, {} n/a)",
            if failed.is_empty() { "pass" } else { "FAIL" },
            first.rule_id.as_str(),
            first.rule_name,
            count(Verdict::Hit),
            count(Verdict::Miss),
            count(Verdict::NotApplicable),
        ))?;
        for outcome in failed {
            let failure = outcome.failure.as_deref().unwrap_or_default();
            emit(&format!("     {}:{}: {failure}", outcome.source_name, outcome.line))?;
        }
    }
    let num_passed = outcomes.len() - num_failed;
    emit(&format!("{num_rules} rules, {} tests: {num_passed} passed, {num_failed} failed", outcomes.len()))?;
    Ok(if num_failed == 0 { Exit::Success } else { Exit::Findings })
}
