//! Judges a dialogue by compiled rules: one finding per rule, then the score and the alerts.
//!
//! Pure and deterministic. Invariant: a rule bound to a role never hits while nobody knows who speaks in that role, but
//! for watch rules, which take no points and then say that the speaker is unknown; and what cannot be judged is N/A with
//! its reason, never a hit and never a miss.

use std::collections::HashMap;

use super::compile::{CompiledRule, RuleSet};
use super::evidence::{of_measured, of_said};
use super::explain;
use super::fact::all_hold;
use super::found::{Found, Place};
use super::judge::{Judge, Outcome};
use super::rule::{Range, RoleScope, Rule, ScoreOn};
use super::scene::{CallInput, Judged, Scene};
use super::scorecard::{self, Ground};
use super::trace::{ConditionTrace, RuleTrace, trace};
use super::{
    Analysis, DimensionBasis, Evidence, Finding, MatchMode, RuleKind, RulePrice, ScoreBasis, Verdict,
};
use crate::dialogue::{Dialogue, MessageKind};
use crate::types::{CallMetadata, Millis, RuleId, Score, SpeakerRole};

/// Version of the engine that judged, for results that are compared later.
const ENGINE_VERSION: &str = concat!("rules-2/", env!("CARGO_PKG_VERSION"));

/// More places than this do not make a finding clearer; the first are kept.
const MAX_EVIDENCE: usize = 20;

impl RuleSet {
    /// Judges `dialogue` after its end and without the archive: see [`RuleSet::evaluate_call`].
    #[must_use]
    pub fn evaluate(&self, dialogue: &Dialogue, metadata: &CallMetadata) -> Analysis {
        self.evaluate_call(&CallInput { dialogue, metadata, history: None, live: false })
    }

    /// Judges a call: one finding per rule, hits by severity first, then N/A, then misses; and the score.
    ///
    /// Homophones count only for what a recogniser wrote, never in a chat. While the call runs only live rules are
    /// judged, only hits are told, and there is no score.
    #[must_use]
    pub fn evaluate_call(&self, input: &CallInput<'_>) -> Analysis {
        let (scene, mut findings, _) = self.judge_all(input, false);
        let groups = self.groups();
        let grouped = findings.iter().filter(|finding| groups.contains_key(&finding.rule_id));
        let mut held_back: Vec<(RuleId, Score)> =
            grouped.map(|finding| (finding.rule_id.clone(), finding.score_delta)).collect();
        scorecard::only_the_largest(&groups, &mut findings);
        held_back.retain(|(id, points)| {
            findings.iter().any(|finding| finding.rule_id == *id && finding.score_delta != *points)
        });
        if input.live {
            findings.retain(|finding| finding.verdict == Verdict::Hit);
        }
        let order = |finding: &Finding| match finding.verdict {
            Verdict::Hit => (0, Some(finding.level)),
            Verdict::NotApplicable => (1, None),
            Verdict::Miss => (2, None),
        };
        // Findings are large: this moves each once.
        findings.sort_by_cached_key(order);
        let ground = self.ground(scene.dialogue);
        let mut scorecard = scorecard::score(&self.scheme, &self.revision, &findings, &ground);
        if input.live {
            (scorecard.scored, scorecard.unscored_reason) = (false, Some("live".to_owned()));
            (scorecard.score, scorecard.vetoed) = (Score::ZERO, false);
        } else {
            scorecard.basis = Some(Box::new(self.basis(&ground, held_back)));
        }
        Analysis { findings, scorecard, engine_version: ENGINE_VERSION.to_owned() }
    }

    /// Tells for each rule, in the order of the pack, why it hit, did not hit or could not be judged.
    #[must_use]
    pub fn explain(&self, input: &CallInput<'_>) -> Vec<RuleTrace> {
        self.judge_all(input, true).2
    }

