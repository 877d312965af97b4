//! What people decided about findings: how right each rule was.

use std::collections::BTreeMap;

use super::Ground;
use super::words::interval;
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, FindingQuery, ReviewState};
use crate::insight::Counts;
use crate::report::model::{Kind, Scope, Section, Table, Tile, Value};
use crate::types::RuleId;

/// What was decided about the findings of one rule.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Decided {
    /// Hits of the machine that stand.
    pub(super) num_confirmed: u64,
    /// Hits of the machine that were taken back.
    pub(super) num_rejected: u64,
    /// Hits that a person added.
    pub(super) num_added: u64,
}

impl Decided {
    fn num_seen(self) -> u64 {
        self.num_confirmed + self.num_rejected
    }

    /// Those that a person looked at, as checks, and those that stand, as hits.
    fn kept(self) -> Counts {
        Counts { num_checked: self.num_seen(), num_hits: self.num_confirmed, ..Counts::default() }
    }

    /// Whether the Wilson interval of its precision lies below a half.
    fn is_mostly_wrong(self) -> bool {
        self.kept().interval().is_some_and(|interval| interval.upper < 0.5)
    }
}

/// Decisions by rule, and calls by the state of their review.
pub(super) fn decided(ground: &Ground<'_>) -> (BTreeMap<RuleId, Decided>, BTreeMap<ReviewOrder, u64>) {
    let mut rules: BTreeMap<RuleId, Decided> = BTreeMap::new();
    let mut states: BTreeMap<ReviewOrder, u64> = BTreeMap::new();
    let told = reviewed(ground, Vec::new());
    for call in ground.catalog.chosen(&told) {
        if let Some(review) = &call.annotations.review {
            *states.entry(ReviewOrder::of(review.state)).or_default() += 1;
        }
    }
    // A hit that a person added is no hit of the machine.
    let query = ground.current();
    for call in ground.catalog.chosen(&query) {
        let Some(review) = &call.annotations.review else { continue };
        let Some(table) = ground.catalog.table_of(call) else { continue };
        let is_asked = |rule: &RuleId| !matches!(ground.scope, Scope::Rule(own) if own != rule);
        for one in review.finals.iter().filter(|one| is_asked(&one.rule_id)) {
            let machine =
                table.position(&one.rule_id).and_then(|at| call.judgement.as_ref()?.verdicts.get(at));
            let entry = rules.entry(one.rule_id.clone()).or_default();
            match (machine, one.verdict) {
                (Some(Verdict::Hit), Verdict::Hit) => entry.num_confirmed += 1,
                (Some(Verdict::Hit), Verdict::Miss | Verdict::NotApplicable) => entry.num_rejected += 1,
                (Some(Verdict::Miss | Verdict::NotApplicable) | None, Verdict::Hit) => entry.num_added += 1,
                (
                    Some(Verdict::Miss | Verdict::NotApplicable) | None,
                    Verdict::Miss | Verdict::NotApplicable,
                ) => {}
            }
        }
    }
    (rules, states)
}

/// The calls whose reviews are told: all, or in the report on a rule those that the machine says break it.
fn reviewed(ground: &Ground<'_>, reviews: Vec<ReviewState>) -> CallQuery {
    let mut calls = CallQuery { reviews, ..ground.current() };
    if matches!(ground.scope, Scope::Rule(_)) {
        calls.finding.machine_verdicts = vec![Verdict::Hit];
    }
    calls
}

/// States in the order of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReviewOrder {
    Queued,
    Reviewed,
    Appealed,
    Closed,
    Other,
}

impl ReviewOrder {
    fn of(state: ReviewState) -> Self {
        match state {
            ReviewState::Queued => Self::Queued,
            ReviewState::Reviewed => Self::Reviewed,
            ReviewState::Appealed => Self::Appealed,
            ReviewState::Closed => Self::Closed,
            ReviewState::None => Self::Other,
        }
    }

    fn state(self) -> (&'static str, ReviewState) {
        match self {
            Self::Queued => ("待复核", ReviewState::Queued),
            Self::Reviewed => ("已复核", ReviewState::Reviewed),
            Self::Appealed => ("申诉中", ReviewState::Appealed),
            Self::Closed => ("已终审", ReviewState::Closed),
            Self::Other => ("未列入", ReviewState::None),
        }
    }
}

