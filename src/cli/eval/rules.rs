//! `diting eval rules`: how right the rules of a pack are on labelled calls.

use std::path::PathBuf;

use super::super::client::{ServerArgs, block_on};
use super::super::output::emit;
use super::super::review::labelled;
use super::Format;
use crate::analysis::RuleSet;
use crate::app::read_pack;
use crate::cli::Exit;
use crate::cli::exit::UsageError;
use crate::eval::{self, EvalError, RuleExample, RuleReport, RuleScore};
use crate::types::Share;

/// What was typed after `diting eval rules`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of examples, one JSON object a line: {"call_id": …, "turns": ["客服: …"], "expect": {"S01": "hit"}}
    #[arg(required_unless_present = "from_server")]
    files: Vec<PathBuf>,
    /// Takes all reviewed calls of the server as well
    #[arg(long)]
    from_server: bool,
    #[command(flatten)]
    server: ServerArgs,
    /// Rule pack, a file or folder; the built-in bank pack when absent
    #[arg(long, value_name = "PATH")]
    scheme: Option<PathBuf>,
    /// Another pack, measured on the same examples and shown beside it; `bank` is the built-in one
    #[arg(long, value_name = "PATH")]
    baseline: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &Args, format: Format) -> anyhow::Result<Exit> {
    let rules = compile(args.scheme.as_ref())?;
    let mut examples: Vec<RuleExample> = Vec::new();
    for path in &args.files {
        let text =
            fs_err::read_to_string(path).map_err(|source| EvalError::Read { path: path.clone(), source })?;
        examples.extend(eval::read_examples(&path.display().to_string(), &text)?);
    }
    if args.from_server {
        examples.extend(block_on(labelled(&args.server))?);
    }
    if examples.is_empty() {
        return Err(UsageError("there is no labelled call to measure on".to_owned()).into());
    }
    let report = eval::evaluate_rules(&examples, &rules);
    let baseline = match &args.baseline {
        Some(path) => Some(eval::evaluate_rules(&examples, &compile(Some(path))?)),
        None => None,
    };
    match (format, baseline) {
        (Format::Json, None) => emit(&serde_json::to_string(&report)?)?,
        (Format::Json, Some(baseline)) => {
            emit(&serde_json::json!({ "report": report, "baseline": baseline }).to_string())?;
        }
        (Format::Text, baseline) => {
            emit(report.to_string().trim_end())?;
            if let Some(baseline) = baseline {
                beside(&baseline, &report)?;
            }
        }
    }
    Ok(Exit::Success)
}

fn compile(path: Option<&PathBuf>) -> anyhow::Result<RuleSet> {
    match path {
        None => Ok(RuleSet::compile_all(RuleSet::bank_sources())?),
        Some(path) if path.as_os_str() == "bank" && !path.exists() => {
            Ok(RuleSet::compile_all(RuleSet::bank_sources())?)
        }
        Some(path) => Ok(RuleSet::compile_all(&read_pack(path)?)?),
    }
}

/// Both packs side by side, and what they judge differently.
fn beside(baseline: &RuleReport, report: &RuleReport) -> anyhow::Result<()> {
    let percent =
        |share: Share| share.rate().map_or("–".to_owned(), |rate| format!("{:.1} %", 100.0 * rate));
    emit(&format!("\n{} → {}", baseline.revision, report.revision))?;
    emit(&format!("{:<8} {:>20} {:>20}", "rule", "precision", "recall"))?;
    let find = |rules: &[RuleScore], wanted: &RuleScore| {
        rules.iter().find(|rule| rule.rule_id == wanted.rule_id).cloned()
    };
    for rule in &report.rules {
        let before = find(&baseline.rules, rule);
        let side = |choose: fn(&RuleScore) -> Share| {
            let before = before.as_ref().map_or("–".to_owned(), |rule| percent(choose(rule)));
            format!("{before} → {}", percent(choose(rule)))
        };
        let (precision, recall) = (side(RuleScore::precision), side(RuleScore::recall));
        emit(&format!("{:<8} {precision:>20} {recall:>20}", rule.rule_id.as_str()))?;
    }
    for gone in baseline.rules.iter().filter(|rule| find(&report.rules, rule).is_none()) {
        emit(&format!("{:<8} only in the other pack", gone.rule_id.as_str()))?;
    }
    let is_in = |mistakes: &RuleReport, wanted: &eval::RuleMistake| {
        mistakes.mistakes.iter().any(|one| one.call_id == wanted.call_id && one.rule_id == wanted.rule_id)
    };
    for mended in baseline.mistakes.iter().filter(|mistake| !is_in(report, mistake)) {
        emit(&format!("mended: {} {}", mended.call_id, mended.rule_id))?;
    }
    for new in report.mistakes.iter().filter(|mistake| !is_in(baseline, mistake)) {
        emit(&format!("new mistake: {} {}", new.call_id, new.rule_id))?;
    }
    Ok(())
}