    fn judge_all<'a>(
        &'a self,
        input: &CallInput<'a>,
        tracing: bool,
    ) -> (Scene<'a>, Vec<Finding>, Vec<RuleTrace>) {
        let mut scene = Scene::new(self, input);
        let mut findings: Vec<Option<Finding>> = Vec::new();
        findings.resize_with(self.rules.len(), || None);
        let mut traces: Vec<(usize, RuleTrace)> = Vec::new();
        for index in &self.order {
            let Some(compiled) = self.rules.get(*index) else { continue };
            if input.live && !compiled.rule.live {
                continue;
            }
            let (judged, finding, told) = judge_rule(&scene, compiled, tracing);
            if let Some(slot) = scene.judged.get_mut(*index) {
                *slot = Some(judged);
            }
            if let Some(slot) = findings.get_mut(*index) {
                *slot = Some(finding);
            }
            traces.extend(told.map(|told| (*index, told)));
        }
        traces.sort_by_key(|(index, _)| *index);
        let traces = traces.into_iter().map(|(_, told)| told).collect();
        (scene, findings.into_iter().flatten().collect(), traces)
    }

    /// What a score of this dialogue would rest on.
    fn ground(&self, dialogue: &Dialogue) -> Ground<'_> {
        let typed = dialogue.turns.iter().filter(|turn| turn.kind == MessageKind::Text);
        let agent = typed.filter(|turn| turn.role == SpeakerRole::Agent);
        Ground {
            movable: &self.movable,
            binds_agent: self.binds_agent,
            num_agent_chars: agent.map(|turn| super::normalize::bare(&turn.text).len()).sum(),
        }
    }

    /// Which rules are in which group.
    fn groups(&self) -> HashMap<&RuleId, &str> {
        self.rules().filter_map(|rule| Some((&rule.id, rule.scoring.group.as_deref()?))).collect()
    }

    /// What is kept of the rules and the scheme beside a score.
    fn basis(&self, ground: &Ground<'_>, held_back: Vec<(RuleId, Score)>) -> ScoreBasis {
        let scheme = &self.scheme;
        let price = |rule: &Rule| {
            let (hit, veto) = self.cost(rule, Verdict::Hit, 1, &[]);
            let (miss, _) = self.cost(rule, Verdict::Miss, 1, &[]);
            RulePrice { id: rule.id.clone(), hit, miss, veto, group: rule.scoring.group.clone() }
        };
        ScoreBasis {
            lower: scheme.lower,
            upper: scheme.upper,
            min_judged_percent: scheme.min_judged_percent,
            min_agent_chars: scheme.min_agent_chars,
            num_agent_chars: ground.num_agent_chars as u64,
            binds_agent: ground.binds_agent,
            dimensions: scheme
                .dimensions
                .iter()
                .map(|dimension| DimensionBasis { cap: dimension.cap, weight: dimension.weight })
                .collect(),
            rules: self.rules().filter(|rule| self.movable.contains(&rule.id)).map(price).collect(),
            held_back,
            manual: scheme.manual.clone(),
        }
    }

    /// What a verdict does to the score.
    fn cost(&self, rule: &Rule, verdict: Verdict, num_hits: usize, evidence: &[Evidence]) -> (Score, bool) {
        let scores = match rule.scoring.on {
            ScoreOn::Hit => verdict == Verdict::Hit,
            ScoreOn::Miss => verdict == Verdict::Miss,
        };
        // What the customer says is never held against the agent.
        if rule.kind == RuleKind::Watch || !scores {
            return (Score::ZERO, false);
        }
        let (points, veto) = self.scheme.price(rule);
        let mut points = points.as_f64();
        let mut veto = veto && rule.scoring.on == ScoreOn::Hit;
        if rule.kind == RuleKind::Forbidden && only_by_sound(evidence) {
            points *= self.scheme.homophone_weight;
            veto = false;
        }
        if rule.scoring.per_hit {
            points *= num_hits.max(1) as f64;
        }
        if let Some(cap) = rule.scoring.cap.map(Score::as_f64) {
            points = points.clamp(-cap, cap);
        }
        (Score::from_f64(points).unwrap_or(Score::ZERO), veto)
    }
}

fn judge_rule(
    scene: &Scene<'_>,
    compiled: &CompiledRule,
    tracing: bool,
) -> (Judged, Finding, Option<RuleTrace>) {
    let rule = &compiled.rule;
    let (judged, judge) = verdict(scene, compiled, tracing);
    let mut evidence = judged.evidence.clone();
    evidence.truncate(MAX_EVIDENCE);
    let set = scene.set;
    let (score_delta, veto) = set.cost(rule, judged.verdict, judged.found.len(), &evidence);
    let explanation = match judged.reason {
        Some(reason) => explain::not_applicable(rule, reason),
        None => explain::verdict(rule, judged.verdict, &evidence, set.scheme.homophone_weight),
    };
    let conditions = match (&judge, judged.verdict) {
        (Some(judge), Verdict::Hit) if !tracing => trace(judge, false),
        (Some(judge), _) if tracing => trace(judge, true),
        (_, _) => Vec::new(),
    };
    let told = tracing.then(|| RuleTrace::new(rule, &judged, &explanation, conditions.clone()));
    let finding = Finding {
        rule_id: rule.id.clone(),
        rule_name: rule.name.clone(),
        kind: rule.kind,
        level: rule.level,
        dimension: rule.dimension.clone(),
        verdict: judged.verdict,
        score_delta,
        veto,
        evidence,
        explanation,
        not_applicable_reason: judged.reason.map(str::to_owned),
        num_hits: u32::try_from(judged.found.len()).unwrap_or(u32::MAX),
        conditions: conditions.iter().map(ConditionTrace::snapshot).collect(),
        agent_id: None,
    };
    (judged, finding, told)
}

