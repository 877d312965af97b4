//! The reviews of one store: reads histories, takes steps, writes them with what counts in one step.
//!
//! **Invariant**: one step at a time; the tasks in memory are those on the disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::appeal::{Handling, Subject};
use super::event::{Event, Slot, What};
use super::line::Line;
use super::state::Review;
use super::submit::{Choice, Scene, Submission, check_text};
use super::task::{Task, TaskId};
use super::{ReviewConfig, ReviewError};
use crate::analysis::{Analysis, Level, ManualItem, Verdict};
use crate::catalog::{CallFacts, Catalog, ReviewFacts, ReviewState, Stage};
use crate::error::Chain;
use crate::store::{Family, Readable, Store, StoreError};
use crate::types::CallId;

/// Most steps of one call that are read.
const MAX_EVENTS: usize = 100_000;

/// A review as a person may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The review. While two people review blindly, without what the other one says.
    pub review: Review,
    /// The facts of the call.
    pub facts: CallFacts,
    /// Its open tasks.
    pub tasks: Vec<Task>,
    /// Whether something is held back from this person.
    pub is_blind: bool,
    /// How many steps of the history cannot be read. The review is what the others come to.
    pub num_damaged: u32,
}

/// All reviews of one store. All methods block.
#[derive(Debug)]
pub struct Reviews {
    pub(super) store: Arc<Store>,
    pub(super) config: ReviewConfig,
    /// Minutes that the centre's clock is ahead of UTC: days, weeks and months of plans begin by it.
    pub(super) utc_offset_minutes: i32,
    tasks: Mutex<Line>,
    /// Held from the choice of candidates until the last of them is drawn.
    drawing: Mutex<()>,
}

/// The tasks, while nobody else takes a step.
pub(super) type Tasks<'a> = MutexGuard<'a, Line>;

