//! What one look at every call of a period counts that no figure of `insight` has: stages, scores one by one, days, and
//! from which facts the report was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::Ground;
use crate::catalog::{CallFacts, CallQuery, Catalog, Stage, TimeRange};
use crate::insight::{CountedCall, Step, TallyQuery, counted_call, tally};
use crate::report::model::{Scope, Value};
use crate::report::period::Period;
use crate::types::Score;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) num_calls: u64,
    pub(super) num_done: u64,
    pub(super) num_failed: u64,
    pub(super) num_waiting: u64,
    pub(super) num_vetoed: u64,
    /// Calls that are done and have no score.
    pub(super) num_unscored: u64,
    /// Calls with at least one counting hit of a rule of agents.
    pub(super) num_hit: u64,
    /// Scores in hundredths of points, one of a call, sorted.
    pub(super) scores: Vec<i64>,
    /// The highest full score of the schemes.
    pub(super) full: i64,
    /// Calls with a score.
    pub(super) days: BTreeMap<Date, Day>,
    /// Sums of points of each dimension in hundredths, with how many, and the full points.
    pub(super) dimensions: BTreeMap<String, (i64, u64, i64)>,
    /// Revisions that judged, with their calls.
    pub(super) revisions: BTreeMap<(String, String), u64>,
}

/// A day.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Day {
    pub(super) num_calls: u64,
    pub(super) num_done: u64,
    pub(super) num_hit: u64,
    pub(super) num_scored: u64,
    /// In hundredths of points.
    pub(super) sum: i64,
}

impl Pass {
    /// The mean score in points.
    pub(super) fn mean(&self) -> Value {
        mean(self.scores.iter().sum(), self.scores.len() as u64)
    }

    /// The median score.
    pub(super) fn median(&self) -> Value {
        let middle = self.scores.len() / 2;
        let upper = self.scores.get(middle).copied();
        let lower = self.scores.get(middle.saturating_sub(1)).copied();
        match (upper, lower) {
            (Some(upper), _) if self.scores.len() % 2 == 1 => mean(upper, 1),
            (Some(upper), Some(lower)) => mean(upper + lower, 2),
            _ => Value::Nothing,
        }
    }

    /// Scores in ten ranges up to the full score.
    pub(super) fn histogram(&self) -> Vec<(String, i64, i64, u64)> {
        let full = (self.full / 100).max(10);
        let step = (full + 9) / 10;
        let mut ranges: Vec<(String, i64, i64, u64)> = (0..10)
            .map(|index| {
                let (low, high) = (index * step, (index + 1) * step);
                let last = index == 9;
                let name = if last { format!("{low}–{full}") } else { format!("{low}–{}", high - 1) };
                (name, low, if last { i64::MAX / 100 } else { high }, 0)
            })
            .collect();
        for score in &self.scores {
            let fits = ranges.iter_mut().find(|(_, _, high, _)| *score < high * 100);
            if let Some(range) = fits {
                range.3 += 1;
            }
        }
        ranges
    }
}

/// A mean of `sum` hundredths of points over `count`, in points.
pub(super) fn mean(sum: i64, count: u64) -> Value {
    // Sums of a million scores of a hundred points stay far below 2^53.
    Value::points((count > 0).then(|| sum as f64 / 100.0 / count as f64))
}

fn hundredths(score: Score) -> i64 {
    crate::report::model::hundredths(score.as_f64())
}

