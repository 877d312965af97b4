//! Judges a dialogue by compiled rules: one finding per rule, then the score.
//!
//! Pure and deterministic. Invariant: a rule bound to a role never hits while nobody knows who speaks in that role, but
//! for watch rules, which take no points and then say that the speaker is unknown; and what cannot be judged is N/A with its reason, never a hit and never a miss.

use super::compile::{CompiledCondition, CompiledRule, RuleSet};
use super::evidence::{of_measured, of_said};
use super::explain;
use super::matching::Hit;
use super::rule::{Operator, Quantity, RoleScope, Rule};
use super::scorecard::Ground;
use super::script::Script;
use super::{Analysis, Evidence, Finding, MatchMode, RuleKind, Verdict};
use super::{acoustic, scorecard, textual};
use crate::dialogue::Dialogue;
use crate::types::{CallMetadata, Media, Millis, Score, SpeakerRole};

/// Version of the engine that judged, for results that are compared later.
const ENGINE_VERSION: &str = concat!("rules-1/", env!("CARGO_PKG_VERSION"));

/// Nobody says a required phrase in less.
const SHORTEST_PHRASE: Millis = Millis(1_000);

/// More places than this do not make a finding clearer; the first are kept.
const MAX_EVIDENCE: usize = 20;

/// What a condition or a rule's conditions together come to.
#[derive(Debug)]
pub(super) enum Outcome {
    Met(Vec<Evidence>),
    NotMet,
    Unjudged(&'static str),
}

/// Everything a rule is judged by.
struct Case<'a> {
    dialogue: &'a Dialogue,
    media: Media,
    script: Script,
    hits: Vec<Hit>,
    set: &'a RuleSet,
}

impl RuleSet {
    /// Judges `dialogue`: one finding per rule, hits by severity first, then N/A, then misses; and the score.
    ///
    /// Homophones count only for what a recogniser wrote, never in a chat.
    #[must_use]
    pub fn evaluate(&self, dialogue: &Dialogue, metadata: &CallMetadata) -> Analysis {
        let mut script = Script::new(dialogue);
        let by_sound = metadata.media != Media::Chat;
        if by_sound {
            self.matcher.restore(&mut script);
        }
        let hits = self.matcher.find(&script, by_sound);
        let case = Case { dialogue, media: metadata.media, script, hits, set: self };
        let mut findings: Vec<Finding> = self.rules.iter().map(|rule| case.judge(rule)).collect();
        let order = |finding: &Finding| match finding.verdict {
            Verdict::Hit => (0, Some(finding.level)),
            Verdict::NotApplicable => (1, None),
            Verdict::Miss => (2, None),
        };
        findings.sort_by_key(order);
        let scorecard = scorecard::score(&self.scheme, &self.revision, &findings, &self.ground(dialogue));
        Analysis { findings, scorecard, engine_version: ENGINE_VERSION.to_owned() }
    }
}

impl RuleSet {
    /// What a score of this dialogue would rest on.
    fn ground(&self, dialogue: &Dialogue) -> Ground<'_> {
        let costs = |rule: &&Rule| {
            let level = self.scheme.levels.get(&rule.level);
            let points = rule.score.or(level.map(|cost| cost.points)).unwrap_or(Score::ZERO);
            let veto = rule.veto.or(level.map(|cost| cost.veto)).unwrap_or(false);
            rule.kind != RuleKind::Watch && (points != Score::ZERO || veto)
        };
        let agent = dialogue.turns.iter().filter(|turn| turn.role == SpeakerRole::Agent);
        Ground {
            movable: self.rules().filter(costs).map(|rule| &rule.id).collect(),
            binds_agent: self.rules().filter(costs).any(|rule| rule.role == RoleScope::Agent),
            num_agent_chars: agent.map(|turn| super::normalize::bare(&turn.text).len()).sum(),
        }
    }
}

