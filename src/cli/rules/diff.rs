//! `diting rules diff`: what differs between two packs, and what that changes for calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::exit::describe;
use super::super::output::emit;
use super::super::text_calls::{self, RoleArgs, call_id};
use super::{Exit, compile, tell, verdict_name};
use crate::analysis::{
    CallChange, CallDiff, FieldChange, PartChange, RuleError, RuleSet, Verdict, diff_analyses, diff_packs,
};
use crate::types::Score;

/// Longer values are cut, with the place where they differ in sight.
const MAX_VALUE_CHARS: usize = 100;

/// What was typed after `diting rules diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pack before: a file or folder, or `bank` for the bank pack that is part of the program
    old: PathBuf,
    /// The pack after, likewise
    new: PathBuf,
    /// Calls as text, one a line, to judge by both; may be repeated
    #[arg(long, value_name = "FILE.jsonl")]
    calls: Vec<PathBuf>,
    /// Only the totals over the calls
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    roles: RoleArgs,
}

/// What the calls came to under both packs.
#[derive(Debug, Default)]
struct Totals {
    num_calls: usize,
    num_changed: usize,
    /// Hits by rule, before and after.
    hits: BTreeMap<String, (usize, usize)>,
    /// Calls with any hit that costs points.
    broken: (usize, usize),
    scores: (Vec<Score>, Vec<Score>),
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let (old, new) = match (load(&args.old)?, load(&args.new)?) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return Ok(tell(&error)),
    };
    emit(&format!("{} → {}", old.revision(), new.revision()))?;
    let diff = diff_packs(&old, &new);
    for (id, name) in &diff.added {
        emit(&format!("+ {id} {name}"))?;
    }
    for (id, name) in &diff.removed {
        emit(&format!("- {id} {name}"))?;
    }
    let scheme = diff.scheme.iter().map(|scheme| ("方案", scheme));
    for (what, part) in scheme.chain(diff.changed.iter().map(|rule| ("", rule))) {
        emit(&show_part(what, part))?;
    }
    let num_changed = diff.changed.len();
    let scheme = if diff.scheme.is_some() { "，方案有改动" } else { "" };
    emit(&format!(
        "规则：新增 {}，删除 {}，改动 {num_changed}{scheme}",
        diff.added.len(),
        diff.removed.len()
    ))?;
    if args.calls.is_empty() {
        return Ok(Exit::Success);
    }
    let (mut totals, mut failed) = (Totals::default(), None);
    for path in &args.calls {
        if !compare(&args, path, &old, &new, &mut totals)? {
            failed = Some(Exit::Failure);
        }
    }
    show_totals(&totals)?;
    Ok(failed.unwrap_or(Exit::Success))
}

fn load(path: &Path) -> anyhow::Result<Result<RuleSet, RuleError>> {
    let is_bank = path.as_os_str() == "bank" && !path.exists();
    compile(&if is_bank { Vec::new() } else { vec![path.to_owned()] })
}

fn show_part(what: &str, part: &PartChange) -> String {
    let mut text = format!("~ {what}{} {}", part.id, part.name);
    for change in &part.fields {
        text.push_str(&show_field(change));
    }
    text
}

fn show_field(change: &FieldChange) -> String {
    let same =
        change.before.chars().zip(change.after.chars()).take_while(|(one, other)| one == other).count();
    let cut = |value: &str| {
        let from = same.saturating_sub(20);
        let mut shown: String = value.chars().skip(from).take(MAX_VALUE_CHARS).collect();
        if from > 0 {
            shown.insert(0, '…');
        }
        if value.chars().count() > from + MAX_VALUE_CHARS {
            shown.push('…');
        }
        shown
    };
    match (change.before.is_empty(), change.after.is_empty()) {
        (true, _) => format!("\n    {}: 新增 {}", change.field, cut(&change.after)),
        (_, true) => format!("\n    {}: 删除 {}", change.field, cut(&change.before)),
        (false, false) => {
            format!("\n    {}: {}\n      → {}", change.field, cut(&change.before), cut(&change.after))
        }
    }
}

/// Judges every call of a file by both; false when a line could not be taken.
fn compare(
    args: &Args,
    path: &Path,
    old: &RuleSet,
    new: &RuleSet,
    totals: &mut Totals,
) -> anyhow::Result<bool> {
    let mut all_taken = true;
    let options = args.roles.options(new.scheme().time_zone())?;
    for next in text_calls::open(path, &options)? {
        let (line, call) = next?;
        let call = match call {
            Ok(call) => call,
            Err(error) => {
                eprintln!("diting: {}: line {line}: {}", path.display(), describe(&error.into()));
                all_taken = false;
                continue;
            }
        };
        let (before, after) =
            (old.evaluate(&call.dialogue, &call.metadata), new.evaluate(&call.dialogue, &call.metadata));
        totals.num_calls += 1;
        for (analysis, first) in [(&before, true), (&after, false)] {
            let hits = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit);
            let mut costs = false;
            for finding in hits {
                costs |= finding.score_delta < Score::ZERO || finding.veto;
                let count = totals.hits.entry(finding.rule_id.to_string()).or_default();
                if first { count.0 += 1 } else { count.1 += 1 }
            }
            let (broken, scores) = match first {
                true => (&mut totals.broken.0, &mut totals.scores.0),
                false => (&mut totals.broken.1, &mut totals.scores.1),
            };
            *broken += usize::from(costs);
            scores.extend(analysis.scorecard.final_score());
        }
        let diff = diff_analyses(&before, &after);
        if diff.is_empty() {
            continue;
        }
        totals.num_changed += 1;
        if !args.quiet {
            emit(&show_call(call_id(path, line, &call).as_str(), &diff))?;
        }
    }
    Ok(all_taken)
}

fn show_call(id: &str, diff: &CallDiff) -> String {
    let score = |score: Option<Score>| score.map_or("未评分".to_owned(), |score| score.to_string());
    let mut text = format!("通话 {id}");
    if diff.score_before != diff.score_after {
        text.push_str(&format!("：{} → {}", score(diff.score_before), score(diff.score_after)));
    }
    for CallChange { rule_id, before, after } in &diff.changes {
        let side = |side: &Option<(Verdict, Score)>| match side {
            None => "无此规则".to_owned(),
            Some((verdict, points)) if *points == Score::ZERO => verdict_name(*verdict).to_owned(),
            Some((verdict, points)) => format!("{} {points}", verdict_name(*verdict)),
        };
        text.push_str(&format!("\n    {rule_id}: {} → {}", side(before), side(after)));
    }
    text
}

fn show_totals(totals: &Totals) -> anyhow::Result<()> {
    emit(&format!("通话：{} 通，有变化 {} 通", totals.num_calls, totals.num_changed))?;
    for (rule, (before, after)) in totals.hits.iter().filter(|(_, (before, after))| before != after) {
        emit(&format!("    {rule}: 命中 {before} → {after}"))?;
    }
    emit(&format!("    有扣分的通话 {} → {}", totals.broken.0, totals.broken.1))?;
    let mean = |scores: &[Score]| match scores.len() {
        0 => "无".to_owned(),
        number => {
            format!("{:.2}（{number} 通）", scores.iter().copied().sum::<Score>().as_f64() / number as f64)
        }
    };
    emit(&format!("    平均分 {} → {}", mean(&totals.scores.0), mean(&totals.scores.1)))?;
    Ok(())
}