impl Reviews {
    /// Reads what waits. Plans go by a clock that is `utc_offset_minutes` ahead of UTC.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn open(
        store: Arc<Store>,
        config: ReviewConfig,
        utc_offset_minutes: i32,
    ) -> Result<Self, ReviewError> {
        // One that is damaged is passed over: its call can still be reviewed by name, and the next step makes it anew.
        let tasks: Readable<Task> = store.documents_readable(Family::ReviewTask, &[], None, usize::MAX)?;
        let mut line = Line::default();
        tasks.damaged.into_iter().for_each(|key| line.damage(key));
        tasks.documents.into_iter().for_each(|(_, task)| line.put(task));
        Ok(Self { store, config, utc_offset_minutes, tasks: Mutex::new(line), drawing: Mutex::default() })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &ReviewConfig {
        &self.config
    }

    pub(super) fn tasks(&self) -> Tasks<'_> {
        // OK after a panic elsewhere: memory changes only after the disk did, by whole tasks.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans draw one at a time: what one draws counts for the next.
    pub(super) fn drawing(&self) -> MutexGuard<'_, ()> {
        self.drawing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The review of a call.
    pub(super) fn read(&self, id: &CallId) -> Result<Review, ReviewError> {
        let events = self.store.documents(Family::Review, &key(id, None), None, MAX_EVENTS)?;
        Ok(Review::of(events.into_iter().map(|(_, event): (_, Event)| event).collect()))
    }

    /// The review of a call as far as its history can be read, and how many steps of it cannot: for whoever looks. No
    /// step may be taken by it.
    fn read_readable(&self, id: &CallId) -> Result<(Review, u32), ReviewError> {
        let events: Readable<Event> =
            self.store.documents_readable(Family::Review, &key(id, None), None, MAX_EVENTS)?;
        let num_damaged = u32::try_from(events.damaged.len()).unwrap_or(u32::MAX);
        Ok((Review::of(events.documents.into_iter().map(|(_, event)| event).collect()), num_damaged))
    }

    /// The review of a call; `None` when it is damaged, for whoever looks at many calls and must go on.
    pub(super) fn read_of_many(&self, id: &CallId) -> Result<Option<Review>, ReviewError> {
        or_passed_over(id, self.read(id))
    }

    pub(super) fn facts(&self, id: &CallId) -> Result<CallFacts, ReviewError> {
        let facts = self.store.facts(id)?;
        Ok(facts.ok_or_else(|| StoreError::NotFound { id: id.clone() })?)
    }

    /// A call as it is to be reviewed.
    pub(super) fn scene(&self, id: &CallId) -> Result<(Scene, CallFacts), ReviewError> {
        let facts = self.facts(id)?;
        let not_done = || ReviewError::NotDone { id: id.clone() };
        if facts.stage != Stage::Done {
            return Err(not_done());
        }
        let analysis = self.store.analysis(id)?.ok_or_else(not_done)?;
        let Analysis { findings, scorecard, .. } = &analysis;
        let agents = facts.agents.iter().filter_map(|agent| agent.agent_id.as_deref());
        let scene = Scene {
            id: id.clone(),
            agents: agents.map(str::to_owned).collect(),
            machine: findings.iter().map(|one| (one.rule_id.clone(), one.verdict)).collect(),
            revision: scorecard.revision.clone(),
            manual: analysis.manual_items().to_vec(),
            rewards: analysis.rewarding_rules(),
        };
        Ok((scene, facts))
    }

    /// Takes steps: writes them behind the others together with what counts now and the tasks that there are now.
    pub(super) fn step(
        &self,
        tasks: &mut Tasks<'_>,
        facts: &CallFacts,
        mut review: Review,
        events: Vec<Event>,
        plan: Option<(&str, u32)>,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let num_before = review.events.len();
        if num_before == 0 {
            // Of a call of the same name that was deleted.
            let stale: Vec<TaskId> = tasks.of_call(&facts.id).map(|task| task.id.clone()).collect();
            stale.iter().for_each(|id| tasks.remove(id));
        }
        events.into_iter().for_each(|event| review.apply(event));
        let mut open: Vec<Task> = Vec::new();
        for slot in &review.waiting {
            let id = TaskId { call_id: facts.id.clone(), slot: *slot };
            open.push(tasks.get(&id).cloned().unwrap_or_else(|| Task {
                id,
                plan: plan.map(|(plan, _)| plan.to_owned()).or_else(|| review.plan().map(str::to_owned)),
                level: level(&self.store.catalog(), facts),
                priority: plan.map_or(0, |(_, priority)| priority),
                queued_at: now,
                lease: None,
                assigned_to: None,
            }));
        }
        let of_slot = |slot| TaskId { call_id: facts.id.clone(), slot };
        let gone: Vec<TaskId> = Slot::ALL
            .into_iter()
            .map(of_slot)
            .filter(|id| tasks.has(id) && open.iter().all(|open| open.id != *id))
            .collect();
        self.store.annotate(&facts.id, |annotations, writes| {
            for (number, event) in review.events.iter().enumerate().skip(num_before) {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                writes.put(Family::Review, &key(&facts.id, Some(number)), event)?;
            }
            for task in &open {
                writes.put(Family::ReviewTask, &task.id.key(), task)?;
            }
            gone.iter().for_each(|id| writes.remove(Family::ReviewTask, &id.key()));
            annotations.review = Some(Box::new(review.facts()));
            Ok::<_, ReviewError>(())
        })?;
        gone.iter().for_each(|id| tasks.remove(id));
        open.into_iter().for_each(|task| tasks.put(task));
        tasks.know_barred(&facts.id, review.barred().into_iter().map(str::to_owned).collect());
        Ok(review)
    }

    /// Keeps a task as it is now, and an event about it.
    pub(super) fn keep(
        &self,
        tasks: &mut Tasks<'_>,
        task: Task,
        event: Option<Event>,
    ) -> Result<(), ReviewError> {
        let call_id = &task.id.call_id;
        // Only a whole history says which number is the next.
        let num_before = event.as_ref().map(|_| Ok::<_, ReviewError>(self.read(call_id)?.events.len()));
        let number = u32::try_from(num_before.transpose()?.unwrap_or_default()).unwrap_or(u32::MAX);
        // Through the call, so that nothing stays behind when it is deleted at this moment.
        self.store.annotate(call_id, |_, writes| {
            if let Some(event) = &event {
                writes.put(Family::Review, &key(call_id, Some(number)), event)?;
            }
            writes.put(Family::ReviewTask, &task.id.key(), &task)
        })?;
        tasks.put(task);
        Ok(())
    }

    /// Brings a call into the queue, once. Says whether it was not there before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; anything the disk fails with.
    pub fn queue(
        &self,
        id: &CallId,
        by: &str,
        plan: Option<(&str, u32)>,
        is_double: bool,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        Self::check_person(by, "")?;
        let mut tasks = self.tasks();
        let facts = self.facts(id)?;
        if facts.stage != Stage::Done || facts.review_state() != ReviewState::None {
            return Ok(false);
        }
        let mut slots = vec![Slot::First];
        slots.extend(is_double.then_some(Slot::Second));
        let what = What::Queued { plan: plan.map(|(plan, _)| plan.to_owned()), slots };
        let review = self.read(id)?;
        self.step(&mut tasks, &facts, review, vec![Event::new(now, by, what)], plan, now)?;
        Ok(true)
    }

    /// Takes what a reviewer says.
    ///
    /// # Errors
    /// [`ReviewError`] when the step cannot be taken.
    pub fn submit(
        &self,
        id: &CallId,
        submission: &Submission,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let mut tasks = self.tasks();
        let (scene, facts) = self.scene(id)?;
        self.check_turns(id, &submission.choices)?;
        let review = self.read(id)?;
        let reviewer = submission.reviewer.as_str();
        let own = |task: &&Task| task.id.slot != Slot::Appeal;
        let held = tasks.of_call(id).filter(own).find(|task| task.holder(now) == Some(reviewer));
        let free = tasks.of_call(id).filter(own).find(|task| {
            let is_theirs = task.assigned_to.as_deref().is_none_or(|to| to == reviewer);
            task.holder(now).is_none() && is_theirs
        });
        let slot = match held.or(free) {
            Some(task) => task.id.slot,
            None => match tasks.of_call(id).find(own) {
                Some(task) => {
                    let holder = task.holder(now).or(task.assigned_to.as_deref()).unwrap_or_default();
                    return Err(ReviewError::Taken { id: id.clone(), holder: holder.to_owned() });
                }
                None => Slot::First,
            },
        };
        let since = held.and_then(|task| task.lease.as_ref()).map(|lease| lease.since);
        let took = since.map(|since| now.duration_since(since).as_secs());
        let took = took.map(|seconds| u32::try_from(seconds).unwrap_or(0));
        let events = review.submit(&scene, submission, slot, took, now)?;
        self.step(&mut tasks, &facts, review, events, None, now)
    }

    /// Whether the turns that a reviewer names are turns of the call: nobody can look up the others.
    fn check_turns(&self, id: &CallId, choices: &[Choice]) -> Result<(), ReviewError> {
        let named =
            || choices.iter().filter_map(|choice| Some((choice, usize::try_from(choice.turn?).ok()?)));
        if named().next().is_none() {
            return Ok(());
        }
        let num_turns = self.store.dialogue(id)?.map_or(0, |dialogue| dialogue.turns.len());
        match named().find(|(_, turn)| *turn >= num_turns) {
            Some((choice, _)) => Err(ReviewError::NoSense {
                id: id.clone(),
                rule_id: choice.rule_id.clone(),
                problem: "the call has no such turn: `calls show` numbers them",
            }),
            None => Ok(()),
        }
    }

    /// Takes an agent's appeal.
    ///
    /// # Errors
    /// [`ReviewError`] when none is taken.
    pub fn appeal(
        &self,
        id: &CallId,
        agent: &str,
        subject: Subject,
        reason: &str,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let mut tasks = self.tasks();
        let (scene, facts) = self.scene(id)?;
        let review = self.read(id)?;
        let events = review.appeal(&scene, agent, subject, reason, &self.config, now)?;
        self.step(&mut tasks, &facts, review, events, None, now)
    }

    /// Takes an appeal back.
    ///
    /// # Errors
    /// [`ReviewError`] when it is not open or not theirs.
    pub fn withdraw(
        &self,
        id: &CallId,
        agent: &str,
        number: u32,
        comment: &str,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let mut tasks = self.tasks();
        let (scene, facts) = self.scene(id)?;
        let review = self.read(id)?;
        let events = review.withdraw(&scene, agent, number, comment, now)?;
        self.step(&mut tasks, &facts, review, events, None, now)
    }

    /// Decides about appeals of a call: about all that are named, or about none.
    ///
    /// # Errors
    /// [`ReviewError`] when the step cannot be taken.
    pub fn handle(&self, id: &CallId, handling: &Handling, now: Timestamp) -> Result<Review, ReviewError> {
        let mut tasks = self.tasks();
        let (scene, facts) = self.scene(id)?;
        let review = self.read(id)?;
        let task = TaskId { call_id: id.clone(), slot: Slot::Appeal };
        if let Some(task) = tasks.get(&task)
            && let Some(holder) = task.holder(now).or(task.assigned_to.as_deref())
            && holder != handling.handler
        {
            return Err(ReviewError::Taken { id: id.clone(), holder: holder.to_owned() });
        }
        let events = review.handle(&scene, handling, now)?;
        self.step(&mut tasks, &facts, review, events, None, now)
    }

    /// The review of a call as `viewer` may see it; nobody in particular when absent. Whoever has the call keeps it
    /// longer by looking.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; anything the disk fails with.
    pub fn get(&self, id: &CallId, viewer: Option<&str>, now: Timestamp) -> Result<Shown, ReviewError> {
        let mut tasks = self.tasks();
        let (facts, (review, num_damaged)) = (self.facts(id)?, self.read_readable(id)?);
        let own: Vec<Task> = tasks.of_call(id).cloned().collect();
        let held = own.iter().find(|task| viewer.is_some() && task.holder(now) == viewer).cloned();
        if let (Some(mut task), Some(viewer)) = (held, viewer) {
            task.take(viewer, self.config.lease_minutes, now);
            self.keep(&mut tasks, task, None)?;
        }
        // Whether a second one was to look may be what cannot be read: then nobody sees what another one said.
        let waits = |slot| own.iter().any(|task| task.id.slot == slot);
        let is_unsure = num_damaged > 0 && (waits(Slot::First) || waits(Slot::Second));
        let is_blind = review.is_blind() || is_unsure;
        let review = if is_blind { without_opinions(review, viewer) } else { review };
        let tasks = tasks.of_call(id).cloned().collect();
        Ok(Shown { review, facts, tasks, is_blind, num_damaged })
    }

    /// What people decided about a call, as far as it counts; `None` when nobody looked at it.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn decided(&self, id: &CallId) -> Result<Option<(ReviewFacts, Review)>, ReviewError> {
        let facts = self.store.facts(id)?.and_then(|facts| facts.annotations.review);
        facts.map(|facts| Ok((*facts, self.read_readable(id)?.0))).transpose()
    }

    /// What the scheme leaves to a person in a call.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn manual_items(&self, id: &CallId) -> Result<Vec<ManualItem>, ReviewError> {
        let analysis = self.store.analysis(id)?;
        Ok(analysis.map(|analysis| analysis.manual_items().to_vec()).unwrap_or_default())
    }

    /// Whether a name and words can be kept.
    pub(super) fn check_person(person: &str, words: &str) -> Result<(), ReviewError> {
        check_text(person, words, false)
    }
}