impl Case<'_> {
    fn judge(&self, compiled: &CompiledRule) -> Finding {
        let rule = &compiled.rule;
        let (verdict, mut evidence, reason) = self.verdict(compiled);
        evidence.truncate(MAX_EVIDENCE);
        let (score_delta, veto) =
            if verdict == Verdict::Hit { self.cost(rule, &evidence) } else { (Score::ZERO, false) };
        let explanation = match reason {
            Some(reason) => explain::not_applicable(rule, reason),
            None => explain::verdict(compiled, verdict, &evidence, self.set.scheme.homophone_weight),
        };
        Finding {
            rule_id: rule.id.clone(),
            rule_name: rule.name.clone(),
            kind: rule.kind,
            level: rule.level,
            dimension: rule.dimension.clone(),
            verdict,
            score_delta,
            veto,
            evidence,
            explanation,
            not_applicable_reason: reason.map(str::to_owned),
        }
    }

    fn verdict(&self, compiled: &CompiledRule) -> (Verdict, Vec<Evidence>, Option<&'static str>) {
        let rule = &compiled.rule;
        let unjudged = |reason| (Verdict::NotApplicable, Vec::new(), Some(reason));
        // A watch rule costs nobody anything, and a threat that is missed costs more than one shown in vain.
        if rule.kind != RuleKind::Watch && !self.knows_role(rule.role) {
            return unjudged("role_unknown");
        }
        if rule.role != RoleScope::Any && rule.kind != RuleKind::Watch && self.dialogue.has_disputed_roles() {
            return unjudged("role_disputed");
        }
        let duration = self.dialogue.timing.duration;
        if duration > Millis::ZERO && duration < rule.min_call {
            return unjudged("too_short");
        }
        if !compiled.prerequisites.is_empty() {
            match self.combine(&compiled.prerequisites, Quantity::Any) {
                Outcome::Met(_) => {}
                Outcome::NotMet | Outcome::Unjudged(_) => return unjudged("prerequisite_absent"),
            }
        }
        match (self.combine(&compiled.conditions, rule.join), rule.kind) {
            (Outcome::Unjudged(reason), _) => unjudged(reason),
            (Outcome::Met(evidence), RuleKind::Required) => (Verdict::Miss, evidence, None),
            // Somebody whose role nobody knows may have said it.
            (Outcome::NotMet, RuleKind::Required) if self.has_unknown() => unjudged("role_unknown"),
            // Nothing heard is a broken recording or a call that never was, not a missing phrase.
            (Outcome::NotMet, RuleKind::Required) if !self.speaks(rule.role) => unjudged("no_speech"),
            // It may be what could not be made out.
            (Outcome::NotMet, RuleKind::Required) if self.may_have_missed(rule.role) => unjudged("unheard"),
            (Outcome::NotMet, RuleKind::Required) => (Verdict::Hit, Vec::new(), None),
            (Outcome::Met(evidence), _) => (Verdict::Hit, evidence, None),
            (Outcome::NotMet, _) => (Verdict::Miss, Vec::new(), None),
        }
    }

    /// Whether words of this role can be told. A known call in which the role never speaks counts as known.
    fn knows_role(&self, scope: RoleScope) -> bool {
        scope == RoleScope::Any || self.speaks(scope) || !self.has_unknown()
    }

    fn speaks(&self, scope: RoleScope) -> bool {
        self.dialogue.turns.iter().any(|turn| scope.includes(turn.role))
    }

    /// Whether somebody in `scope` may have said a whole phrase that could not be made out: on a channel where no other
    /// role is heard.
    fn may_have_missed(&self, scope: RoleScope) -> bool {
        self.dialogue.unheard.iter().any(|unheard| {
            let mut on_channel =
                self.dialogue.turns.iter().filter(|turn| turn.channel == unheard.channel).peekable();
            unheard.span.duration() >= SHORTEST_PHRASE
                && (on_channel.peek().is_none()
                    || on_channel.any(|turn| scope.includes(turn.role) || turn.role == SpeakerRole::Unknown))
        })
    }

    fn has_unknown(&self) -> bool {
        self.dialogue.turns.iter().any(|turn| turn.role == SpeakerRole::Unknown)
    }

    fn combine(&self, conditions: &[CompiledCondition], join: Quantity) -> Outcome {
        let mut all_evidence = Vec::new();
        let (mut num_met, mut unjudged) = (0, None);
        for condition in conditions {
            match self.judge_condition(condition) {
                Outcome::Met(evidence) => {
                    num_met += 1;
                    all_evidence.extend(evidence);
                }
                Outcome::NotMet => {}
                Outcome::Unjudged(reason) => unjudged = unjudged.or(Some(reason)),
            }
        }
        let met = match join {
            Quantity::All => num_met == conditions.len(),
            Quantity::Any | Quantity::AtLeast(_) | Quantity::None => num_met > 0,
        };
        match unjudged {
            _ if met => Outcome::Met(in_order(all_evidence)),
            Some(reason) => Outcome::Unjudged(reason),
            None => Outcome::NotMet,
        }
    }

    fn judge_condition(&self, compiled: &CompiledCondition) -> Outcome {
        let condition = &compiled.condition;
        let said = match &condition.operator {
            Operator::Keyword(keyword) => {
                textual::judge_keyword(&self.script, &self.set.matcher, &self.hits, compiled, keyword)
            }
            Operator::Regex(regex) => textual::judge_regex(&self.script, condition, regex),
            Operator::Silence(_)
            | Operator::SilenceShare { .. }
            | Operator::Pace(_)
            | Operator::Overlap(_)
            | Operator::FirstResponse { .. } => {
                if !self.knows_role(condition.role) {
                    return Outcome::Unjudged("role_unknown");
                }
                return match acoustic::judge(self.dialogue, &self.script, self.media, condition) {
                    acoustic::Outcome::Met(measured) => {
                        Outcome::Met(measured.iter().map(|fact| of_measured(self.dialogue, fact)).collect())
                    }
                    acoustic::Outcome::NotMet => Outcome::NotMet,
                    acoustic::Outcome::Unmeasured(reason) => Outcome::Unjudged(reason),
                };
            }
        };
        match said {
            // Words that must be absent: somebody whose role nobody knows may have said them.
            textual::Outcome::Met(said)
                if said.is_empty() && condition.role != RoleScope::Any && self.has_unknown() =>
            {
                Outcome::Unjudged("role_unknown")
            }
            textual::Outcome::Met(said) => Outcome::Met(
                said.iter().flat_map(|said| of_said(self.dialogue, &self.script, said)).collect(),
            ),
            textual::Outcome::NotMet => Outcome::NotMet,
            textual::Outcome::NoTimes => Outcome::Unjudged("no_audio"),
        }
    }

    /// Points and veto of a hit.
    fn cost(&self, rule: &Rule, evidence: &[Evidence]) -> (Score, bool) {
        if rule.kind == RuleKind::Watch {
            // What the customer says is never held against the agent.
            return (Score::ZERO, false);
        }
        let level = self.set.scheme.levels.get(&rule.level);
        let points = rule.score.or(level.map(|cost| cost.points)).unwrap_or(Score::ZERO);
        let veto = rule.veto.or(level.map(|cost| cost.veto)).unwrap_or(false);
        if rule.kind == RuleKind::Forbidden && only_by_sound(evidence) {
            let weighed = Score::from_f64(points.as_f64() * self.set.scheme.homophone_weight);
            return (weighed.unwrap_or(Score::ZERO), false);
        }
        (points, veto)
    }
}

