//! The open tasks of one store in memory, in the order in which they go: so that whoever asks for the next one waits for
//! no queue, however long it is.
//!
//! Made of what the store keeps when it starts, and changed only after the store has kept the change.
//!
//! **Invariant**: every task stands in the line once, at its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::event::Slot;
use super::task::{Place, Task, TaskId};
use crate::types::CallId;

/// Open tasks.
#[derive(Debug, Default)]
pub(super) struct Line {
    tasks: BTreeMap<Place, Task>,
    places: BTreeMap<TaskId, Place>,
    /// What each person took, also when their time is over.
    taken: HashMap<String, BTreeSet<Place>>,
    /// Who may take nothing of a call, of the calls for which somebody wanted to know.
    barred: HashMap<CallId, BTreeSet<String>>,
    /// Keys of tasks that cannot be read.
    damaged: BTreeSet<Vec<u8>>,
}

impl Line {
    /// Puts a task in the place of what it was before.
    pub(super) fn put(&mut self, task: Task) {
        self.take_out(&task.id);
        self.damaged.remove(&task.id.key());
        let place = task.place();
        if let Some(lease) = &task.lease {
            self.taken.entry(lease.reviewer.clone()).or_default().insert(place.clone());
        }
        self.places.insert(task.id.clone(), place.clone());
        self.tasks.insert(place, task);
    }

    /// Takes a task out that is open no more.
    pub(super) fn remove(&mut self, id: &TaskId) {
        self.take_out(id);
        self.damaged.remove(&id.key());
        if self.of_call(&id.call_id).next().is_none() {
            self.barred.remove(&id.call_id);
        }
    }

    fn take_out(&mut self, id: &TaskId) {
        let Some(place) = self.places.remove(id) else { return };
        let Some(task) = self.tasks.remove(&place) else { return };
        if let Some(lease) = task.lease
            && let Some(taken) = self.taken.get_mut(&lease.reviewer)
        {
            taken.remove(&place);
            if taken.is_empty() {
                self.taken.remove(&lease.reviewer);
            }
        }
    }

    /// Takes out what `is_open` does not want.
    pub(super) fn retain(&mut self, is_open: impl Fn(&TaskId) -> bool) {
        let gone: Vec<TaskId> = self.places.keys().filter(|id| !is_open(id)).cloned().collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    /// Notes that a task with this key cannot be read.
    pub(super) fn damage(&mut self, key: Vec<u8>) {
        self.damaged.insert(key);
    }

    /// How many tasks cannot be read.
    pub(super) fn num_damaged(&self) -> u64 {
        self.damaged.len() as u64
    }

    /// Whether there is such a task, be it damaged.
    pub(super) fn has(&self, id: &TaskId) -> bool {
        self.places.contains_key(id) || self.damaged.contains(&id.key())
    }

    /// A task.
    pub(super) fn get(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.get(self.places.get(id)?)
    }

    /// The tasks of one call, by slot.
    pub(super) fn of_call<'a>(&'a self, id: &'a CallId) -> impl Iterator<Item = &'a Task> {
        let first = TaskId { call_id: id.clone(), slot: Slot::First };
        let own = self.places.range(first..).take_while(move |(task, _)| task.call_id == *id);
        own.filter_map(|(_, place)| self.tasks.get(place))
    }

    /// All tasks with their places, those that go first before the others.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Place, &Task)> {
        self.tasks.iter()
    }

    /// What a person took, also when their time is over.
    pub(super) fn taken_by(&self, reviewer: &str) -> impl Iterator<Item = &Task> {
        self.taken.get(reviewer).into_iter().flatten().filter_map(|place| self.tasks.get(place))
    }

    /// Who may take nothing of a call; nothing when nobody wanted to know it yet.
    pub(super) fn barred(&self, id: &CallId) -> Option<&BTreeSet<String>> {
        self.barred.get(id)
    }

    /// Remembers who may take nothing of a call, as long as it waits.
    pub(super) fn know_barred(&mut self, id: &CallId, barred: BTreeSet<String>) {
        if self.of_call(id).next().is_some() {
            self.barred.insert(id.clone(), barred);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::task::Lease;
    use super::*;
    use crate::analysis::Level;

    fn tasks() -> impl Strategy<Value = Vec<Task>> {
        let slot = prop::sample::select(vec![Slot::First, Slot::Second, Slot::Decider, Slot::Appeal]);
        let level = prop::option::of(prop::sample::select(Level::ALL.to_vec()));
        let one = ("[ab]{1,2}", slot, level, 0..3_u32, -2..2_i64, prop::option::of("[xy]"));
        let task = one.prop_map(|(call_id, slot, level, priority, at, who)| Task {
            id: TaskId { call_id: CallId::try_new(call_id).expect("an id"), slot },
            plan: None,
            level,
            priority,
            queued_at: Timestamp::from_second(at).expect("a time"),
            lease: who.map(|reviewer| Lease {
                reviewer,
                since: Timestamp::UNIX_EPOCH,
                until: Timestamp::UNIX_EPOCH,
            }),
            assigned_to: None,
        });
        prop::collection::vec(task, 0..30)
    }

    proptest! {
        /// The line against a list that is sorted anew: by level, appeals first, by priority, by time, by name.
        #[test]
        fn everybody_stands_once_at_their_place(tasks in tasks(), gone in tasks()) {
            let (mut line, mut known) = (Line::default(), BTreeMap::new());
            for task in tasks {
                line.put(task.clone());
                known.insert(task.id.clone(), task);
            }
            for task in gone {
                line.remove(&task.id);
                known.remove(&task.id);
            }
            let mut sorted: Vec<&Task> = known.values().collect();
            sorted.sort_by_key(|task| {
                let level = task.level.map_or((1, None), |level| (0, Some(level)));
                let last = (u32::MAX - task.priority, task.queued_at, &task.id);
                (level, task.id.slot != Slot::Appeal, last)
            });
            prop_assert_eq!(line.all().map(|(_, task)| task).collect::<Vec<_>>(), sorted.clone());
            prop_assert!(sorted.iter().all(|task| line.get(&task.id) == Some(*task)));
            for who in ["x", "y"] {
                let own = |task: &&&Task| task.lease.as_ref().is_some_and(|lease| lease.reviewer == who);
                let own: Vec<_> = sorted.iter().filter(own).copied().collect();
                prop_assert_eq!(line.taken_by(who).collect::<Vec<_>>(), own);
            }
            let of_a: Vec<_> = known.values().filter(|task| task.id.call_id.as_str() == "a").collect();
            let a = CallId::try_new("a").expect("an id");
            prop_assert_eq!(line.of_call(&a).collect::<Vec<_>>(), of_a);
        }
    }
}