fn verdict<'a>(
    scene: &'a Scene<'a>,
    compiled: &'a CompiledRule,
    tracing: bool,
) -> (Judged, Option<Judge<'a>>) {
    let rule = &compiled.rule;
    let unjudged = |reason| Judged {
        verdict: Verdict::NotApplicable,
        reason: Some(reason),
        found: Vec::new(),
        evidence: Vec::new(),
    };
    if let Some(reason) = out_of_scope(scene, rule) {
        let judge = tracing.then(|| Judge::new(scene, compiled, tracing));
        return (unjudged(reason), judge);
    }
    let judge = Judge::new(scene, compiled, tracing);
    if let Some(reason) = without_occasion(rule, &judge) {
        return (unjudged(reason), Some(judge));
    }
    let (verdict, found) = match (judge.combine(&rule.when), rule.kind) {
        (Outcome::Unjudged(reason), _) => return (unjudged(reason), Some(judge)),
        (Outcome::Met(found), RuleKind::Required) => (Verdict::Miss, found),
        (Outcome::NotMet { .. }, RuleKind::Required) if scene.has_unknown() => {
            // Somebody whose role nobody knows may have said it.
            return (unjudged("role_unknown"), Some(judge));
        }
        // Nothing heard is a broken recording or a call that never was, not a missing phrase.
        (Outcome::NotMet { .. }, RuleKind::Required) if !scene.speaks(rule.role) => {
            return (unjudged("no_speech"), Some(judge));
        }
        // It may be what could not be made out.
        (Outcome::NotMet { doubt: Some(reason) }, RuleKind::Required) => {
            return (unjudged(reason), Some(judge));
        }
        (Outcome::NotMet { .. }, RuleKind::Required) => (Verdict::Hit, Vec::new()),
        (Outcome::Met(found), _) => (Verdict::Hit, found),
        (Outcome::NotMet { .. }, _) => (Verdict::Miss, Vec::new()),
    };
    if verdict == Verdict::Hit
        && let Some(unless) = &rule.unless
    {
        match judge.combine(unless) {
            Outcome::Met(_) => return (unjudged("excepted"), Some(judge)),
            Outcome::NotMet { .. } | Outcome::Unjudged("anchor_absent") => {}
            Outcome::Unjudged(reason) => return (unjudged(reason), Some(judge)),
        }
    }
    let found = in_order(scene, found);
    let evidence = of_found(scene, rule, &judge, &found);
    if let Some(reason) = too_unsure(scene, rule, verdict, &evidence) {
        return (unjudged(reason), Some(judge));
    }
    (Judged { verdict, reason: None, found, evidence }, Some(judge))
}