/// Whether all that was found rests on the sound of words alone.
pub(super) fn only_by_sound(evidence: &[Evidence]) -> bool {
    !evidence.is_empty() && evidence.iter().all(|evidence| evidence.mode == MatchMode::Homophone)
}

/// By place, without doubles: of what overlaps, one is shown; exact before homophone, then the longer.
fn in_order(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    evidence.sort_by_key(|one| (one.turn, one.char_from, one.char_to, one.mode));
    let worth = |one: &Evidence| (one.mode != MatchMode::Homophone, one.char_to - one.char_from);
    let mut kept: Vec<Evidence> = Vec::with_capacity(evidence.len());
    for one in evidence {
        match kept.last_mut().filter(|last| is_double(last, &one)) {
            Some(last) if worth(&one) > worth(last) => *last = one,
            Some(_) => {}
            None => kept.push(one),
        }
    }
    kept
}

/// Whether two pieces of evidence, the earlier one first, show the same words or the same measurement.
fn is_double(earlier: &Evidence, later: &Evidence) -> bool {
    earlier.turn == later.turn
        && match (earlier.measured, later.measured) {
            (None, None) => later.char_from < earlier.char_to,
            (Some(known), Some(value)) => known.to_bits() == value.to_bits() && earlier.span == later.span,
            (Some(_), None) | (None, Some(_)) => false,
        }
}