/// Looks at every call of `scope` in `period`. What counts of a call, and which call has a hit, is what `insight` says.
pub(super) fn over(catalog: &Catalog, scope: &Scope, period: &Period) -> Pass {
    let query = super::calls(scope, period.range());
    let mut pass = Pass::default();
    for call in catalog.chosen(&query) {
        let day = pass.days.entry(period.day_of(call.started_at)).or_default();
        pass.num_calls += 1;
        day.num_calls += 1;
        match call.stage {
            Stage::Done => {
                pass.num_done += 1;
                day.num_done += 1;
            }
            Stage::Failed => pass.num_failed += 1,
            Stage::Accepted | Stage::Decoding | Stage::Transcribing | Stage::Scoring => pass.num_waiting += 1,
        }
        let CountedCall { judgements, score, vetoed, dimensions } = counted_call(&query, call);
        let score = score.map(crate::report::model::hundredths);
        if let Some(score) = score {
            day.num_scored += 1;
            day.sum += score;
            pass.scores.push(score);
        }
        pass.num_unscored += u64::from(call.stage == Stage::Done && score.is_none());
        pass.num_vetoed += u64::from(vetoed);
        let mut revisions = BTreeSet::new();
        for judgement in judgements.iter() {
            let Some(table) = catalog.table(judgement.table) else { continue };
            pass.full = pass.full.max(hundredths(table.full));
            revisions.insert((table.scheme.clone(), table.revision.clone()));
        }
        for revision in revisions {
            *pass.revisions.entry(revision).or_default() += 1;
        }
        // As in the figures of teams and agents, a call gives the points of its first judgement.
        if let Some((points, table)) = dimensions.and_then(|(id, points)| Some((points, catalog.table(id)?)))
        {
            for (info, points) in table.dimensions.iter().zip(points) {
                let entry = pass.dimensions.entry(info.name.clone()).or_default();
                entry.0 += hundredths(*points);
                entry.1 += 1;
                entry.2 = entry.2.max(hundredths(info.full));
            }
        }
    }
    pass.scores.sort_unstable();
    let hits = TallyQuery {
        calls: query,
        rules: super::of_agents(),
        group_by: Vec::new(),
        step: Some(Step::Day),
        time_zone: period.zone().clone(),
    };
    // One cell for a day, so that no limit is near.
    for cell in tally(catalog, &hits).map(|tally| tally.cells).unwrap_or_default() {
        pass.num_hit += cell.counts.num_calls_hit;
        if let Some(bucket) = cell.bucket {
            pass.days.entry(period.day_of(bucket.start)).or_default().num_hit += cell.counts.num_calls_hit;
        }
    }
    pass
}

/// What a report was made from, so that two reports can be told to rest on the same facts.
pub(super) fn basis(ground: &Ground<'_>, newest: Option<jiff::Timestamp>) -> Vec<(String, String)> {
    let Ground { catalog, period, now, .. } = ground;
    let entry = |label: &str, text: String| (label.to_owned(), text);
    let mut basis = vec![entry("期间", period.title()), entry("时区", period.zone_name().to_owned())];
    // Once there is a later call, calls of later periods change nothing of its report. Without one nobody knows whether more
    // are to come: no clock is asked.
    if let Some(newest) = newest.filter(|newest| period.range().before.is_some_and(|end| *newest < end)) {
        let local = period.zone().to_datetime(newest);
        basis.push(entry(
            "数据截至",
            format!("{}（库里最晚的一通；如本期尚未结束，数字还会变）", local.strftime("%Y-%m-%d %H:%M")),
        ));
    }
    let revisions: Vec<String> = now
        .revisions
        .iter()
        .map(|((scheme, revision), calls)| {
            format!("{scheme} {} × {}", short(revision), Value::Count(*calls).shown())
        })
        .collect();
    if !revisions.is_empty() {
        basis.push(entry("方案版本", revisions.join("，")));
    }
    basis.push(entry("数据指纹", fingerprint(catalog, super::facts_range(period))));
    basis
}

/// A revision without most of its digest.
pub(super) fn short(revision: &str) -> String {
    crate::report::model::clean(revision).chars().take(20).collect()
}

/// A digest of the facts of all calls that began in `started`: the same for the same facts, in whatever order they came.
fn fingerprint(catalog: &Catalog, started: TimeRange) -> String {
    let query = CallQuery { started, ..CallQuery::default() };
    let (mut sum, mut text) = (0_u128, String::new());
    for call in catalog.chosen(&query) {
        // Numbers tell the order in which calls came and were judged, nothing of the calls.
        let facts = CallFacts { number: 0, change: 0, result: 0, ..call.clone() };
        text.clear();
        // Writing into a text cannot fail.
        write!(text, "{facts:?}").ok();
        let digest = Sha256::digest(&text);
        let (first, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        sum = sum.wrapping_add(u128::from_be_bytes(*first));
    }
    format!("{sum:032x}").chars().take(16).collect()
}