/// Nothing where the error is about this call alone and will be no better when it is tried again.
pub(super) fn or_passed_over<T>(
    id: &CallId,
    outcome: Result<T, ReviewError>,
) -> Result<Option<T>, ReviewError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(ReviewError::Store(error)) if !error.is_passing() => {
            tracing::warn!(call = %id, error = %Chain(&error), "a call is passed over in reviews");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The key of a step, or what the keys of all steps of a call begin with.
pub(super) fn key(id: &CallId, number: Option<u32>) -> Vec<u8> {
    let mut key = id.as_str().as_bytes().to_vec();
    key.push(0);
    key.extend(number.iter().flat_map(|number| number.to_be_bytes()));
    key
}

/// The most severe level among the machine's hits.
fn level(catalog: &Catalog, facts: &CallFacts) -> Option<Level> {
    let (judgement, table) = (facts.judgement.as_ref()?, catalog.table_of(facts)?);
    let hits = table
        .rules
        .iter()
        .enumerate()
        .filter(|(index, _)| judgement.verdicts.get(*index) == Some(Verdict::Hit));
    hits.map(|(_, rule)| rule.level).min()
}

/// A review without what others than `viewer` said while it is blind.
fn without_opinions(review: Review, viewer: Option<&str>) -> Review {
    let shown = |event: &Event| match event.what {
        What::Decided { .. } | What::Scored { .. } => Some(event.actor.as_str()) == viewer,
        What::Queued { .. }
        | What::Assigned { .. }
        | What::Returned { .. }
        | What::Submitted { .. }
        | What::Differed { .. }
        | What::Appealed { .. }
        | What::Withdrawn { .. }
        | What::Handled { .. } => true,
    };
    let events = review.events.into_iter().filter(shown).map(|event| {
        let is_theirs = Some(event.actor.as_str()) == viewer;
        if is_theirs || !matches!(event.what, What::Submitted { .. }) {
            event
        } else {
            Event { comment: String::new(), ..event }
        }
    });
    Review::of(events.collect())
}
