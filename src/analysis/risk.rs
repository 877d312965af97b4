//! Judges risk models (预警策略) over the findings of a call, and says which alerts go out.
//!
//! Pure: earlier alerts are an input, and nothing is delivered here. Invariant: what is held back is told as well, with
//! the reason.

use jiff::Timestamp;

use super::compile::RuleSet;
use super::scheme::{RiskModel, Signal};
use super::{Analysis, Finding, Level, Verdict};
use crate::types::{Millis, RuleId};

/// An alert that went out before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierAlert {
    /// The risk model.
    pub risk_id: String,
    /// When it was raised.
    pub at: Timestamp,
}

/// Why an alert is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBack {
    /// Another one of the model went out less than its quiet interval ago.
    Quiet,
    /// As many as it may have a day went out.
    TooMany,
}

/// A risk model that a call fulfils.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The risk model.
    pub risk_id: String,
    /// Its name.
    pub name: String,
    /// How urgent.
    pub level: Level,
    /// When in the call it was fulfilled; `None` without times.
    pub at: Option<Millis>,
    /// The rules whose hits fulfil it.
    pub rules: Vec<RuleId>,
    /// Why it does not go out; `None`: it does.
    pub held_back: Option<HeldBack>,
}

impl RuleSet {
    /// The risk models that `analysis` fulfils, in the order of the pack. `began_at` is when the call began; without it
    /// nothing is held back, because nobody knows how long ago the earlier alerts are.
    #[must_use]
    pub fn alerts(
        &self,
        analysis: &Analysis,
        began_at: Option<Timestamp>,
        earlier: &[EarlierAlert],
    ) -> Vec<Alert> {
        let alerts = self.risks.iter().filter_map(|risk| {
            let mut alert = fulfilled(risk, &analysis.findings)?;
            alert.held_back = began_at.and_then(|began_at| held_back(risk, &alert, began_at, earlier));
            Some(alert)
        });
        alerts.collect()
    }
}

fn fulfilled(risk: &RiskModel, findings: &[Finding]) -> Option<Alert> {
    let met: Vec<Option<Option<Millis>>> =
        risk.signals.iter().map(|signal| met_at(signal, findings)).collect();
    let answer = |index: usize| Some(met.get(index).is_some_and(Option::is_some));
    if risk.when.judge(&answer) != Some(true) {
        return None;
    }
    let counting = risk.when.positive_leaves();
    let mut rules: Vec<RuleId> = Vec::new();
    for index in &counting {
        let (Some(signal), Some(Some(_))) = (risk.signals.get(*index), met.get(*index)) else { continue };
        for finding in findings.iter().filter(|finding| is_hit(signal, finding)) {
            if !rules.contains(&finding.rule_id) {
                rules.push(finding.rule_id.clone());
            }
        }
    }
    let times = counting.iter().filter_map(|index| met.get(*index).copied().flatten().flatten());
    Some(Alert {
        risk_id: risk.id.clone(),
        name: risk.name.clone(),
        level: risk.level,
        at: times.max(),
        rules,
        held_back: None,
    })
}

fn is_hit(signal: &Signal, finding: &Finding) -> bool {
    finding.verdict == Verdict::Hit && signal.rules.contains(&finding.rule_id)
}

/// When a signal has its hits together; `Some(None)`: without times.
fn met_at(signal: &Signal, findings: &[Finding]) -> Option<Option<Millis>> {
    let hits: Vec<&Finding> = findings.iter().filter(|finding| is_hit(signal, finding)).collect();
    let wanted = signal.hits as usize;
    // A finding whose places are not known counts once, and never within a time.
    let mut times: Vec<Millis> = Vec::new();
    let mut num_hits = 0_usize;
    for finding in hits {
        let mut spans: Vec<Millis> =
            finding.evidence.iter().filter_map(|one| one.span.map(|span| span.start)).collect();
        spans.sort_unstable();
        spans.dedup();
        num_hits += (finding.num_hits as usize).max(1);
        times.extend(spans);
    }
    times.sort_unstable();
    match signal.within {
        None => (num_hits >= wanted).then(|| times.get(wanted.min(times.len()).saturating_sub(1)).copied()),
        Some(within) => {
            let together =
                times.windows(wanted.max(1)).find(|window| match (window.first(), window.last()) {
                    (Some(first), Some(last)) => last.saturating_sub(*first) <= within,
                    (_, _) => false,
                });
            together.map(|window| window.last().copied())
        }
    }
}

