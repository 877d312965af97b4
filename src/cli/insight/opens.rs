//! The commands that open a figure: its calls, its hits, and all calls that were looked at.
//!
//! **Invariant**: beside each command stands the number that it lists.

use crate::proto::convert::{calls_command, findings_command};
use crate::proto::v1;

/// The command that lists the calls behind a figure, and how many these are, after `indent`; nothing where the figure has
/// no calls.
pub(super) fn opens(figure: Option<&v1::InsightFigure>, indent: &str) -> String {
    let Some(figure) = figure else { return String::new() };
    let (what, num) = match figure.num_hits {
        0 => ("检查过的通话", figure.num_calls),
        _some => ("有命中的通话", figure.num_calls_hit),
    };
    let command = figure.calls.clone().and_then(calls_command);
    command.map_or_else(String::new, |command| format!("{indent}{what} {num} 通：{command}\n"))
}

/// The command that lists the hits of a figure of several rules, one by one: a call may have more than one.
pub(super) fn opens_hits(figure: Option<&v1::InsightFigure>, indent: &str) -> String {
    let Some(figure) = figure.filter(|figure| figure.num_hits > 0) else { return String::new() };
    let command = figure.calls.clone().and_then(findings_command);
    command.map_or_else(String::new, |command| format!("{indent}命中 {} 次：{command}\n", figure.num_hits))
}

/// The command that lists every call that was looked at, with a hit or without.
pub(super) fn opens_all(figure: Option<&v1::InsightFigure>, indent: &str) -> String {
    let Some(figure) = figure else { return String::new() };
    let Some(calls) = figure.calls.clone() else { return String::new() };
    let all = v1::CallFilter {
        rule_ids: Vec::new(),
        dimensions: Vec::new(),
        levels: Vec::new(),
        kinds: Vec::new(),
        verdicts: Vec::new(),
        machine_verdicts: Vec::new(),
        ..calls
    };
    let num = figure.num_calls;
    calls_command(all).map_or_else(String::new, |command| format!("{indent}全部通话 {num} 通：{command}\n"))
}
