//! How the review of a call stands: what its events come to.
//!
//! **Invariant**: a function of the events alone. While two people review blindly, neither's decisions count.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::appeal::{Appeal, AppealState};
use super::event::{Event, How, Slot, What};
use crate::analysis::Verdict;
use crate::catalog::{FinalVerdict, HandScore, ReviewFacts, ReviewState};
use crate::types::{RuleId, Score};

/// What a person decided about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// What the machine said at the time.
    pub machine: Verdict,
    /// The revision that the machine judged by.
    pub revision: String,
    /// How the two stand to each other.
    pub how: How,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// As what.
    pub slot: Slot,
    /// The turn that was named.
    pub turn: Option<u32>,
    /// What was said to it.
    pub comment: String,
}

/// What one of two blind reviewers said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Opinion {
    pub(super) by: Option<String>,
    pub(super) decisions: BTreeMap<RuleId, Decision>,
    pub(super) hands: BTreeMap<RuleId, (Score, String)>,
}

/// The review of one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// Everything that happened, in order.
    pub events: Vec<Event>,
    /// Decisions that count, by rule.
    pub decisions: BTreeMap<RuleId, Decision>,
    /// Points by hand that count, by item, and who gave them.
    pub hands: BTreeMap<RuleId, (Score, String)>,
    /// Appeals, by number from 1.
    pub appeals: Vec<Appeal>,
    /// As what it waits to be looked at.
    pub waiting: BTreeSet<Slot>,
    /// What two people said who did not know of each other, about the same rules.
    pub pairs: Vec<(RuleId, Verdict, Verdict)>,
    /// Whose decisions others replaced by another verdict, once for each, and when they had decided.
    pub overturned: Vec<(String, Timestamp)>,
    /// What the two reviewers differ about, until a third decides.
    pub disputed: BTreeSet<RuleId>,
    pub(super) opinions: BTreeMap<Slot, Opinion>,
    is_double: bool,
    was_submitted: bool,
    is_closed: bool,
}

impl Review {
    /// What these events come to.
    #[must_use]
    pub fn of(events: Vec<Event>) -> Self {
        let mut review = Self::default();
        for event in events {
            review.apply(event);
        }
        review
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> ReviewState {
        if self.is_closed {
            ReviewState::Closed
        } else if self.open_appeals().next().is_some() {
            ReviewState::Appealed
        } else if !self.waiting.is_empty() {
            ReviewState::Queued
        } else if self.was_submitted || self.appeals.iter().any(|one| one.state.was_handled()) {
            ReviewState::Reviewed
        } else {
            ReviewState::None
        }
    }

    /// Appeals that nobody decided about.
    pub fn open_appeals(&self) -> impl Iterator<Item = &Appeal> {
        self.appeals.iter().filter(|appeal| appeal.state == AppealState::Open)
    }

    /// Whether one of two blind reviewers is still to speak.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.is_double && (self.waiting.contains(&Slot::First) || self.waiting.contains(&Slot::Second))
    }

    /// Everybody who decided anything about the call.
    #[must_use]
    pub fn deciders(&self) -> BTreeSet<&str> {
        let decided = self.events.iter().filter(|event| match event.what {
            What::Submitted { .. } | What::Decided { .. } | What::Scored { .. } | What::Handled { .. } => {
                true
            }
            What::Queued { .. }
            | What::Assigned { .. }
            | What::Returned { .. }
            | What::Differed { .. }
            | What::Appealed { .. }
            | What::Withdrawn { .. } => false,
        });
        decided.map(|event| event.actor.as_str()).collect()
    }

