//! Plans at work: kept, run over the past, and following what comes in.
//!
//! A plan that follows and draws numbers draws a window when it has ended, and draws it again, for two weeks, when a call
//! of it changed later: a recording that was sent late, or a call that took long. What it drew before counts, so that
//! the number of a window is never exceeded.
//!
//! **Invariant**: a call comes into the queue once, whatever plans choose it and however often they run.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::counts::of_any_finding;
use super::plan::Candidate;
use super::{Plan, PlanRun, ReviewError, Reviews};
use crate::catalog::{CallFacts, CallQuery, ReviewState, ScoreRange, Stage, TimeRange};
use crate::store::{Family, Writes};
use crate::types::CallId;

/// The actor of what plans do.
const SAMPLING: &str = "sampling";
/// Changes looked at in one step.
const STEP: usize = 500;
/// How long after it began a call is still drawn by plans that drew its window already.
const LATEST: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How far a plan that follows what comes in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    /// The last change that it has dealt with.
    change: u64,
    /// Windows that ended before are drawn.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    drawn_until: Timestamp,
    /// Calls that began before are none of its own. Where it is not kept: those of windows before the plan was made.
    #[serde(default, with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    begins: Option<Timestamp>,
}

fn cursor(plan_id: &str) -> Vec<u8> {
    format!("review-plan/{plan_id}").into_bytes()
}

