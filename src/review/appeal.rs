//! Appeals of agents: what is asked, who may answer, and what an answer comes to.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{Event, How, Slot, What};
use super::state::Review;
use super::submit::{Scene, check_text};
use super::{ReviewConfig, ReviewError};
use crate::analysis::Verdict;
use crate::catalog::ReviewState;
use crate::types::{CallId, RuleId, Score};

/// What an appeal is against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The verdict of a rule.
    Rule(RuleId),
    /// Points given by hand.
    Item(RuleId),
}

impl Subject {
    /// The id of the rule or item.
    #[must_use]
    pub fn id(&self) -> &RuleId {
        match self {
            Self::Rule(id) | Self::Item(id) => id,
        }
    }
}

/// How an appeal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppealState {
    /// Nobody decided yet.
    Open,
    /// The agent took it back.
    Withdrawn,
    /// The agent is right.
    Accepted,
    /// The agent is not.
    Rejected,
}

impl AppealState {
    /// Whether somebody decided.
    #[must_use]
    pub fn was_handled(self) -> bool {
        match self {
            Self::Accepted | Self::Rejected => true,
            Self::Open | Self::Withdrawn => false,
        }
    }
}

/// An appeal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appeal {
    /// Its number in the call, from 1.
    pub number: u32,
    /// Against what.
    pub subject: Subject,
    /// The agent.
    pub agent: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// How it stands.
    pub state: AppealState,
    /// Who decided, or took it back.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<Timestamp>,
    /// What they said to it.
    pub answer: String,
    /// Whether that was the last word.
    pub is_final: bool,
}

impl Appeal {
    pub(super) fn new(number: u32, subject: Subject, event: &Event) -> Self {
        Self {
            number,
            subject,
            agent: event.actor.clone(),
            reason: event.comment.clone(),
            at: event.at,
            state: AppealState::Open,
            ended_by: None,
            ended_at: None,
            answer: String::new(),
            is_final: false,
        }
    }

    pub(super) fn end(&mut self, state: AppealState, event: &Event) {
        self.state = state;
        self.ended_by = Some(event.actor.clone());
        self.ended_at = Some(event.at);
        self.answer.clone_from(&event.comment);
        self.is_final = matches!(event.what, What::Handled { is_final: true, .. });
    }
}

/// An appeal and its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAppeal {
    /// The call.
    pub call_id: CallId,
    /// The appeal.
    pub appeal: Appeal,
}

/// One answer to appeals of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// Which appeals: each once, in the order in which they are answered.
    pub numbers: Vec<u32>,
    /// Who answers.
    pub handler: String,
    /// Whether the agent is right.
    pub accepted: bool,
    /// The verdict instead, when it is not simply the other one; of one appeal only.
    pub verdict: Option<Verdict>,
    /// The points instead, for what was scored by hand; of one appeal only.
    pub points: Option<Score>,
    /// Why.
    pub reason: String,
    /// Whether this is the last word about the call.
    pub is_final: bool,
}

impl Review {
    /// The step of an appeal by `agent`.
    pub(super) fn appeal(
        &self,
        scene: &Scene,
        agent: &str,
        subject: Subject,
        reason: &str,
        config: &ReviewConfig,
        now: Timestamp,
    ) -> Result<Vec<Event>, ReviewError> {
        let id = || scene.id.clone();
        check_text(agent, reason, true)?;
        if self.state() == ReviewState::Closed {
            return Err(ReviewError::Closed { id: id() });
        }
        if !scene.is_agent(agent) {
            let why = "only an agent of the call appeals, by the job number that the call names";
            return Err(ReviewError::NotAllowed { id: id(), person: agent.to_owned(), why });
        }
        let known = match &subject {
            Subject::Rule(rule_id) => scene.machine.contains_key(rule_id),
            Subject::Item(item_id) => self.hands.contains_key(item_id),
        };
        let rule_id = subject.id().clone();
        if !known {
            return Err(ReviewError::NoRule { id: id(), rule_id });
        }
        if let Subject::Rule(rule_id) = &subject
            && !self.costs(scene, rule_id)
        {
            let problem = "it takes nothing from the agent as it stands: there is nothing to appeal against";
            return Err(ReviewError::NoSense { id: id(), rule_id: rule_id.clone(), problem });
        }
        if self.open_appeals().any(|open| open.subject == subject) {
            return Err(ReviewError::AlreadyAppealed { id: id(), rule_id });
        }
        let days = config.appeal_days;
        let limit = SignedDuration::from_hours(24 * i64::from(days));
        if self.decided_at(&subject).is_some_and(|at| now.duration_since(at) > limit) {
            return Err(ReviewError::TooLate { id: id(), rule_id, days });
        }
        let number = u32::try_from(self.appeals.len()).unwrap_or(u32::MAX).saturating_add(1);
        Ok(vec![Event::new(now, agent, What::Appealed { number, subject }).saying(reason)])
    }