fn held_back(
    risk: &RiskModel,
    alert: &Alert,
    began_at: Timestamp,
    earlier: &[EarlierAlert],
) -> Option<HeldBack> {
    let in_call = i64::try_from(alert.at.unwrap_or(Millis::ZERO).0).unwrap_or(i64::MAX);
    let now = began_at.as_millisecond().saturating_add(in_call);
    // How long ago an alert went out; none for one that is still to come.
    let ago = |alert: &&EarlierAlert| u64::try_from(now - alert.at.as_millisecond()).ok().map(Millis);
    let own: Vec<Millis> =
        earlier.iter().filter(|alert| alert.risk_id == risk.id).filter_map(|alert| ago(&alert)).collect();
    if own.iter().any(|ago| *ago < risk.quiet) {
        return Some(HeldBack::Quiet);
    }
    const DAY: Millis = Millis(86_400_000);
    let today = own.iter().filter(|ago| **ago < DAY).count();
    risk.max_a_day.filter(|limit| today >= *limit as usize).map(|_| HeldBack::TooMany)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dialogue_of;
    use crate::types::CallMetadata;

    const PACK: &str = r#"
        version = 2
        [[rule]]
        id = "W1"
        name = "n"
        kind = "watch"
        level = "S1"
        hits = ["客户: 投诉"]
        misses = ["客户: 好"]
        [[rule.condition]]
        keyword = { any = ["投诉"] }
        [[rule]]
        id = "W2"
        name = "n"
        kind = "watch"
        level = "S1"
        hits = ["客户: 媒体"]
        misses = ["客户: 好"]
        [[rule.condition]]
        keyword = { any = ["媒体"] }
        [[risk]]
        id = "R"
        name = "升级"
        level = "S1"
        when = "often || both && !never"
        quiet_minutes = 60
        max_a_day = 2
        [[risk.signal]]
        id = "often"
        rules = ["W1", "W2"]
        hits = 3
        within_seconds = 30
        [[risk.signal]]
        id = "both"
        rules = ["W2"]
        [[risk.signal]]
        id = "never"
        rules = ["W1"]
    "#;

    fn alerts(turns: &[&str], earlier_minutes: &[i64]) -> Vec<Alert> {
        let set = RuleSet::compile("pack.toml", PACK).expect("the pack is well formed");
        let dialogue = dialogue_of(turns, false).expect("the turns are well formed");
        let analysis = set.evaluate(&dialogue, &CallMetadata::default());
        let began_at: Timestamp = "2026-03-02T10:00:00Z".parse().expect("it is a time");
        let earlier: Vec<EarlierAlert> = earlier_minutes
            .iter()
            .map(|minutes| EarlierAlert {
                risk_id: "R".to_owned(),
                at: Timestamp::from_second(began_at.as_second() - minutes * 60).expect("it is in range"),
            })
            .collect();
        set.alerts(&analysis, Some(began_at), &earlier)
    }

    #[test]
    fn hits_count_together_only_within_their_time() {
        let near = ["客户@0-2: 投诉", "客户@10-12: 投诉", "客户@20-22: 投诉"];
        let found = alerts(&near, &[]);
        assert_eq!((found.len(), found[0].at), (1, Some(Millis(20_000))));
        assert_eq!(found[0].rules.iter().map(RuleId::as_str).collect::<Vec<_>>(), ["W1"]);
        assert!(alerts(&["客户@0-2: 投诉", "客户@10-12: 投诉", "客户@50-52: 投诉"], &[]).is_empty());
        assert_eq!(alerts(&["客户: 媒体"], &[]).len(), 1);
        assert!(alerts(&["客户: 媒体，投诉"], &[]).is_empty());
    }

    #[test]
    fn what_is_held_back_says_why() {
        let held = |earlier: &[i64]| alerts(&["客户: 媒体"], earlier)[0].held_back;
        assert_eq!(held(&[]), None);
        assert_eq!(held(&[30]), Some(HeldBack::Quiet));
        assert_eq!(held(&[90]), None);
        assert_eq!(held(&[90, 200]), Some(HeldBack::TooMany));
        assert_eq!(held(&[90, 3_000]), None, "the day before does not count");
        assert_eq!(held(&[-30]), None, "nor does what is still to come");
    }
}