impl Reviews {
    /// All plans that can be read, by name, and how many cannot.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn plans(&self) -> Result<(Vec<Plan>, u64), ReviewError> {
        let plans = self.store.documents_readable(Family::ReviewPlan, &[], None, usize::MAX)?;
        let num_damaged = plans.damaged.len() as u64;
        Ok((plans.documents.into_iter().map(|(_, plan)| plan).collect(), num_damaged))
    }

    /// A plan.
    ///
    /// # Errors
    /// [`ReviewError::NoPlan`]; anything the disk fails with.
    pub fn plan(&self, id: &str) -> Result<Plan, ReviewError> {
        let plan = self.store.document(Family::ReviewPlan, id.as_bytes())?;
        plan.ok_or_else(|| ReviewError::NoPlan { id: id.to_owned() })
    }

    /// Makes a plan. One that follows what comes in begins with what comes in from now on.
    ///
    /// # Errors
    /// [`ReviewError::PlanExists`]; [`ReviewError::Field`]; anything the disk fails with.
    pub fn create_plan(&self, plan: Plan, now: Timestamp) -> Result<Plan, ReviewError> {
        plan.check()?;
        let _tasks = self.tasks();
        if self.store.document::<Plan>(Family::ReviewPlan, plan.id.as_bytes())?.is_some() {
            return Err(ReviewError::PlanExists { id: plan.id });
        }
        let plan = Plan { created_at: now, ..plan };
        let mut writes = Writes::default();
        writes.put(Family::ReviewPlan, plan.id.as_bytes(), &plan)?;
        writes.put(Family::Cursor, &cursor(&plan.id), &self.beginning_now(&plan, now))?;
        self.store.write(writes)?;
        Ok(plan)
    }

    fn beginning_now(&self, plan: &Plan, now: Timestamp) -> Reached {
        let drawn_until = plan.window.start(now, self.utc_offset_minutes);
        Reached { change: self.store.last_change(), drawn_until, begins: Some(drawn_until) }
    }

    /// Changes a plan; what it drew stays in the queue. When it is switched on, it begins with what comes in then.
    ///
    /// # Errors
    /// [`ReviewError::NoPlan`]; [`ReviewError::Field`]; anything the disk fails with.
    pub fn update_plan(&self, plan: Plan, now: Timestamp) -> Result<Plan, ReviewError> {
        plan.check()?;
        let _tasks = self.tasks();
        let before = self.plan(&plan.id)?;
        let plan = Plan { created_at: before.created_at, ..plan };
        let mut writes = Writes::default();
        writes.put(Family::ReviewPlan, plan.id.as_bytes(), &plan)?;
        if plan.follows() && !before.follows() {
            writes.put(Family::Cursor, &cursor(&plan.id), &self.beginning_now(&plan, now))?;
        }
        self.store.write(writes)?;
        Ok(plan)
    }

    /// Removes a plan; what it drew stays in the queue.
    ///
    /// # Errors
    /// [`ReviewError::NoPlan`]; anything the disk fails with.
    pub fn delete_plan(&self, id: &str) -> Result<(), ReviewError> {
        let _tasks = self.tasks();
        self.plan(id)?;
        let mut writes = Writes::default();
        writes.remove(Family::ReviewPlan, id.as_bytes());
        writes.remove(Family::Cursor, &cursor(id));
        Ok(self.store.write(writes)?)
    }

    /// Runs a plan over calls that began in `period`.
    ///
    /// # Errors
    /// [`ReviewError::NoPlan`]; anything the disk fails with. What came into the queue before stays there.
    pub fn run_plan(&self, id: &str, period: TimeRange, now: Timestamp) -> Result<PlanRun, ReviewError> {
        let plan = self.plan(id)?;
        self.run(&plan, &|facts| period.contains(facts.started_at), now)
    }

    /// Draws among the calls that are `wanted`.
    fn run(
        &self,
        plan: &Plan,
        wanted: &dyn Fn(&CallFacts) -> bool,
        now: Timestamp,
    ) -> Result<PlanRun, ReviewError> {
        let offset = self.utc_offset_minutes;
        let _one_at_a_time = self.drawing();
        let is_wanted = |facts: &&CallFacts| facts.stage == Stage::Done && wanted(facts);
        let mut run = PlanRun::default();
        let mut candidates = Vec::new();
        // What it drew before counts, also where a review has changed what the question asks for.
        let mut known = Vec::new();
        {
            let catalog = self.store.catalog();
            for facts in catalog.chosen(&plan.query).filter(is_wanted) {
                run.num_chosen += 1;
                if facts.review_state() == ReviewState::None {
                    let group = plan.group(facts, offset);
                    candidates.push(Candidate { id: facts.id.clone(), group, is_drawn: false });
                } else {
                    run.num_known += 1;
                }
            }
            if plan.mode.is_quota() {
                let whatever_people_said = CallQuery {
                    reviews: Vec::new(),
                    score: ScoreRange::default(),
                    ..of_any_finding(&plan.query)
                };
                let drawn = catalog.chosen(&whatever_people_said).filter(is_wanted);
                let drawn = drawn.filter(|facts| facts.review_state() != ReviewState::None);
                known.extend(drawn.map(|facts| (facts.id.clone(), plan.group(facts, offset))));
            }
        }
        for (id, group) in known {
            let review = self.read_of_many(&id)?;
            if review.is_some_and(|review| review.plan() == Some(plan.id.as_str())) {
                candidates.push(Candidate { id, group, is_drawn: true });
            }
        }
        for id in plan.draw(candidates) {
            run.num_queued += u64::from(self.draw(plan, &id, now)?);
        }
        Ok(run)
    }

    fn draw(&self, plan: &Plan, id: &CallId, now: Timestamp) -> Result<bool, ReviewError> {
        match self.queue(id, SAMPLING, Some((&plan.id, plan.priority)), plan.is_double(id), now) {
            Err(ReviewError::Store(crate::store::StoreError::NotFound { .. })) => Ok(false),
            outcome => outcome,
        }
    }

    /// Lets every plan that follows deal with what changed since it last did. Says how many calls came into the queue.
    ///
    /// # Errors
    /// Anything the disk fails with; then it goes on there the next time. [`ReviewError::Stuck`] for the first plan of which
    /// it is damaged how far it came; the other plans went on.
    pub fn follow(&self, now: Timestamp) -> Result<u64, ReviewError> {
        let (mut num_queued, mut stuck) = (0, None);
        for plan in self.plans()?.0.iter().filter(|plan| plan.follows()) {
            match self.follow_plan(plan, now) {
                Ok(num) => num_queued += num,
                Err(error @ ReviewError::Stuck { .. }) => stuck = stuck.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        stuck.map_or(Ok(num_queued), Err)
    }

    fn follow_plan(&self, plan: &Plan, now: Timestamp) -> Result<u64, ReviewError> {
        let name = cursor(&plan.id);
        let reached = self.store.document::<Reached>(Family::Cursor, &name).map_err(|source| {
            if source.is_passing() {
                return ReviewError::Store(source);
            }
            ReviewError::Stuck { id: plan.id.clone(), source }
        })?;
        let Some(mut reached) = reached else { return Ok(0) };
        let (before, mut num_queued) = (reached, 0);
        if plan.mode.is_quota() {
            let start = plan.window.start(now, self.utc_offset_minutes);
            if start > reached.drawn_until {
                let ended = TimeRange { from: Some(reached.drawn_until), before: Some(start) };
                let wanted = |facts: &CallFacts| ended.contains(facts.started_at);
                num_queued += self.run(plan, &wanted, now)?.num_queued;
                reached.drawn_until = start;
            }
            num_queued += self.follow_late(plan, &mut reached, now)?;
        } else {
            num_queued += self.follow_changes(plan, &mut reached.change, now)?;
        }
        if reached != before {
            let mut writes = Writes::default();
            writes.put(Family::Cursor, &name, &reached)?;
            self.store.write(writes)?;
        }
        Ok(num_queued)
    }

    /// Draws windows that are drawn already once more, where a call of them changed since.
    fn follow_late(&self, plan: &Plan, reached: &mut Reached, now: Timestamp) -> Result<u64, ReviewError> {
        let offset = self.utc_offset_minutes;
        let begins = reached.begins.unwrap_or_else(|| plan.window.start(plan.created_at, offset));
        let oldest = now.saturating_sub(LATEST).unwrap_or(Timestamp::MIN).max(begins);
        let late = TimeRange { from: Some(oldest), before: Some(reached.drawn_until) };
        let mut windows: BTreeSet<Timestamp> = BTreeSet::new();
        let mut next = reached.change;
        loop {
            let changes = self.store.changes(next, STEP)?;
            let Some(last) = changes.last() else { break };
            next = last.change;
            let catalog = self.store.catalog();
            let changed = changes.iter().filter_map(|change| catalog.call(change.number));
            let of_past = changed.filter(|facts| {
                facts.stage == Stage::Done
                    && facts.review_state() == ReviewState::None
                    && late.contains(facts.started_at)
                    && plan.query.matches(facts, catalog.table_of(facts).map(AsRef::as_ref))
            });
            windows.extend(of_past.map(|facts| plan.window.start(facts.started_at, offset)));
        }
        let drawn = TimeRange { from: Some(begins), before: Some(reached.drawn_until) };
        let wanted = |facts: &CallFacts| {
            drawn.contains(facts.started_at) && windows.contains(&plan.window.start(facts.started_at, offset))
        };
        let num_queued = if windows.is_empty() { 0 } else { self.run(plan, &wanted, now)?.num_queued };
        reached.change = next;
        Ok(num_queued)
    }

    fn follow_changes(&self, plan: &Plan, reached: &mut u64, now: Timestamp) -> Result<u64, ReviewError> {
        let mut num_queued = 0;
        loop {
            let changes = self.store.changes(*reached, STEP)?;
            let Some(last) = changes.last() else { return Ok(num_queued) };
            let next = last.change;
            let _one_at_a_time = self.drawing();
            let numbers: BTreeSet<u32> = changes.iter().map(|change| change.number).collect();
            let candidates: Vec<Candidate> = {
                let catalog = self.store.catalog();
                let changed = numbers.iter().filter_map(|number| catalog.call(*number));
                let new = changed.filter(|facts| {
                    let table = catalog.table_of(facts).map(AsRef::as_ref);
                    facts.stage == Stage::Done
                        && facts.review_state() == ReviewState::None
                        && plan.query.matches(facts, table)
                });
                new.map(|facts| {
                    let group = plan.group(facts, self.utc_offset_minutes);
                    Candidate { id: facts.id.clone(), group, is_drawn: false }
                })
                .collect()
            };
            for id in plan.draw(candidates) {
                num_queued += u64::from(self.draw(plan, &id, now)?);
            }
            *reached = next;
        }
    }
}