    /// Whether the verdict that stands can be worse for the agent than the other one.
    fn costs(&self, scene: &Scene, rule_id: &RuleId) -> bool {
        let machine = scene.machine.get(rule_id).copied();
        match self.decisions.get(rule_id).map(|decision| decision.verdict).or(machine) {
            Some(Verdict::Hit) => true,
            Some(Verdict::Miss) => scene.rewards.contains(rule_id),
            Some(Verdict::NotApplicable) | None => false,
        }
    }

    /// When a person last decided about something; an agent's time to appeal runs from then.
    fn decided_at(&self, subject: &Subject) -> Option<Timestamp> {
        match subject {
            Subject::Rule(rule_id) => self.decisions.get(rule_id).map(|decision| decision.at),
            Subject::Item(item_id) => {
                let scored = self.events.iter().rev().find(
                    |event| matches!(&event.what, What::Scored { item_id: known, .. } if known == item_id),
                );
                scored.map(|event| event.at)
            }
        }
    }

    /// The step of an agent who takes an appeal back.
    pub(super) fn withdraw(
        &self,
        scene: &Scene,
        agent: &str,
        number: u32,
        comment: &str,
        now: Timestamp,
    ) -> Result<Vec<Event>, ReviewError> {
        check_text(agent, comment, false)?;
        let open = self.open_appeal(scene, number)?;
        if open.agent != agent {
            let (id, person) = (scene.id.clone(), agent.to_owned());
            let why = "only who appealed takes it back";
            return Err(ReviewError::NotAllowed { id, person, why });
        }
        Ok(vec![Event::new(now, agent, What::Withdrawn { number }).saying(comment)])
    }

    /// The steps of an answer to all of its appeals, the last of them final where the answer is.
    pub(super) fn handle(
        &self,
        scene: &Scene,
        handling: &Handling,
        now: Timestamp,
    ) -> Result<Vec<Event>, ReviewError> {
        let Some((last, others)) = handling.numbers.split_last() else {
            return Err(field("numbers", "is empty: name the appeals"));
        };
        let mut named = BTreeSet::new();
        if !handling.numbers.iter().all(|number| named.insert(number)) {
            return Err(field("numbers", "names an appeal twice: name each once"));
        }
        if !others.is_empty() && (handling.verdict.is_some() || handling.points.is_some()) {
            return Err(field(
                "numbers",
                "has several appeals, and a verdict or points are for one: answer that one alone",
            ));
        }
        let (mut after, mut steps) = (self.clone(), Vec::new());
        for number in &handling.numbers {
            let own = after.answer(scene, *number, handling, handling.is_final && number == last, now)?;
            own.iter().cloned().for_each(|event| after.apply(event));
            steps.extend(own);
        }
        Ok(steps)
    }

    /// The steps of an answer to one appeal.
    fn answer(
        &self,
        scene: &Scene,
        number: u32,
        handling: &Handling,
        is_final: bool,
        now: Timestamp,
    ) -> Result<Vec<Event>, ReviewError> {
        let Handling { handler, accepted, verdict, points, reason, .. } = handling;
        check_text(handler, reason, true)?;
        let open = self.open_appeal(scene, number)?;
        is_no_agent(scene, handler)?;
        if self.barred_from(&open.subject).contains(handler.as_str()) {
            return Err(decided_before(scene, handler));
        }
        if is_final && self.open_appeals().count() > 1 {
            return Err(ReviewError::OtherAppeals { id: scene.id.clone() });
        }
        let no_sense = |problem| ReviewError::NoSense {
            id: scene.id.clone(),
            rule_id: open.subject.id().clone(),
            problem,
        };
        let slot = Slot::Appeal;
        let decided = match &open.subject {
            // The call was judged again and has the rule no more: what stood of it stands.
            Subject::Rule(rule_id) if !accepted && !scene.machine.contains_key(rule_id) => {
                if verdict.is_some() {
                    return Err(no_sense("an appeal that is rejected changes nothing"));
                }
                None
            }
            Subject::Rule(rule_id) => {
                let machine = scene
                    .machine
                    .get(rule_id)
                    .copied()
                    .ok_or_else(|| ReviewError::NoRule { id: scene.id.clone(), rule_id: rule_id.clone() })?;
                let stands = self.decisions.get(rule_id).map_or(machine, |decision| decision.verdict);
                let verdict = match (accepted, verdict, stands) {
                    (false, None, _) => stands,
                    (false, Some(_), _) => {
                        return Err(no_sense("an appeal that is rejected changes nothing"));
                    }
                    (true, Some(given), _) if *given == stands => {
                        return Err(no_sense("that verdict stands already: reject the appeal"));
                    }
                    (true, Some(given), _) => *given,
                    (true, None, Verdict::Hit) => Verdict::Miss,
                    (true, None, Verdict::Miss) if scene.rewards.contains(rule_id) => Verdict::Hit,
                    // It was judged again meanwhile.
                    (true, None, Verdict::Miss) => {
                        return Err(no_sense(
                            "it is no hit any more: reject the appeal, or name what is to count with --verdict",
                        ));
                    }
                    (true, None, Verdict::NotApplicable) => {
                        return Err(no_sense("name the verdict that is to count with --verdict hit|miss|na"));
                    }
                };
                let how = if verdict == machine { How::Confirmed } else { How::Rejected };
                let (rule_id, revision) = (rule_id.clone(), scene.revision.clone());
                Some(What::Decided { slot, rule_id, machine, revision, verdict, how, turn: None })
            }
            Subject::Item(item_id) => match (accepted, points) {
                (true, Some(points)) => {
                    scene.check_points(item_id, *points)?;
                    Some(What::Scored { slot, item_id: item_id.clone(), points: *points })
                }
                (true, None) => return Err(no_sense("say how many points it gets instead")),
                (false, _) => None,
            },
        };
        let ended = What::Handled { number, accepted: *accepted, is_final };
        let steps = decided.into_iter().chain([ended]);
        Ok(steps.map(|what| Event::new(now, handler, what).saying(reason)).collect())
    }