    /// The plan that brought the call into the queue.
    #[must_use]
    pub fn plan(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match &event.what {
            What::Queued { plan, .. } => plan.as_deref(),
            What::Assigned { .. }
            | What::Returned { .. }
            | What::Submitted { .. }
            | What::Decided { .. }
            | What::Scored { .. }
            | What::Differed { .. }
            | What::Appealed { .. }
            | What::Withdrawn { .. }
            | What::Handled { .. } => None,
        })
    }

    /// What the facts of the call say of it; the store adds the score.
    #[must_use]
    pub fn facts(&self) -> ReviewFacts {
        let verdicts = self.decisions.iter();
        let hands = self.hands.iter();
        ReviewFacts {
            state: self.state(),
            finals: verdicts
                .map(|(rule_id, one)| FinalVerdict { rule_id: rule_id.clone(), verdict: one.verdict })
                .collect(),
            hands: hands
                .map(|(item_id, (points, _))| HandScore { item_id: item_id.clone(), points: *points })
                .collect(),
            ..ReviewFacts::default()
        }
    }

    /// Takes a step.
    pub(super) fn apply(&mut self, event: Event) {
        match &event.what {
            What::Queued { slots, .. } => {
                self.waiting.extend(slots);
                self.is_double |= slots.contains(&Slot::Second);
            }
            What::Assigned { .. } | What::Returned { .. } | What::Differed { .. } => {}
            What::Decided { slot, rule_id, machine, revision, verdict, how, turn } => {
                let decision = Decision {
                    verdict: *verdict,
                    machine: *machine,
                    revision: revision.clone(),
                    how: *how,
                    by: event.actor.clone(),
                    at: event.at,
                    slot: *slot,
                    turn: *turn,
                    comment: event.comment.clone(),
                };
                if self.is_opinion(*slot) {
                    self.opinions.entry(*slot).or_default().decisions.insert(rule_id.clone(), decision);
                } else {
                    self.decide(rule_id.clone(), decision);
                }
            }
            What::Scored { slot, item_id, points } => {
                let given = (*points, event.actor.clone());
                if self.is_opinion(*slot) {
                    self.opinions.entry(*slot).or_default().hands.insert(item_id.clone(), given);
                } else {
                    self.hands.insert(item_id.clone(), given);
                }
            }
            What::Submitted { slot, .. } => self.submitted(*slot, &event.actor),
            What::Appealed { number, subject } => {
                self.waiting.insert(Slot::Appeal);
                self.appeals.push(Appeal::new(*number, subject.clone(), &event));
            }
            What::Withdrawn { number } => self.end_appeal(*number, AppealState::Withdrawn, &event),
            What::Handled { number, accepted, is_final } => {
                let state = if *accepted { AppealState::Accepted } else { AppealState::Rejected };
                self.end_appeal(*number, state, &event);
                if *is_final {
                    self.is_closed = true;
                    self.waiting.clear();
                }
            }
        }
        self.events.push(event);
    }

    /// Whether what is said as `slot` only counts together with what another reviewer says.
    fn is_opinion(&self, slot: Slot) -> bool {
        self.is_double && matches!(slot, Slot::First | Slot::Second) && self.waiting.contains(&slot)
    }

    fn decide(&mut self, rule_id: RuleId, decision: Decision) {
        self.disputed.remove(&rule_id);
        if let Some(before) = self.decisions.get(&rule_id)
            && before.by != decision.by
            && before.verdict != decision.verdict
        {
            self.overturned.push((before.by.clone(), before.at));
        }
        if decision.slot == Slot::Decider {
            let told = self.opinions.values().filter_map(|opinion| opinion.decisions.get(&rule_id));
            let wrong = told.filter(|told| told.verdict != decision.verdict);
            self.overturned.extend(wrong.map(|told| (told.by.clone(), told.at)));
        }
        self.decisions.insert(rule_id, decision);
    }

    fn end_appeal(&mut self, number: u32, state: AppealState, event: &Event) {
        if let Some(appeal) = self.appeals.iter_mut().find(|appeal| appeal.number == number) {
            appeal.end(state, event);
        }
        if self.open_appeals().next().is_none() {
            self.waiting.remove(&Slot::Appeal);
        }
    }

    fn submitted(&mut self, slot: Slot, by: &str) {
        self.was_submitted = true;
        if !self.is_opinion(slot) {
            self.waiting.retain(|waiting| *waiting == Slot::Appeal);
            return;
        }
        self.opinions.entry(slot).or_default().by = Some(by.to_owned());
        self.waiting.remove(&slot);
        if !self.is_blind() {
            self.compare();
        }
    }

    /// Both have spoken: what they agree about counts, the rest waits for a third.
    fn compare(&mut self) {
        let take = |slot| self.opinions.get(&slot).cloned().unwrap_or_default();
        let (first, second) = (take(Slot::First), take(Slot::Second));
        let rules: BTreeSet<RuleId> =
            first.decisions.keys().chain(second.decisions.keys()).cloned().collect();
        for rule_id in rules {
            let (one, other) = (first.decisions.get(&rule_id), second.decisions.get(&rule_id));
            let Some(told) = one.or(other) else { continue };
            // Whoever says nothing about a rule leaves it as the machine has it.
            let verdict = |own: Option<&Decision>| own.map_or(told.machine, |own| own.verdict);
            let pair = (verdict(one), verdict(other));
            self.pairs.push((rule_id.clone(), pair.0, pair.1));
            // Decided on an appeal meanwhile: no review changes that, and nobody is left to decide it.
            if self.decisions.get(&rule_id).is_some_and(|stands| stands.slot == Slot::Appeal) {
                continue;
            }
            if pair.0 == pair.1 {
                self.decide(rule_id, told.clone());
            } else {
                self.disputed.insert(rule_id);
            }
        }
        let items: BTreeSet<RuleId> = first.hands.keys().chain(second.hands.keys()).cloned().collect();
        for item_id in items {
            match (first.hands.get(&item_id), second.hands.get(&item_id)) {
                (Some((one, by)), Some((other, _))) if one == other => {
                    self.hands.insert(item_id, (*one, by.clone()));
                }
                (_, _) => {
                    self.disputed.insert(item_id);
                }
            }
        }
        if !self.disputed.is_empty() {
            self.waiting.insert(Slot::Decider);
        }
    }
}
