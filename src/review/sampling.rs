//! Plans at work: kept, run over the past, and following what comes in.
//!
//! **Invariant**: a call comes into the queue once, whatever plans choose it and however often they run.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::Candidate;
use super::{Plan, PlanRun, ReviewError, Reviews};
use crate::catalog::{ReviewState, Stage, TimeRange};
use crate::store::{Family, Writes};
use crate::types::CallId;

/// The actor of what plans do.
const SAMPLING: &str = "sampling";
/// Changes looked at in one step.
const STEP: usize = 500;

/// How far a plan that follows what comes in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    /// The last change that it has dealt with.
    change: u64,
    /// Windows that ended before are drawn.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    drawn_until: Timestamp,
}

fn cursor(plan_id: &str) -> Vec<u8> {
    format!("review-plan/{plan_id}").into_bytes()
}

impl Reviews {
    /// All plans, by name.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn plans(&self) -> Result<Vec<Plan>, ReviewError> {
        let plans = self.store.documents_readable(Family::ReviewPlan, &[], None, usize::MAX)?;
        Ok(plans.into_iter().map(|(_, plan)| plan).collect())
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
        let drawn_until = plan.window.start(now, self.config.utc_offset_minutes);
        Reached { change: self.store.last_change(), drawn_until }
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
        self.run(&plan, period, now)
    }

    fn run(&self, plan: &Plan, period: TimeRange, now: Timestamp) -> Result<PlanRun, ReviewError> {
        let offset = self.config.utc_offset_minutes;
        // A review state in the question would hide what this plan drew before.
        let chosen: Vec<(CallId, ReviewState, _)> = {
            let catalog = self.store.catalog();
            let chosen = catalog.chosen(&plan.query);
            chosen
                .filter(|facts| facts.stage == Stage::Done && period.contains(facts.started_at))
                .map(|facts| (facts.id.clone(), facts.review_state(), plan.group(facts, offset)))
                .collect()
        };
        let mut run = PlanRun { num_chosen: chosen.len() as u64, ..PlanRun::default() };
        let mut candidates = Vec::new();
        for (id, state, group) in chosen {
            let is_known = state != ReviewState::None;
            run.num_known += u64::from(is_known);
            if !is_known {
                candidates.push(Candidate { id, group, is_drawn: false });
            } else if plan.mode.is_quota() && self.read(&id)?.plan() == Some(plan.id.as_str()) {
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
    /// Anything the disk fails with; then it goes on there the next time.
    pub fn follow(&self, now: Timestamp) -> Result<u64, ReviewError> {
        let mut num_queued = 0;
        for plan in self.plans()? {
            let name = cursor(&plan.id);
            let Some(mut reached) = self.store.document::<Reached>(Family::Cursor, &name)? else { continue };
            let before = reached;
            if !plan.follows() {
                continue;
            }
            if plan.mode.is_quota() {
                let start = plan.window.start(now, self.config.utc_offset_minutes);
                if start > reached.drawn_until {
                    let ended = TimeRange { from: Some(reached.drawn_until), before: Some(start) };
                    num_queued += self.run(&plan, ended, now)?.num_queued;
                    reached.drawn_until = start;
                }
            } else {
                num_queued += self.follow_changes(&plan, &mut reached.change, now)?;
            }
            if reached != before {
                let mut writes = Writes::default();
                writes.put(Family::Cursor, &name, &reached)?;
                self.store.write(writes)?;
            }
        }
        Ok(num_queued)
    }

    fn follow_changes(&self, plan: &Plan, reached: &mut u64, now: Timestamp) -> Result<u64, ReviewError> {
        let mut num_queued = 0;
        loop {
            let changes = self.store.changes(*reached, STEP)?;
            let Some(last) = changes.last() else { return Ok(num_queued) };
            let next = last.change;
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
                    let group = plan.group(facts, self.config.utc_offset_minutes);
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