    /// Whether `person` is neither the agent nor anybody who decided before.
    pub(super) fn may_judge(&self, scene: &Scene, person: &str) -> Result<(), ReviewError> {
        is_no_agent(scene, person)?;
        if self.deciders().contains(person) {
            return Err(decided_before(scene, person));
        }
        Ok(())
    }

    /// Whether `person` may look at the call as `slot`: at an appeal who may answer any that is open.
    pub(super) fn may_take(&self, scene: &Scene, person: &str, slot: Slot) -> Result<(), ReviewError> {
        match slot {
            Slot::First | Slot::Second | Slot::Decider => self.may_judge(scene, person),
            Slot::Appeal => {
                is_no_agent(scene, person)?;
                if self.barred().contains(person) { Err(decided_before(scene, person)) } else { Ok(()) }
            }
        }
    }

    /// Who may take nothing of the call: who decided before, and where appeals wait, who may answer none of them.
    pub(super) fn barred(&self) -> BTreeSet<&str> {
        let barred = self.open_appeals().map(|open| self.barred_from(&open.subject));
        barred.reduce(|all, one| all.intersection(&one).copied().collect()).unwrap_or_else(|| self.deciders())
    }

    /// Who may not answer an appeal against `subject`: whoever decided about the call before the stage that its open appeals are,
    /// reviewed it since, or answered an appeal against the same. Who answered another of this stage may go on: one person
    /// can bring it to its end.
    fn barred_from(&self, subject: &Subject) -> BTreeSet<&str> {
        let begin = self.stage_begin();
        let decided = self.events.iter().enumerate().filter(|(at, event)| match &event.what {
            What::Submitted { .. } => true,
            What::Decided { slot, .. } | What::Scored { slot, .. } => *at < begin || *slot != Slot::Appeal,
            What::Handled { number, .. } => {
                let answered = self.appeals.iter().find(|appeal| appeal.number == *number);
                *at < begin || answered.is_some_and(|appeal| appeal.subject == *subject)
            }
            What::Queued { .. }
            | What::Assigned { .. }
            | What::Returned { .. }
            | What::Differed { .. }
            | What::Appealed { .. }
            | What::Withdrawn { .. } => false,
        });
        decided.map(|(_, event)| event.actor.as_str()).collect()
    }

    /// The event with which the present stage began: the last appeal that came in while no other waited.
    fn stage_begin(&self) -> usize {
        let (mut num_open, mut begin) = (0_usize, self.events.len());
        for (at, event) in self.events.iter().enumerate() {
            match event.what {
                What::Appealed { .. } => {
                    if num_open == 0 {
                        begin = at;
                    }
                    num_open += 1;
                }
                What::Withdrawn { .. } | What::Handled { .. } => num_open = num_open.saturating_sub(1),
                What::Queued { .. }
                | What::Assigned { .. }
                | What::Returned { .. }
                | What::Submitted { .. }
                | What::Decided { .. }
                | What::Scored { .. }
                | What::Differed { .. } => {}
            }
        }
        begin
    }

    fn open_appeal(&self, scene: &Scene, number: u32) -> Result<&super::Appeal, ReviewError> {
        if self.state() == ReviewState::Closed {
            return Err(ReviewError::Closed { id: scene.id.clone() });
        }
        self.open_appeals()
            .find(|open| open.number == number)
            .ok_or_else(|| ReviewError::NoAppeal { id: scene.id.clone(), number })
    }
}

fn field(field: &'static str, problem: &str) -> ReviewError {
    ReviewError::Field { field, problem: problem.to_owned() }
}

fn not_allowed(scene: &Scene, person: &str, why: &'static str) -> ReviewError {
    ReviewError::NotAllowed { id: scene.id.clone(), person: person.to_owned(), why }
}

fn decided_before(scene: &Scene, person: &str) -> ReviewError {
    not_allowed(scene, person, "they decided about it before: another person looks at it again")
}

fn is_no_agent(scene: &Scene, person: &str) -> Result<(), ReviewError> {
    if scene.is_agent(person) {
        return Err(not_allowed(scene, person, "nobody judges their own call"));
    }
    Ok(())
}