/// Why a rule is not for this call at all.
fn out_of_scope(scene: &Scene<'_>, rule: &Rule) -> Option<&'static str> {
    match all_hold(&rule.applies, scene.metadata, scene.local) {
        Some(true) => {}
        Some(false) => return Some("not_in_scope"),
        None => return Some("metadata_absent"),
    }
    if rule.effective_from.is_some() || rule.effective_until.is_some() {
        let Some(began) = scene.local else { return Some("metadata_absent") };
        let early = rule.effective_from.is_some_and(|from| began < from);
        if early || rule.effective_until.is_some_and(|until| began >= until) {
            return Some("not_in_force");
        }
    }
    // A watch rule costs nobody anything, and a threat that is missed costs more than one shown in vain.
    if rule.kind != RuleKind::Watch && !scene.knows_role(rule.role) {
        return Some("role_unknown");
    }
    if rule.role != RoleScope::Any && rule.kind != RuleKind::Watch && scene.dialogue.has_disputed_roles() {
        return Some("role_disputed");
    }
    if scene.dialogue.goes_on && rule.kind == RuleKind::Required && closes(rule) {
        return Some("transferred");
    }
    let duration = scene.dialogue.timing.duration;
    (duration > Millis::ZERO && duration < rule.min_call).then_some("too_short")
}

/// Whether a rule asks only for what is said at the end of a call.
fn closes(rule: &Rule) -> bool {
    let own = rule.conditions.get(..rule.parts.0).unwrap_or_default();
    let at_end = |range: &Range| range.last_sentences.is_some() || range.last.is_some();
    !own.is_empty() && own.iter().all(|condition| at_end(&condition.range))
}

/// Why a rule had no occasion to be kept or broken.
fn without_occasion(rule: &Rule, judge: &Judge<'_>) -> Option<&'static str> {
    match judge.combine(rule.only_if.as_ref()?) {
        Outcome::Met(_) => None,
        Outcome::NotMet { .. } | Outcome::Unjudged("anchor_absent") => Some("prerequisite_absent"),
        Outcome::Unjudged(reason) => Some(reason),
    }
}

/// Why what was found proves too little: the recogniser is hardly sure of any of the words.
fn too_unsure(
    scene: &Scene<'_>,
    rule: &Rule,
    verdict: Verdict,
    evidence: &[Evidence],
) -> Option<&'static str> {
    let limit = scene.set.scheme.min_confidence;
    if limit <= 0.0 || verdict != Verdict::Hit || rule.kind == RuleKind::Watch {
        return None;
    }
    let unsure = |confidence: Option<f32>| confidence.is_some_and(|confidence| confidence < limit);
    if rule.kind == RuleKind::Required {
        // What was to be said may be in what was hardly understood.
        let mut turns = scene.dialogue.turns.iter().filter(|turn| rule.role.includes(turn.role)).peekable();
        let none_sure = turns.peek().is_some() && turns.all(|turn| unsure(turn.confidence));
        return none_sure.then_some("low_confidence");
    }
    let said: Vec<_> = evidence.iter().filter(|one| one.mode != MatchMode::Measured).collect();
    let all_unsure = !said.is_empty() && said.iter().all(|one| unsure(one.confidence));
    all_unsure.then_some("low_confidence")
}

/// By place, without doubles: of what overlaps, one is kept; exact before homophone, then the longer.
fn in_order(scene: &Scene<'_>, mut found: Vec<Found>) -> Vec<Found> {
    let place = |one: &Found| Place::of(&scene.script, one);
    found.sort_by_key(|one| {
        let chars = match one {
            Found::Said(said) => (said.to, said.mode == MatchMode::Homophone),
            Found::Measured(_) => (usize::MAX, false),
        };
        (place(one).map(|place| place.order()), chars)
    });
    let worth = |one: &Found| match one {
        Found::Said(said) => (said.mode != MatchMode::Homophone, said.to - said.from),
        Found::Measured(_) => (true, 0),
    };
    let is_double = |earlier: &Found, later: &Found| match (earlier, later) {
        (Found::Said(one), Found::Said(other)) => one.stream == other.stream && other.from < one.to,
        (one, other) => one == other,
    };
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        match kept.last_mut().filter(|last| is_double(last, &one)) {
            Some(last) if worth(&one) > worth(last) => *last = one,
            Some(_) => {}
            None => kept.push(one),
        }
    }
    kept
}

/// The evidence of what was found, each with the condition that found it.
fn of_found(scene: &Scene<'_>, rule: &Rule, judge: &Judge<'_>, found: &[Found]) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for one in found {
        let finder = judge.outcomes.iter().position(|outcome| match outcome {
            Outcome::Met(own) => own.contains(one),
            Outcome::NotMet { .. } | Outcome::Unjudged(_) => false,
        });
        let id = finder.and_then(|index| rule.conditions.get(index)).map(|condition| condition.id.clone());
        let pieces = match one {
            Found::Said(said) => of_said(scene.dialogue, &scene.script, said),
            Found::Measured(measured) => vec![of_measured(scene.dialogue, measured)],
        };
        let id = id.unwrap_or_default();
        evidence.extend(pieces.into_iter().map(|piece| Evidence { condition: id.clone(), ..piece }));
    }
    evidence
}

/// Whether all that was found rests on the sound of words alone.
pub(super) fn only_by_sound(evidence: &[Evidence]) -> bool {
    !evidence.is_empty() && evidence.iter().all(|evidence| evidence.mode == MatchMode::Homophone)
}
