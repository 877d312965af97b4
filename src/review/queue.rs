//! Who gets what next.
//!
//! **Invariant**: nobody gets their own call, a call that they decided about, or one that another person has.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::event::{Event, Slot, What};
use super::reviews::{Tasks, of_call, or_passed_over};
use super::task::{Task, TaskId};
use super::{ReviewError, Reviews};
use crate::catalog::{CallQuery, ReviewState};
use crate::types::CallId;

/// Which tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Of this plan.
    pub plan: Option<String>,
    /// That this person has, or was told to take.
    pub reviewer: Option<String>,
    /// To be looked at as this.
    pub slot: Option<Slot>,
    /// Of calls that it chooses.
    pub query: CallQuery,
}

impl TaskFilter {
    fn wants(&self, task: &Task, now: Timestamp) -> bool {
        let is_theirs = |reviewer: &String| {
            [task.holder(now), task.assigned_to.as_deref()].contains(&Some(reviewer.as_str()))
        };
        self.plan.as_ref().is_none_or(|plan| task.plan.as_ref() == Some(plan))
            && self.reviewer.as_ref().is_none_or(is_theirs)
            && self.slot.is_none_or(|slot| task.id.slot == slot)
    }
}

impl Reviews {
    /// Open tasks, those that go first before the others.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn list(&self, filter: &TaskFilter, now: Timestamp) -> Result<Vec<Task>, ReviewError> {
        let mut tasks = self.tasks();
        self.prune(&mut tasks)?;
        let mut wanted: Vec<Task> = tasks.values().filter(|task| filter.wants(task, now)).cloned().collect();
        drop(tasks);
        if filter.query != CallQuery::default() {
            let chosen: BTreeSet<CallId> = {
                let catalog = self.store.catalog();
                catalog.chosen(&filter.query).map(|facts| facts.id.clone()).collect()
            };
            wanted.retain(|task| chosen.contains(&task.id.call_id));
        }
        wanted.sort_by(Task::order);
        Ok(wanted)
    }

    /// Gives a reviewer the next task: the one that they have, else the first that they may take.
    ///
    /// # Errors
    /// [`ReviewError::Field`] for a name that is none; anything the disk fails with.
    pub fn lease(
        &self,
        reviewer: &str,
        filter: &TaskFilter,
        now: Timestamp,
    ) -> Result<Option<Task>, ReviewError> {
        Self::check_person(reviewer, "")?;
        let mut candidates = self.list(filter, now)?;
        // What they have goes on, before anything else.
        candidates.sort_by_key(|task| task.holder(now) != Some(reviewer));
        let mut tasks = self.tasks();
        for candidate in candidates {
            // As it is now: somebody may have come first.
            let Some(mut task) = tasks.get(&candidate.id).cloned() else { continue };
            let is_free = task.holder(now).is_none_or(|holder| holder == reviewer);
            let may_take = task.assigned_to.as_deref().is_none_or(|to| to == reviewer);
            if !is_free || !may_take || !self.may_take(&tasks, &task, reviewer, now)? {
                continue;
            }
            task.take(reviewer, self.config.lease_minutes, now);
            self.keep(&mut tasks, task.clone(), None)?;
            return Ok(Some(task));
        }
        Ok(None)
    }

    fn may_take(
        &self,
        tasks: &Tasks<'_>,
        task: &Task,
        reviewer: &str,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        let TaskId { call_id, slot } = &task.id;
        let mut others = of_call(tasks, call_id).filter(|other| other.id != task.id);
        if others.any(|other| other.holder(now) == Some(reviewer)) {
            return Ok(false);
        }
        let found = match self.scene(call_id) {
            // Being transcribed again.
            Err(ReviewError::NotDone { .. }) => return Ok(false),
            outcome => or_passed_over(call_id, outcome)?,
        };
        let Some((scene, facts)) = found else { return Ok(false) };
        if facts.review_state() == ReviewState::Appealed && *slot != Slot::Appeal {
            return Ok(false);
        }
        Ok(self.read_of_many(call_id)?.is_some_and(|review| review.may_judge(&scene, reviewer).is_ok()))
    }

    /// Gives a task back. Whoever has it may, and whoever leads the reviewers for them.
    ///
    /// # Errors
    /// [`ReviewError::NoTask`] when nobody has it; anything the disk fails with.
    pub fn give_back(
        &self,
        id: &CallId,
        reviewer: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<Task, ReviewError> {
        Self::check_person(reviewer, comment)?;
        let mut tasks = self.tasks();
        let held = of_call(&tasks, id).find(|task| task.holder(now) == Some(reviewer));
        let mut task = held.cloned().ok_or_else(|| ReviewError::NoTask { id: id.to_string() })?;
        task.lease = None;
        let event = Event::new(now, reviewer, What::Returned { slot: task.id.slot }).saying(comment);
        self.keep(&mut tasks, task.clone(), Some(event))?;
        Ok(task)
    }

    /// Tells a person to take a task that others then do not get; whoever has it loses it. Nobody in particular when
    /// `to` is absent.
    ///
    /// # Errors
    /// [`ReviewError::NoTask`]; [`ReviewError::NotAllowed`] when that person may not decide about the call.
    pub fn assign(
        &self,
        task_id: &TaskId,
        to: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<Task, ReviewError> {
        Self::check_person(by, "")?;
        let mut tasks = self.tasks();
        let known = tasks.get(task_id).cloned();
        let mut task = known.ok_or_else(|| ReviewError::NoTask { id: task_id.to_string() })?;
        if let Some(to) = to {
            Self::check_person(to, "")?;
            let (scene, _) = self.scene(&task_id.call_id)?;
            self.read(&task_id.call_id)?.may_judge(&scene, to)?;
        }
        task.lease = None;
        task.assigned_to = to.map(str::to_owned);
        let what = What::Assigned { slot: task_id.slot, to: to.unwrap_or_default().to_owned() };
        self.keep(&mut tasks, task.clone(), Some(Event::new(now, by, what)))?;
        Ok(task)
    }

    /// Forgets the tasks of calls that are gone.
    fn prune(&self, tasks: &mut Tasks<'_>) -> Result<(), ReviewError> {
        let mut gone = Vec::new();
        for id in tasks.keys() {
            let state = self.store.facts(&id.call_id)?.map(|facts| facts.review_state());
            if !matches!(state, Some(ReviewState::Queued | ReviewState::Appealed)) {
                gone.push(id.clone());
            }
        }
        gone.iter().for_each(|id| drop(tasks.remove(id)));
        Ok(())
    }
}
