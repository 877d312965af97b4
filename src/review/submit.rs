//! What a reviewer says about a call, checked, as steps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ReviewError;
use super::event::{Event, How, MAX_COMMENT_CHARS, Slot, What};
use super::state::Review;
use crate::analysis::{ManualItem, Verdict};
use crate::catalog::ReviewState;
use crate::types::{CallId, RuleId, Score, person_name};

/// What a reviewer says about the machine's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is right.
    Confirm,
    /// The hit is none: the machine's, or one that a person added.
    Reject,
    /// This one is right.
    Change(Verdict),
}

/// What a reviewer says about one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The rule.
    pub rule_id: RuleId,
    /// What.
    pub verb: Verb,
    /// The turn where it is heard, from 0.
    pub turn: Option<u32>,
    /// Why.
    pub comment: String,
}

/// The review of a call by one person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submission {
    /// Who.
    pub reviewer: String,
    /// About rules. What is not named stays as it is.
    pub choices: Vec<Choice>,
    /// Points by hand.
    pub hands: Vec<(RuleId, Score)>,
    /// About the call.
    pub comment: String,
}

/// What a review is about, as the machine left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scene {
    pub(super) id: CallId,
    /// Job numbers of who served.
    pub(super) agents: Vec<String>,
    /// The machine's verdicts.
    pub(super) machine: BTreeMap<RuleId, Verdict>,
    /// The revision that it judged by.
    pub(super) revision: String,
    /// What is scored by hand.
    pub(super) manual: Vec<ManualItem>,
    /// Rules of which a hit is worth more than none: an agent may say that there is one.
    pub(super) rewards: BTreeSet<RuleId>,
}

impl Scene {
    pub(super) fn is_agent(&self, person: &str) -> bool {
        self.agents.iter().any(|agent| agent == person)
    }

    /// Whether an item takes so many points.
    pub(super) fn check_points(&self, item_id: &RuleId, points: Score) -> Result<(), ReviewError> {
        let (id, rule_id) = (self.id.clone(), item_id.clone());
        let Some(item) = self.manual.iter().find(|item| item.id == *item_id) else {
            return Err(ReviewError::NoRule { id, rule_id });
        };
        let (least, most) = (item.points.min(Score::ZERO), item.points.max(Score::ZERO));
        if points < least || points > most {
            let problem = "the points lie outside of what the scheme gives the item";
            return Err(ReviewError::NoSense { id, rule_id, problem });
        }
        Ok(())
    }
}

/// Whether a person's name and words can be kept.
pub(super) fn check_text(person: &str, words: &str, must_speak: bool) -> Result<(), ReviewError> {
    let problem = |field, problem: &str| Err(ReviewError::Field { field, problem: problem.to_owned() });
    match person_name(person) {
        Err(why) => return problem("reviewer", why),
        Ok(name) if name != person => return problem("reviewer", "has white space around it: leave it out"),
        Ok(_) => {}
    }
    if words.chars().count() > MAX_COMMENT_CHARS {
        return problem("comment", "is too long: at most 500 characters are kept");
    }
    if must_speak && words.trim().is_empty() {
        return problem("reason", "is empty: say why");
    }
    Ok(())
}