/// The section, and a sentence on the rule that was rejected most, where that says something.
pub(super) fn section(ground: &Ground<'_>) -> (Section, Option<String>) {
    let mut section = Section::new("人工复核");
    let (decided, states) = decided(ground);
    let is_of_rule = matches!(ground.scope, Scope::Rule(_));
    if decided.is_empty() && states.is_empty() {
        let whose = if is_of_rule { "本规则的命中" } else { "命中" };
        section.paragraphs.push(format!("本期没有人工复核，{whose}全部是机器的判断。"));
        return (section, None);
    }
    if is_of_rule {
        section.paragraphs.push("这里只算机器判为命中本规则的通话的复核，不是全中心的。".to_owned());
    }
    for (state, count) in states.iter().filter(|(state, _)| **state != ReviewOrder::Other) {
        let (label, state) = state.state();
        let calls = reviewed(ground, vec![state]);
        section.tiles.push(Tile {
            label: label.to_owned(),
            cell: Value::Count(*count).opens(&calls),
            note: "通".to_owned(),
        });
    }
    let names = &ground.infos;
    let mut rows: Vec<(&RuleId, Decided)> = decided.iter().map(|(rule, one)| (rule, *one)).collect();
    rows.sort_by(|left, right| (right.1.num_rejected, left.0).cmp(&(left.1.num_rejected, right.0)));
    let mut table = Table::new(
        "规则准确率",
        &[
            ("规则", Kind::Text),
            ("被看过的机器命中", Kind::Number),
            ("维持", Kind::Number),
            ("驳回", Kind::Number),
            ("准确率", Kind::Number),
            ("95% 区间", Kind::Number),
            ("人工补判命中", Kind::Number),
        ],
    )
    .noted("驳回最多的在前。复核多半抽取可疑通话，准确率只代表被看过的命中。没有“复核时确认过”的筛选，维持的数打不开。");
    for (rule, one) in &rows {
        let name = names.get(*rule).map_or("", |info| info.name.as_str());
        table.push([
            Value::text(&format!("{rule} {name}")).into(),
            Value::Count(one.num_seen()).into(),
            // A hit of a reviewed call about which its reviewer said nothing stands too: no filter tells the two apart.
            Value::Count(one.num_confirmed).into(),
            Value::Count(one.num_rejected).opens(&taken_back(ground, rule)),
            Value::share(one.num_confirmed, one.num_seen()).into(),
            interval(one.kept().interval()).into(),
            Value::Count(one.num_added).into(),
        ]);
    }
    section.tables.push(table);
    let named = |rule: &RuleId| {
        let name = names.get(rule).map_or("", |info| info.name.as_str());
        crate::report::model::clean(&format!("{rule} {name}"))
    };
    let many = |one: &Decided| one.num_rejected >= 5 && one.num_rejected > one.num_confirmed;
    // Few calls, and suspicious ones, say little: the whole interval must lie below a half before anybody is told what to do.
    let sentence = if let Some((rule, one)) = rows.iter().find(|(_, one)| many(one) && one.is_mostly_wrong())
    {
        let (all, rejected) = (one.num_seen(), one.num_rejected);
        let rule = named(rule);
        Some(format!(
            "规则 {rule} 的机器命中多数被驳回（{all} 条中 {rejected} 条），先修订规则，再看它的命中率。"
        ))
    } else {
        rows.first().filter(|(_, one)| many(one)).map(|(rule, one)| {
            format!(
                "规则 {} 被看过的 {} 条机器命中有 {} 条被驳回。",
                named(rule),
                one.num_seen(),
                one.num_rejected
            )
        })
    };
    (section, sentence)
}

/// Calls in which a person took back what the machine called a hit.
fn taken_back(ground: &Ground<'_>, rule: &RuleId) -> CallQuery {
    let finding = FindingQuery {
        rules: vec![rule.clone()],
        verdicts: vec![Verdict::Miss, Verdict::NotApplicable],
        machine_verdicts: vec![Verdict::Hit],
        ..FindingQuery::default()
    };
    CallQuery { finding, ..ground.current() }
}

/// The name of a level beside its meaning.
pub(super) fn level_title(level: crate::analysis::Level) -> String {
    use crate::analysis::Level;
    let meaning = match level {
        Level::S1 => "一票否决",
        Level::S2 => "严重",
        Level::S3 => "一般",
        Level::S4 => "轻微",
        Level::S5 => "提示",
    };
    format!("{} {meaning}", level.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_mend_a_rule_by_few_calls() {
        let decided = |num_confirmed, num_rejected| Decided { num_confirmed, num_rejected, num_added: 0 };
        assert!(!decided(4, 5).is_mostly_wrong(), "chance");
        assert!(!decided(0, 3).is_mostly_wrong());
        assert!(decided(10, 40).is_mostly_wrong());
        assert!(!decided(0, 0).is_mostly_wrong(), "nobody looked");
    }
}
