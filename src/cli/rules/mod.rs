//! `diting rules`: what authors of rule packs work with.
//!
//! The files are read by `app` and what is in them is judged by `analysis`, which does no I/O.

mod diff;
mod explain;
mod publish;

use std::io;
use std::path::PathBuf;

use super::Exit;
use super::output::emit;
use crate::analysis::{CaseOutcome, RuleError, RuleSet, TestOutcome, Verdict};
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
    /// Runs the tests that rules carry, and cases (turns in, findings out); without a path those of the bank pack
    Test {
        /// Pack files, files of cases (.toml) or folders of them; loaded together as one set
        paths: Vec<PathBuf>,
        /// Shows only what fails
        #[arg(long, short)]
        quiet: bool,
    },
    /// Tells for each rule why it hit a call, did not, or could not judge it: condition by condition
    Explain(explain::Args),
    /// Compares two packs: what is written, and with calls what changes for them
    Diff(diff::Args),
    /// Writes version and content digest of the scheme down, so that this version never changes again
    Publish(publish::Args),
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { paths } => with_rules(&paths, |rules| check(&rules)),
        Command::Test { paths, quiet } => with_rules(&paths, |rules| {
            let (outcomes, cases) = (rules.run_tests(), rules.run_cases());
            Ok(report(&outcomes, &cases, quiet)?)
        }),
        Command::Explain(args) => explain::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Publish(args) => publish::run(args),
    }
}

fn check(rules: &RuleSet) -> anyhow::Result<Exit> {
    let num_tests: usize = rules.rules().map(|rule| rule.tests.len()).sum();
    let (scheme, revision) = (&rules.scheme().name, rules.revision());
    let (num_rules, num_risks) = (rules.rules().count(), rules.risks().len());
    let risks = if num_risks > 0 { format!(", {num_risks} risk models") } else { String::new() };
    emit(&format!("ok: {num_rules} rules, {num_tests} tests{risks}, scheme {scheme} revision {revision}"))?;
    Ok(Exit::Success)
}

/// Does `work` with the rules of `paths`, or tells every problem that they have.
fn with_rules(paths: &[PathBuf], work: impl FnOnce(RuleSet) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    match compile(paths)? {
        Ok(rules) => work(rules),
        Err(error) => Ok(tell(&error)),
    }
}

/// Tells what is wrong with packs.
fn tell(error: &RuleError) -> Exit {
    eprintln!("{error}");
    if let RuleError::Invalid { diagnostics } = error {
        eprintln!("{} problem(s)", diagnostics.len());
    }
    Exit::BadUsage
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

/// The verdict in a word.
fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hit => "命中",
        Verdict::Miss => "未命中",
        Verdict::NotApplicable => "不适用",
    }
}

/// Prints one line per rule and every failure.
fn report(outcomes: &[TestOutcome], cases: &[CaseOutcome], quiet: bool) -> io::Result<Exit> {
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
    for case in cases {
        let failed = !case.failures.is_empty();
        num_failed += usize::from(failed);
        if !quiet || failed {
            emit(&format!("{} {}", if failed { "FAIL" } else { "pass" }, case.name))?;
        }
        for failure in &case.failures {
            emit(&format!("     {}:{}: {failure}", case.source_name, case.line))?;
        }
    }
    let num_tests = outcomes.len() + cases.len();
    let (passed, cases) = (num_tests - num_failed, cases.len());
    let cases = if cases > 0 { format!(" and {cases} cases") } else { String::new() };
    emit(&format!(
        "{num_rules} rules, {} tests{cases}: {passed} passed, {num_failed} failed",
        outcomes.len()
    ))?;
    Ok(if num_failed == 0 { Exit::Success } else { Exit::Findings })
}
