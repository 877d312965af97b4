//! Judges the conditions of one rule and adds them up by its expression, with three answers.
//!
//! Invariant: what is found by not finding (`!`, `none`) is unknown where somebody unknown, or nobody understood, may have
//! said it.

use super::acoustic::{self, View};
use super::compile::{CompiledCondition, CompiledRule};
use super::composite;
use super::expression::Expr;
use super::found::{Anchors, Found, Measured, Place, Reach, Said};
use super::operator::{Operator, Repeat};
use super::rule::{Anchor, AnchorHit, Condition, RoleScope};
use super::scene::Scene;
use super::textual::{Dropped, Sieve};
use super::{MatchMode, conduct, entity, textual};

/// What a condition or an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// It is met, by these hits; none when it is met by absence.
    Met(Vec<Found>),
    /// It is not met. `doubt`: why it may be met all the same.
    NotMet { doubt: Option<&'static str> },
    /// It cannot be judged, for this reason.
    Unjudged(&'static str),
}

impl Outcome {
    pub(super) fn not_met() -> Self {
        Self::NotMet { doubt: None }
    }

    fn measured(outcome: acoustic::Outcome, notes: &mut Vec<String>) -> Self {
        match outcome {
            acoustic::Outcome::Met(found) => Self::Met(found.into_iter().map(Found::Measured).collect()),
            acoustic::Outcome::NotMet(shown) => {
                if !shown.is_empty() {
                    notes.push(shown);
                }
                Self::not_met()
            }
            acoustic::Outcome::Unmeasured(reason) => Self::Unjudged(reason),
        }
    }
}

/// The conditions of one rule on one call.
pub(super) struct Judge<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) compiled: &'a CompiledRule,
    /// By condition.
    pub(super) outcomes: Vec<Outcome>,
    /// What is worth knowing about each condition; empty unless traced.
    pub(super) notes: Vec<Vec<String>>,
    tracing: bool,
}

impl<'a> Judge<'a> {
    /// Judges every condition of the rule.
    pub(super) fn new(scene: &'a Scene<'a>, compiled: &'a CompiledRule, tracing: bool) -> Self {
        let count = compiled.rule.conditions.len();
        let outcomes = vec![Outcome::not_met(); count];
        let notes = if tracing { vec![Vec::new(); count] } else { Vec::new() };
        let mut judge = Self { scene, compiled, outcomes, notes, tracing };
        for index in &compiled.order {
            let (Some(condition), Some(parts)) =
                (compiled.rule.conditions.get(*index), compiled.conditions.get(*index))
            else {
                continue;
            };
            let mut notes = Vec::new();
            let outcome = judge.judge_condition(condition, parts, &mut notes);
            if let Some(slot) = judge.outcomes.get_mut(*index) {
                *slot = outcome;
            }
            if let Some(slot) = judge.notes.get_mut(*index) {
                *slot = notes;
            }
        }
        judge
    }

    /// What an expression over the conditions comes to.
    pub(super) fn combine(&self, expr: &Expr) -> Outcome {
        match expr {
            Expr::Leaf(index) => self.outcomes.get(*index).cloned().unwrap_or(Outcome::not_met()),
            Expr::Not(inner) => match self.combine(inner) {
                Outcome::Met(_) => Outcome::not_met(),
                Outcome::NotMet { doubt: Some(reason) } | Outcome::Unjudged(reason) => {
                    Outcome::Unjudged(reason)
                }
                Outcome::NotMet { doubt: None } => Outcome::Met(Vec::new()),
            },
            Expr::And(parts) => {
                let (mut all, mut unjudged, mut refused) = (Vec::new(), None, None::<Option<&str>>);
                for part in parts {
                    match self.combine(part) {
                        Outcome::Met(found) => all.extend(found),
                        // One that is certainly not met settles it.
                        Outcome::NotMet { doubt: None } => refused = Some(None),
                        Outcome::NotMet { doubt } => refused = Some(refused.unwrap_or(doubt).and(doubt)),
                        Outcome::Unjudged(reason) => unjudged = unjudged.or(Some(reason)),
                    }
                }
                match (refused, unjudged) {
                    (Some(doubt), _) => Outcome::NotMet { doubt },
                    (None, Some(reason)) => Outcome::Unjudged(reason),
                    (None, None) => Outcome::Met(all),
                }
            }
            Expr::Or(parts) => {
                let (mut all, mut any, mut unjudged, mut doubt) = (Vec::new(), false, None, None);
                for part in parts {
                    match self.combine(part) {
                        Outcome::Met(found) => {
                            any = true;
                            all.extend(found);
                        }
                        Outcome::NotMet { doubt: own } => doubt = doubt.or(own),
                        Outcome::Unjudged(reason) => unjudged = unjudged.or(Some(reason)),
                    }
                }
                match unjudged {
                    _ if any => Outcome::Met(all),
                    Some(reason) => Outcome::Unjudged(reason),
                    None => Outcome::NotMet { doubt },
                }
            }
        }
    }