impl Review {
    /// The steps of a submission as `slot`.
    pub(super) fn submit(
        &self,
        scene: &Scene,
        submission: &Submission,
        slot: Slot,
        took_seconds: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Event>, ReviewError> {
        let Submission { reviewer, choices, hands, comment } = submission;
        check_text(reviewer, comment, false)?;
        match self.state() {
            ReviewState::Closed => return Err(ReviewError::Closed { id: scene.id.clone() }),
            ReviewState::Appealed => return Err(ReviewError::AppealWaits { id: scene.id.clone() }),
            ReviewState::None | ReviewState::Queued | ReviewState::Reviewed => {}
        }
        self.may_review(scene, reviewer, slot)?;
        if choices.is_empty() && hands.is_empty() && comment.trim().is_empty() {
            return Err(ReviewError::Empty { id: scene.id.clone() });
        }
        let mut events = Vec::new();
        let mut named = BTreeSet::new();
        for choice in choices {
            let event = self.decided(scene, choice, slot)?;
            if !named.insert(choice.rule_id.clone()) {
                return Err(no_sense(scene, &choice.rule_id, "it is named twice"));
            }
            check_text(reviewer, &choice.comment, false)?;
            events.push(Event::new(now, reviewer, event).saying(&choice.comment));
        }
        for (item_id, points) in hands {
            scene.check_points(item_id, *points)?;
            if !named.insert(item_id.clone()) {
                return Err(no_sense(scene, item_id, "it is named twice"));
            }
            let what = What::Scored { slot, item_id: item_id.clone(), points: *points };
            events.push(Event::new(now, reviewer, what));
        }
        if slot == Slot::Decider
            && let Some(left) = self.disputed.iter().find(|rule_id| !named.contains(*rule_id))
        {
            return Err(no_sense(scene, left, "the two reviewers differ about it: decide it too"));
        }
        events.push(Event::new(now, reviewer, What::Submitted { slot, took_seconds }).saying(comment));
        let mut after = self.clone();
        events.iter().cloned().for_each(|event| after.apply(event));
        if slot != Slot::Decider && after.waiting.contains(&Slot::Decider) {
            let rule_ids = after.disputed.iter().cloned().collect();
            events.push(Event::new(now, "review", What::Differed { rule_ids }));
        }
        Ok(events)
    }

    /// Whether a person may look at the call as `slot`.
    pub(super) fn may_review(&self, scene: &Scene, reviewer: &str, slot: Slot) -> Result<(), ReviewError> {
        match slot {
            // Whoever reviewed a call may correct themselves later.
            Slot::First if !self.is_blind() && !scene.is_agent(reviewer) => Ok(()),
            Slot::First | Slot::Second | Slot::Decider | Slot::Appeal => self.may_judge(scene, reviewer),
        }
    }

    /// Whether a person says that a rule hit: in what counts, or as one of two who differ.
    fn says_hit(&self, rule_id: &RuleId) -> bool {
        let counting = self.decisions.get(rule_id);
        let opinions = self.opinions.values().filter_map(|opinion| opinion.decisions.get(rule_id));
        let opinions = opinions.filter(|_| self.disputed.contains(rule_id));
        counting.into_iter().chain(opinions).any(|one| one.verdict == Verdict::Hit)
    }

    fn decided(&self, scene: &Scene, choice: &Choice, slot: Slot) -> Result<What, ReviewError> {
        let rule_id = choice.rule_id.clone();
        let Some(machine) = scene.machine.get(&rule_id).copied() else {
            return Err(ReviewError::NoRule { id: scene.id.clone(), rule_id });
        };
        if self.decisions.get(&rule_id).is_some_and(|before| before.slot == Slot::Appeal) {
            let problem = "it was decided on an appeal, and no review changes that";
            return Err(no_sense(scene, &rule_id, problem));
        }
        let (verdict, how) = match (choice.verb, machine) {
            (Verb::Confirm, machine) => (machine, How::Confirmed),
            (Verb::Reject, Verdict::Hit) => (Verdict::Miss, How::Rejected),
            (Verb::Reject, machine) => match (self.says_hit(&rule_id), machine) {
                // What a person added is taken back, or decided against: the machine was right.
                (true, Verdict::Hit | Verdict::Miss) => (Verdict::Miss, How::Confirmed),
                (true, Verdict::NotApplicable) => {
                    let problem =
                        "the machine could not judge it: say what it is with --change RULE=miss or RULE=na";
                    return Err(no_sense(scene, &rule_id, problem));
                }
                (false, _) => {
                    let problem = "there is no hit to reject: say that it is one with --missed RULE=TURN";
                    return Err(no_sense(scene, &rule_id, problem));
                }
            },
            (Verb::Change(verdict), machine) if verdict == machine => (verdict, How::Confirmed),
            (Verb::Change(verdict), _) => (verdict, How::Changed),
        };
        let (turn, revision) = (choice.turn, scene.revision.clone());
        Ok(What::Decided { slot, rule_id, machine, revision, verdict, how, turn })
    }
}

fn no_sense(scene: &Scene, rule_id: &RuleId, problem: &'static str) -> ReviewError {
    ReviewError::NoSense { id: scene.id.clone(), rule_id: rule_id.clone(), problem }
}
