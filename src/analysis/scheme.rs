//! How findings become a score and alerts, as data: schemes, risk models, and packs as read.
//!
//! Nothing here is judged; every value has passed the reader's checks.

use std::collections::BTreeMap;

use jiff::tz::{Offset, TimeZone};

use super::behaviour::Case;
use super::coaching::Coaching;
use super::expression::Expr;
use super::rule::Rule;
use super::{Level, ManualItem};
use crate::types::{Millis, RuleId, Score};

/// One dimension of a scheme.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Points it starts with.
    pub full: Score,
    /// Most points it can lose.
    pub cap: Score,
    /// What a point of it counts in the whole score.
    pub weight: f64,
}

/// What a level costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelCost {
    /// Points; negative takes.
    pub points: Score,
    /// Whether it brings the whole score to the lower bound.
    pub veto: bool,
}

/// How findings become a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// Its name.
    pub name: String,
    /// Its version as the author counts.
    pub version: String,
    /// What a call without a finding gets.
    pub base: Score,
    /// No score is lower.
    pub lower: Score,
    /// No score is higher.
    pub upper: Score,
    /// A call has no score when fewer of the rules that can move points were judged, in percent. Rules whose
    /// prerequisite is absent had no occasion and count neither way.
    pub min_judged_percent: u32,
    /// A call has no score when the agent says fewer characters, if any rule that can move points binds the agent.
    pub min_agent_chars: u32,
    /// Share of the points that a forbidden phrase costs when only its sound matched, 0 to 1; it never vetoes then.
    pub homophone_weight: f64,
    /// Below this confidence of the recogniser, 0 to 1, words prove nothing: a hit that rests on them alone is N/A.
    pub min_confidence: f32,
    /// Minutes that the local time of the calls is ahead of UTC.
    pub utc_offset_minutes: i32,
    /// In the order of the report.
    pub dimensions: Vec<Dimension>,
    /// By level.
    pub levels: BTreeMap<Level, LevelCost>,
    /// What is scored by hand.
    pub manual: Vec<ManualItem>,
    /// Its text in one form whatever the layout; empty for the default scheme.
    pub canonical: String,
}

impl Scheme {
    /// Points and veto of one hit, by the rule itself or its level.
    pub(super) fn price(&self, rule: &Rule) -> (Score, bool) {
        let level = self.levels.get(&rule.level);
        let points = rule.scoring.points.or(level.map(|cost| cost.points)).unwrap_or(Score::ZERO);
        let veto = rule.scoring.veto.or(level.map(|cost| cost.veto)).unwrap_or(false);
        (points, veto)
    }
}

impl Default for Scheme {
    fn default() -> Self {
        let dimension = |name: &str, full| Dimension {
            name: name.to_owned(),
            full: Score::from_points(full),
            cap: Score::from_points(full),
            weight: 1.0,
        };
        let cost = |points, veto| LevelCost { points: Score::from_points(points), veto };
        Self {
            name: "default".to_owned(),
            version: "1".to_owned(),
            base: Score::from_points(100),
            lower: Score::ZERO,
            upper: Score::from_points(100),
            min_judged_percent: 40,
            min_agent_chars: 20,
            homophone_weight: 0.5,
            min_confidence: 0.0,
            utc_offset_minutes: 8 * 60,
            dimensions: vec![
                dimension("服务规范", 30),
                dimension("销售合规", 30),
                dimension("信息安全", 20),
                dimension("业务能力", 20),
            ],
            levels: BTreeMap::from([
                (Level::S1, cost(-30, true)),
                (Level::S2, cost(-20, false)),
                (Level::S3, cost(-10, false)),
                (Level::S4, cost(-5, false)),
                (Level::S5, cost(0, false)),
            ]),
            manual: Vec::new(),
            canonical: String::new(),
        }
    }
}

impl Scheme {
    /// The zone of the centre's clocks: that of every time that names none, and the one that times are shown in.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        let offset = Offset::from_seconds(self.utc_offset_minutes.saturating_mul(60));
        offset.map_or(TimeZone::UTC, TimeZone::fixed)
    }
}

/// One part of a risk model: so many hits of these rules within a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Its name in the model.
    pub id: String,
    /// Any of these rules.
    pub rules: Vec<RuleId>,
    /// How many hits it takes, over all the rules.
    pub hits: u32,
    /// Within so long; `None`: in the call.
    pub within: Option<Millis>,
}

/// When somebody must be told at once (预警策略).
#[derive(Debug, Clone, PartialEq)]
pub struct RiskModel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How urgent.
    pub level: Level,
    /// How its signals add up.
    pub when: Expr,
    /// Its signals.
    pub signals: Vec<Signal>,
    /// After an alert for the same customer, none for so long.
    pub quiet: Millis,
    /// At most so many alerts of it a day for the same customer; `None`: any number.
    pub max_a_day: Option<u32>,
    /// Its text in one form whatever the layout.
    pub canonical: String,
    /// The text it stands in.
    pub source_name: String,
    /// Its line there, from 1.
    pub line: usize,
}

/// A revision that was published: its content never changes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) scheme: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) source_name: String,
    pub(super) line: usize,
}

/// One text of rules as read.
#[derive(Debug, Clone, Default)]
pub(super) struct Pack {
    /// Words that the recogniser misspells: their homophones are read as them before expressions run.
    pub(super) confusable: Vec<String>,
    /// Its rules.
    pub(super) rules: Vec<Rule>,
    /// Its scheme, when it has one.
    pub(super) scheme: Option<Scheme>,
    /// Its risk models.
    pub(super) risks: Vec<RiskModel>,
    /// What it says about people.
    pub(super) coaching: Coaching,
    /// Calls with what is expected of all rules together.
    pub(super) cases: Vec<Case>,
    /// Revisions that it knows to be published.
    pub(super) published: Vec<Published>,
    /// Everything that judges, in one form whatever the layout: no comments, tests, cases or published revisions.
    pub(super) canonical: String,
}