    fn judge_condition(
        &self,
        condition: &Condition,
        parts: &CompiledCondition,
        notes: &mut Vec<String>,
    ) -> Outcome {
        let Some(anchor) = condition.anchor else { return self.judge_at(condition, parts, None, notes) };
        let found = match self.outcomes.get(anchor.condition) {
            Some(Outcome::Met(found)) => found,
            Some(Outcome::Unjudged(reason)) => return Outcome::Unjudged(reason),
            Some(Outcome::NotMet { .. }) | None => return Outcome::Unjudged("anchor_absent"),
        };
        let mut places: Vec<Place> =
            found.iter().filter_map(|found| Place::of(&self.scene.script, found)).collect();
        places.sort_by_key(Place::order);
        places.dedup();
        match anchor.hit {
            AnchorHit::Any => {}
            AnchorHit::Every => return self.judge_every(condition, parts, anchor, places, notes),
            AnchorHit::Nth(wanted) => {
                places = places.get(wanted as usize - 1).map(|place| vec![*place]).unwrap_or_default();
            }
            AnchorHit::Last => places = places.last().map(|place| vec![*place]).unwrap_or_default(),
        }
        if places.is_empty() {
            return Outcome::Unjudged("anchor_absent");
        }
        self.judge_at(condition, parts, Some(Anchors { anchor, places }), notes)
    }

    /// Met when it is met at each of `places`.
    fn judge_every(
        &self,
        condition: &Condition,
        parts: &CompiledCondition,
        anchor: Anchor,
        places: Vec<Place>,
        notes: &mut Vec<String>,
    ) -> Outcome {
        if places.is_empty() {
            return Outcome::Unjudged("anchor_absent");
        }
        let mut all = Vec::new();
        for place in places {
            let anchors = Anchors { anchor, places: vec![place] };
            match self.judge_at(condition, parts, Some(anchors), notes) {
                Outcome::Met(found) => all.extend(found),
                other @ (Outcome::NotMet { .. } | Outcome::Unjudged(_)) => return other,
            }
        }
        Outcome::Met(all)
    }

