//! Who gets what next.
//!
//! **Invariant**: nobody gets their own call, a call that they decided about, or one that another person has.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::event::{Event, Slot, What};
use super::reviews::{Tasks, or_passed_over};
use super::task::{Place, Task, TaskId};
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

/// How much a person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Tasks that they have.
    pub num_held: u32,
    /// Tasks that they were told to take.
    pub num_assigned: u32,
}

/// A page of open tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskPage {
    /// Those that go first before the others.
    pub tasks: Vec<Task>,
    /// The next page is behind it; nothing at the end.
    pub next: Option<Place>,
    /// How many there are on all pages.
    pub num_tasks: u64,
    /// How much each person has of all pages, by name.
    pub loads: BTreeMap<String, Load>,
    /// How many tasks cannot be read, of all there are. Their calls can be reviewed by name.
    pub num_damaged: u64,
}

impl Reviews {
    /// Open tasks, those that go first before the others: at most `limit` of those behind a place, which need not be
    /// anybody's any more.
    #[must_use]
    pub fn list(&self, filter: &TaskFilter, after: Option<&Place>, limit: usize, now: Timestamp) -> TaskPage {
        let mut tasks = self.tasks();
        let catalog = self.store.catalog();
        let waiting: HashSet<&CallId> = catalog.chosen(&waiting()).map(|facts| &facts.id).collect();
        // Of calls that are gone.
        tasks.retain(|id| waiting.contains(&id.call_id));
        let chosen = (filter.query != CallQuery::default())
            .then(|| catalog.chosen(&filter.query).map(|facts| &facts.id).collect::<HashSet<_>>());
        let mut page = TaskPage { num_damaged: tasks.num_damaged(), ..TaskPage::default() };
        for (place, task) in tasks.all() {
            let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(&task.id.call_id));
            if !is_chosen || !filter.wants(task, now) {
                continue;
            }
            page.num_tasks += 1;
            if let Some(holder) = task.holder(now) {
                page.loads.entry(holder.to_owned()).or_default().num_held += 1;
            }
            if let Some(to) = &task.assigned_to {
                page.loads.entry(to.clone()).or_default().num_assigned += 1;
            }
            if after.is_some_and(|after| place <= after) {
                continue;
            }
            if page.tasks.len() < limit {
                page.tasks.push(task.clone());
            } else if page.next.is_none() {
                page.next = page.tasks.last().map(Task::place);
            }
        }
        page
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
        let mut tasks = self.tasks();
        let chosen = (filter.query != CallQuery::default()).then(|| {
            let catalog = self.store.catalog();
            let mut chosen = catalog.select(&filter.query);
            chosen &= catalog.select(&waiting());
            let calls = chosen.into_iter().filter_map(|number| catalog.call(number));
            calls.map(|facts| facts.id.clone()).collect::<HashSet<_>>()
        });
        let may_take = |task: &Task| {
            chosen.as_ref().is_none_or(|chosen| chosen.contains(&task.id.call_id))
                && filter.wants(task, now)
                && task.holder(now).is_none_or(|holder| holder == reviewer)
                && task.assigned_to.as_deref().is_none_or(|to| to == reviewer)
        };
        let mut learnt = Vec::new();
        let mut found = None;
        // What they have goes on, before anything else.
        let held = tasks.taken_by(reviewer).filter(|task| task.holder(now).is_some());
        let others = tasks.all().map(|(_, task)| task).filter(|task| task.holder(now).is_none());
        for task in held.chain(others).filter(|task| may_take(task)) {
            if self.may_judge(&tasks, task, reviewer, &mut learnt, now)? {
                found = Some(task.clone());
                break;
            }
        }
        for (id, barred) in learnt {
            tasks.know_barred(&id, barred);
        }
        let Some(mut task) = found else { return Ok(None) };
        task.take(reviewer, self.config.lease_minutes, now);
        self.keep(&mut tasks, task.clone(), None)?;
        Ok(Some(task))
    }

    /// Whether a person may decide what a task asks for. Notes in `learnt` who may not.
    fn may_judge(
        &self,
        tasks: &Tasks<'_>,
        task: &Task,
        reviewer: &str,
        learnt: &mut Vec<(CallId, BTreeSet<String>)>,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        let TaskId { call_id, slot } = &task.id;
        let known = tasks.barred(call_id);
        let mut others = tasks.of_call(call_id).filter(|other| other.id != task.id);
        // First of all, without the disk: thousands may wait for another person.
        if known.is_some_and(|known| known.contains(reviewer))
            || others.any(|other| other.holder(now) == Some(reviewer))
        {
            return Ok(false);
        }
        let Some(facts) = self.store.facts(call_id)? else { return Ok(false) };
        let is_waiting = match facts.review_state() {
            ReviewState::Queued => true,
            ReviewState::Appealed => *slot == Slot::Appeal,
            ReviewState::None | ReviewState::Reviewed | ReviewState::Closed => false,
        };
        if !is_waiting {
            return Ok(false);
        }
        if known.is_none() {
            let Some(review) = self.read_of_many(call_id)? else { return Ok(false) };
            let barred: BTreeSet<String> = review.barred().into_iter().map(str::to_owned).collect();
            let is_barred = barred.contains(reviewer);
            learnt.push((call_id.clone(), barred));
            if is_barred {
                return Ok(false);
            }
        }
        let found = match self.scene(call_id) {
            // Being transcribed again.
            Err(ReviewError::NotDone { .. }) => None,
            outcome => or_passed_over(call_id, outcome)?,
        };
        let Some((scene, _)) = found else { return Ok(false) };
        Ok(self.read_of_many(call_id)?.is_some_and(|review| review.may_take(&scene, reviewer, *slot).is_ok()))
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
        let held = tasks.of_call(id).find(|task| task.holder(now) == Some(reviewer));
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
            self.read(&task_id.call_id)?.may_take(&scene, to, task_id.slot)?;
        }
        task.lease = None;
        task.assigned_to = to.map(str::to_owned);
        let what = What::Assigned { slot: task_id.slot, to: to.unwrap_or_default().to_owned() };
        self.keep(&mut tasks, task.clone(), Some(Event::new(now, by, what)))?;
        Ok(task)
    }
}

/// Calls that wait for somebody.
fn waiting() -> CallQuery {
    CallQuery { reviews: vec![ReviewState::Queued, ReviewState::Appealed], ..CallQuery::default() }
}
