//! `diting rules explain`: why each rule hit a call, did not, or could not judge it.

use std::path::PathBuf;

use super::super::output::emit;
use super::super::text_calls::{RoleArgs, one_call};
use super::{Exit, verdict_name, with_rules};
use crate::analysis::{CallInput, ConditionState, ConditionTrace, MatchMode, Part, RuleTrace, Verdict};

/// What was typed after `diting rules explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Pack files (.toml) or folders of them; without one the bank pack
    packs: Vec<PathBuf>,
    /// A file of calls as text, one a line, or a report that `analyze --format json` or `calls show --format json` printed
    #[arg(long, value_name = "FILE")]
    call: PathBuf,
    /// The id of the call in the file [default: the first]
    #[arg(long, value_name = "CALL_ID")]
    id: Option<String>,
    /// The line of the call in the file, from 1
    #[arg(long, value_name = "LINE", conflicts_with = "id")]
    line: Option<usize>,
    /// Only these rules; may be repeated
    #[arg(long = "rule", value_name = "RULE_ID")]
    rules: Vec<String>,
    /// Only rules that hit
    #[arg(long)]
    hits: bool,
    #[command(flatten)]
    roles: RoleArgs,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    with_rules(&args.packs, |rules| {
        for id in &args.rules {
            if !rules.rules().any(|rule| rule.id.as_str() == id) {
                return Err(super::super::exit::UsageError(format!("there is no rule `{id}`")).into());
            }
        }
        let (id, call) =
            one_call(&args.call, &args.roles, rules.scheme().time_zone(), args.id.as_deref(), args.line)?;
        let input =
            CallInput { dialogue: &call.dialogue, metadata: &call.metadata, history: None, live: false };
        let traces = rules.explain(&input);
        let wanted = |trace: &&RuleTrace| {
            (args.rules.is_empty() || args.rules.iter().any(|id| trace.rule_id.as_str() == id))
                && (!args.hits || trace.verdict == Verdict::Hit)
        };
        let count = |verdict| traces.iter().filter(|trace| trace.verdict == verdict).count();
        emit(&format!(
            "通话 {id}：命中 {}，未命中 {}，不适用 {}（{} {}）",
            count(Verdict::Hit),
            count(Verdict::Miss),
            count(Verdict::NotApplicable),
            rules.scheme().name,
            rules.revision(),
        ))?;
        for trace in traces.iter().filter(wanted) {
            emit(&show(trace))?;
        }
        Ok(Exit::Success)
    })
}

fn show(trace: &RuleTrace) -> String {
    let mut text = format!("\n{} {} {}", verdict_name(trace.verdict), trace.rule_id, trace.rule_name);
    if let Some(reason) = &trace.reason {
        text.push_str(&format!("（{reason}）"));
    }
    text.push_str(&format!("\n  {}", trace.explanation));
    for (name, expression) in [("when", &trace.when), ("only_if", &trace.only_if), ("unless", &trace.unless)]
    {
        if !expression.is_empty() {
            text.push_str(&format!("\n  {name} = {expression}"));
        }
    }
    for condition in &trace.conditions {
        text.push_str(&show_condition(condition));
    }
    text
}

fn show_condition(condition: &ConditionTrace) -> String {
    let state = match condition.state {
        ConditionState::Met => "成立".to_owned(),
        ConditionState::NotMet => "不成立".to_owned(),
        ConditionState::NotApplicable => {
            format!("无法判断：{}", condition.reason.as_deref().unwrap_or_default())
        }
    };
    let part = match condition.part {
        Part::Condition => "条件",
        Part::Prerequisite => "前提",
        Part::Exception => "例外",
    };
    let mut text = format!("\n  {part} {} {state}", condition.id);
    if !condition.source.is_empty() {
        text.push_str(&format!("\n      {}", condition.source));
    }
    for hit in &condition.hits {
        let at = hit.span.map(|span| format!(" {}", span.start)).unwrap_or_default();
        let place = match hit.mode {
            MatchMode::Measured => String::new(),
            MatchMode::Exact
            | MatchMode::Synonym
            | MatchMode::Homophone
            | MatchMode::Regex
            | MatchMode::Similar
            | MatchMode::Entity => format!("第 {} 轮{at} ", hit.turn + 1),
        };
        text.push_str(&format!("\n      · {place}“{}”", hit.text));
        if hit.mode != MatchMode::Regex && hit.pattern != hit.text {
            text.push_str(&format!("，对应“{}”", hit.pattern));
        }
        if !hit.tolerances.is_empty() {
            text.push_str(&format!("（{}）", hit.tolerances.join("、")));
        }
        if let Some(similarity) = hit.similarity {
            text.push_str(&format!("，相似度 {similarity:.2}"));
        }
        if let Some(confidence) = hit.confidence {
            text.push_str(&format!("，识别置信度 {confidence:.2}"));
        }
    }
    for note in &condition.notes {
        text.push_str(&format!("\n      - {note}"));
    }
    text
}