    fn judge_at(
        &self,
        condition: &Condition,
        parts: &CompiledCondition,
        anchors: Option<Anchors>,
        notes: &mut Vec<String>,
    ) -> Outcome {
        let scene = self.scene;
        let reach = Reach { script: &scene.script, role: condition.role, range: &condition.range, anchors };
        let sieve = Sieve::new(condition, &reach, self.tracing);
        let said = match &condition.operator {
            Operator::Keyword(keyword) => {
                textual::judge_keyword(&scene.set.matcher, &scene.hits, parts, keyword, &sieve)
            }
            Operator::Regex(regex) => {
                let possible =
                    parts.regex.is_some_and(|index| scene.candidates.binary_search(&index).is_ok());
                if possible { textual::judge_regex(regex, &sieve) } else { textual::Outcome::NotMet }
            }
            Operator::Similar(_) => textual::judge_said(self.similar(parts.samples.clone()), &sieve),
            Operator::Repeat(repeat) => textual::judge_said(self.repeated(condition, repeat), &sieve),
            Operator::Entity(entity) => textual::judge_said(entity::find(&scene.script, entity), &sieve),
            Operator::FlowBroken(flow) => return composite::flow_broken(self, flow, notes),
            Operator::WrongAnswer(check) => return composite::wrong_answer(self, condition, parts, check),
            Operator::PastCalls(wanted) => return composite::past_calls(scene, wanted, notes),
            Operator::Metadata(facts) => return composite::metadata(scene, facts),
            Operator::Rule(id) => return composite::rule_hit(scene, id),
            Operator::Silence(_)
            | Operator::SilenceShare(_)
            | Operator::Pace(_)
            | Operator::Overlap(_)
            | Operator::FirstResponse { .. }
            | Operator::ResponseTime(_)
            | Operator::Loudness(_)
            | Operator::Sentiment(_)
            | Operator::HangUp(_)
            | Operator::Duration(_)
            | Operator::SentenceCount(..)
            | Operator::TalkShare(_)
            | Operator::Density(_)
            | Operator::PoliteShare(..) => return self.measure(condition, &reach, notes),
        };
        let outcome = match said {
            // Words that must be absent: they may have been said all the same.
            textual::Outcome::Met(said) if said.is_empty() => match scene.doubt(condition.role) {
                Some(reason) => Outcome::Unjudged(reason),
                None => Outcome::Met(Vec::new()),
            },
            textual::Outcome::Met(said) => Outcome::Met(said.into_iter().map(Found::Said).collect()),
            textual::Outcome::NotMet => Outcome::NotMet { doubt: scene.doubt(condition.role) },
            textual::Outcome::NoTimes => Outcome::Unjudged("no_audio"),
        };
        notes.extend(sieve.into_dropped().iter().map(|(said, why)| self.tell(said, *why)));
        outcome
    }

    fn measure(&self, condition: &Condition, reach: &Reach<'_>, notes: &mut Vec<String>) -> Outcome {
        if !self.scene.knows_role(condition.role) {
            return Outcome::Unjudged("role_unknown");
        }
        let (dialogue, metadata, script) = (self.scene.dialogue, self.scene.metadata, &self.scene.script);
        let view = View { dialogue, metadata, script, condition, reach };
        let outcome = match &condition.operator {
            Operator::Duration(_)
            | Operator::SentenceCount(..)
            | Operator::TalkShare(_)
            | Operator::Density(_)
            | Operator::PoliteShare(..)
            | Operator::Sentiment(_) => conduct::judge(&view),
            Operator::Keyword(_)
            | Operator::Regex(_)
            | Operator::Similar(_)
            | Operator::Repeat(_)
            | Operator::Entity(_)
            | Operator::Silence(_)
            | Operator::SilenceShare(_)
            | Operator::Pace(_)
            | Operator::Overlap(_)
            | Operator::FirstResponse { .. }
            | Operator::ResponseTime(_)
            | Operator::Loudness(_)
            | Operator::HangUp(_)
            | Operator::FlowBroken(_)
            | Operator::WrongAnswer(_)
            | Operator::PastCalls(_)
            | Operator::Metadata(_)
            | Operator::Rule(_) => acoustic::judge(&view),
        };
        Outcome::measured(outcome, notes)
    }

    /// The sentences that are like samples of a range, each place once, the best first.
    pub(super) fn similar(&self, samples: std::ops::Range<u32>) -> Vec<Said> {
        let from = self.scene.similar.partition_point(|hit| hit.sample < samples.start);
        let to = self.scene.similar.partition_point(|hit| hit.sample < samples.end);
        let hits = self.scene.similar.get(from..to).unwrap_or_default();
        let mut said: Vec<Said> = hits.iter().map(|hit| hit.said.clone()).collect();
        said.sort_by(|one, other| {
            let key = |said: &Said| (said.stream, said.from);
            other.score.unwrap_or(0.0).total_cmp(&one.score.unwrap_or(0.0)).then(key(one).cmp(&key(other)))
        });
        let mut kept: Vec<Said> = Vec::new();
        for one in said {
            let overlaps =
                |other: &Said| other.stream == one.stream && other.from < one.to && one.from < other.to;
            if !kept.iter().any(overlaps) {
                kept.push(one);
            }
        }
        kept
    }

    /// The sentences that repeat an earlier one.
    fn repeated(&self, condition: &Condition, repeat: &Repeat) -> Vec<Said> {
        let scene = self.scene;
        let profiles = scene.profiles();
        let of = |sentence: &super::script::Sentence| match repeat.of {
            Some(role) => role.includes(sentence.role),
            None => condition.hears(sentence.role),
        };
        let length = |sentence: &super::script::Sentence| {
            let chars = scene
                .script
                .streams
                .get(sentence.stream)
                .and_then(|stream| stream.chars.get(sentence.chars.0..sentence.chars.1));
            chars.unwrap_or_default().iter().filter(|char| super::normalize::is_bare(**char)).count()
        };
        let mut earlier: Vec<usize> = Vec::new();
        let mut found = Vec::new();
        for (index, sentence) in scene.script.sentences.iter().enumerate() {
            let long = length(sentence) >= repeat.min_chars.max(1) as usize;
            let Some(profile) = profiles.get(index).and_then(Option::as_ref).filter(|_| long) else {
                continue;
            };
            if condition.hears(sentence.role) {
                let back = repeat.sentences.map_or(earlier.len(), |sentences| sentences as usize);
                let best = earlier
                    .iter()
                    .rev()
                    .take(back)
                    .filter_map(|other| Some((profiles.get(*other)?.as_ref()?.similarity(profile), *other)))
                    .filter(|(score, _)| *score >= repeat.score)
                    .max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
                if let Some((score, other)) = best {
                    let turn = scene.script.sentences.get(other).map_or(0, |other| other.turn);
                    found.push(Said {
                        stream: sentence.stream,
                        from: sentence.chars.0,
                        to: sentence.chars.1,
                        pattern: format!("第 {} 轮说过", scene.dialogue.place(turn).turn + 1),
                        mode: MatchMode::Similar,
                        tolerances: Vec::new(),
                        score: Some(score as f32),
                    });
                }
            }
            if of(sentence) {
                earlier.push(index);
            }
        }
        found
    }

    fn tell(&self, said: &Said, why: Dropped) -> String {
        let stream = self.scene.script.streams.get(said.stream);
        let text: String = stream
            .and_then(|stream| stream.chars.get(said.from..said.to))
            .unwrap_or_default()
            .iter()
            .collect();
        let turn = stream
            .and_then(|stream| stream.origins.get(said.from))
            .map_or(0, |origin| self.scene.dialogue.place(origin.turn).turn + 1);
        let why = match why {
            Dropped::OtherRole => "说话人不是要检查的一方".to_owned(),
            Dropped::OutOfPlace => "不在要检查的位置".to_owned(),
            Dropped::WithoutTime => "没有时间信息，无法确定位置".to_owned(),
            Dropped::Excluded => "被 exclude 排除".to_owned(),
            Dropped::LeftGuard => "被 left_guard 排除".to_owned(),
            Dropped::Guarded(name) => format!("被守卫 {name} 排除（{}）", guard_name(name)),
        };
        format!("第 {turn} 轮“{text}”不算：{why}")
    }
}

fn guard_name(name: &str) -> &'static str {
    match name {
        "negation" | "near_negation" => "前面是否定",
        "question" => "是在询问",
        _ => "是在转述或提醒",
    }
}

/// A fact that has the place of `found`, for what is found by comparing several hits.
pub(super) fn fact_at(
    scene: &Scene<'_>,
    found: &Found,
    limit: String,
    shown: String,
    value: f64,
) -> Measured {
    let place = Place::of(&scene.script, found);
    let sentence = place.map(|place| place.sentences.0);
    let turn =
        sentence.and_then(|index| scene.script.sentences.get(index as usize)).map(|sentence| sentence.turn);
    Measured { turn, sentence, between: false, span: place.and_then(|place| place.span), limit, shown, value }
}

/// The role of whoever talks with `role`.
pub(super) fn other_side(role: RoleScope) -> RoleScope {
    match role {
        RoleScope::Agent | RoleScope::Bot => RoleScope::Customer,
        RoleScope::Customer => RoleScope::Agent,
        RoleScope::Any => RoleScope::Any,
    }
}
