//! The front of alerts: starts and stops the threads, answers questions, takes what people do.
//!
//! **Invariant**: what people do is durable when they are told so, and of two who do what excludes the other one is told
//! that the other was first.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use tokio::sync::watch;

use super::book::Row;
use super::config::AlertsConfig;
use super::dead::{self, DeadLetter};
use super::model::{Alert, AlertState, Event, Step};
use super::receiver::Receiver;
use super::shared::{Pen, Shared, key};
use super::{AlertError, deliver, follow};
use crate::analysis::Level;
use crate::pipeline::Calls;
use crate::store::Family;
use crate::types::CallId;

/// Wait before a thread that panicked begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// All alerts of one data directory. All methods block, apart from [`subscribe`](Self::subscribe).
#[derive(Debug)]
pub struct Alerts {
    shared: Arc<Shared>,
    receivers: Arc<[Receiver]>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Which alerts. Each field that is not empty narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertFilter {
    /// Any of these states.
    pub states: Vec<AlertState>,
    /// Any of these levels.
    pub levels: Vec<Level>,
    /// Any of these risk models.
    pub risk_ids: Vec<String>,
    /// Any of these teams.
    pub teams: Vec<String>,
    /// The agent's job number.
    pub agent_id: Option<String>,
    /// The call.
    pub call_id: Option<CallId>,
    /// Raised at or after.
    pub since: Option<Timestamp>,
    /// Raised before.
    pub until: Option<Timestamp>,
    /// Leaves out what was held back.
    pub without_held_back: bool,
}

/// An alert with what the others say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// The alert.
    pub alert: Alert,
    /// The digest that holds it.
    pub digest_of: Option<u64>,
}

/// A page of alerts, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertPage {
    /// The alerts.
    pub alerts: Vec<AlertView>,
    /// Where the next page begins: before this number.
    pub next: Option<u64>,
    /// How many there are on all pages.
    pub total: u64,
}

impl Alerts {
    /// Reads the alerts of the store and starts to follow its calls and to deliver.
    ///
    /// # Errors
    /// [`AlertError::SecretFile`] and [`AlertError::Proxy`] for a receiver; [`AlertError::Threads`]; anything the disk
    /// fails with.
    pub fn start(calls: Arc<Calls>, config: &AlertsConfig) -> Result<Self, AlertError> {
        let minutes = calls.rules().scheme().utc_offset_minutes;
        let zone = Offset::from_seconds(minutes.saturating_mul(60)).map_or(TimeZone::UTC, TimeZone::fixed);
        let receivers: Result<Vec<Receiver>, AlertError> =
            config.receiver.iter().map(|one| Receiver::new(one.clone(), zone.clone())).collect();
        let receivers: Arc<[Receiver]> = receivers?.into();
        let shared = Arc::new(Shared::open(calls, config.clone())?);
        let alerts = Self { shared, receivers, threads: Mutex::default() };
        // Before anything is raised: each begins with what comes after.
        for receiver in alerts.receivers.iter() {
            deliver::enter(&alerts.shared, receiver)?;
        }
        let shared = Arc::clone(&alerts.shared);
        alerts
            .spawn("alerts".to_owned(), move || kept_up(&|| shared.rest(PAUSE), &|| follow::run(&shared)))?;
        for (index, receiver) in alerts.receivers.iter().enumerate() {
            let (shared, receivers) = (Arc::clone(&alerts.shared), Arc::clone(&alerts.receivers));
            alerts.spawn(format!("to-{}", receiver.config.name), move || {
                if let Some(receiver) = receivers.get(index) {
                    kept_up(&|| shared.rest(PAUSE), &|| deliver::run(&shared, receiver));
                }
            })?;
        }
        Ok(alerts)
    }

    fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), AlertError> {
        let thread = thread::Builder::new().name(name).spawn(work);
        let thread = thread.map_err(|source| AlertError::Threads { source })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// The number of the last event that is durable, now and whenever it grows.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.published.subscribe()
    }

    /// Whether somebody may go on from `cursor`.
    ///
    /// # Errors
    /// [`AlertError::Cursor`] when there was no such event yet.
    pub fn check_cursor(&self, cursor: u64) -> Result<(), AlertError> {
        let last = self.shared.signal().last_event;
        if cursor > last { Err(AlertError::Cursor { cursor, last }) } else { Ok(()) }
    }

    /// Events after `cursor` with their alerts as they are now, those that `filter` chooses of the next `limit`; and the
    /// cursor after all of these.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn events(
        &self,
        cursor: u64,
        filter: &AlertFilter,
        limit: usize,
    ) -> Result<(Vec<(Event, AlertView)>, u64), AlertError> {
        let (events, last) = self.shared.events(cursor, limit)?;
        let mut chosen = Vec::new();
        for event in events {
            let is_chosen =
                self.shared.book().row(event.alert).is_some_and(|row| filter.matches(row, event.state));
            if is_chosen && let Some(alert) = deliver::readable(&event, self.shared.alert(event.alert))? {
                chosen.push((event, self.view(alert)));
            }
        }
        Ok((chosen, last))
    }

    /// The alerts that `filter` chooses, newest first, those with a number below `before` only.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn list(
        &self,
        filter: &AlertFilter,
        size: usize,
        before: Option<u64>,
    ) -> Result<AlertPage, AlertError> {
        let mut numbers = Vec::new();
        let (mut total, mut next) = (0, None);
        {
            let book = self.shared.book();
            for (number, row) in book.newest_first() {
                if !filter.matches(row, row.state) {
                    continue;
                }
                total += 1;
                if before.is_some_and(|before| number >= before) {
                    continue;
                }
                if numbers.len() < size {
                    numbers.push(number);
                } else if next.is_none() {
                    next = numbers.last().copied();
                }
            }
        }
        let mut alerts = Vec::with_capacity(numbers.len());
        for number in numbers {
            alerts.push(self.view(self.shared.alert(number)?));
        }
        Ok(AlertPage { alerts, next, total })
    }

    /// An alert and all that happened to it, oldest first.
    ///
    /// # Errors
    /// [`AlertError::NotFound`]; anything the disk fails with.
    pub fn get(&self, number: u64) -> Result<(AlertView, Vec<Event>), AlertError> {
        let alert = self.shared.alert(number)?;
        let mut history = Vec::with_capacity(alert.events.len());
        for event in &alert.events {
            history.extend(self.shared.store().document::<Event>(Family::AlertEvent, &key(*event))?);
        }
        Ok((self.view(alert), history))
    }

    /// Takes a step with an alert, durably; for a digest, where `with_members` says so, with those of its alerts too that
    /// allow it. Gives the alert, and with how many of its members it was taken.
    ///
    /// # Errors
    /// [`AlertError::NotFound`], [`AlertError::WrongState`], [`AlertError::TooManyChanges`]; anything the disk fails with.
    pub fn act(
        &self,
        number: u64,
        step: &Step,
        actor: &str,
        note: &str,
        with_members: bool,
    ) -> Result<(AlertView, u32), AlertError> {
        let mut pen = Pen::new(&self.shared, Timestamp::now());
        pen.step(number, step, actor, note)?;
        let mut num_members = 0;
        let digest = self.shared.alert(number)?.digest.filter(|_| with_members);
        for member in digest.iter().flat_map(|digest| &digest.alerts) {
            match pen.step(*member, step, actor, note) {
                Ok(()) => num_members += 1,
                Err(
                    AlertError::WrongState { .. }
                    | AlertError::TooManyChanges { .. }
                    | AlertError::NotFound { .. },
                ) => {}
                Err(error) => return Err(error),
            }
        }
        pen.finish()?;
        Ok((self.view(self.shared.alert(number)?), num_members))
    }

    /// Messages that could not be delivered, newest first: of a receiver or of all, with those that were delivered after
    /// all or without, those with a number below `before` only.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn dead_letters(
        &self,
        receiver: Option<&str>,
        with_delivered: bool,
        size: usize,
        before: Option<u64>,
    ) -> Result<(Vec<DeadLetter>, Option<u64>), AlertError> {
        let mut letters = dead::all(&self.shared)?;
        letters.retain(|letter| {
            receiver.is_none_or(|receiver| letter.receiver == receiver)
                && (with_delivered || letter.delivered_at.is_none())
                && before.is_none_or(|before| letter.number < before)
        });
        letters.reverse();
        let is_cut = letters.len() > size;
        letters.truncate(size);
        let next = letters.last().filter(|_| is_cut).map(|letter| letter.number);
        Ok((letters, next))
    }

    /// Sends a dead letter once more, and waits for the outcome.
    ///
    /// # Errors
    /// [`AlertError::NoDeadLetter`], [`AlertError::Delivered`], [`AlertError::NoReceiver`], [`AlertError::NotTaken`];
    /// anything the disk fails with.
    pub fn retry_dead_letter(&self, number: u64) -> Result<DeadLetter, AlertError> {
        dead::retry(&self.shared, &self.receivers, number)
    }

    /// Sends a message without an alert to a receiver, and waits for the outcome.
    ///
    /// # Errors
    /// [`AlertError::NoReceiver`], [`AlertError::NotTaken`].
    pub fn test_receiver(&self, name: &str) -> Result<(), AlertError> {
        let receiver = self.receivers.iter().find(|receiver| receiver.config.name == name);
        let receiver = receiver.ok_or_else(|| AlertError::NoReceiver { name: name.to_owned() })?;
        let delivery = format!("{name}-test-{}", Timestamp::now().as_millisecond());
        receiver.post(&delivery, &[]).map_err(|error| receiver.not_taken(&error.problem))
    }

    /// Ends the threads; a message that is under way goes out first, or goes out again at the next start.
    pub fn shutdown(&self) {
        self.shared.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of alerts ended with a panic");
            }
        }
    }

    fn view(&self, alert: Alert) -> AlertView {
        AlertView { digest_of: self.shared.book().digest_of(alert.number), alert }
    }
}

/// Does `work` until the process ends, again after a panic: everything lies in the store, and goes on from there.
fn kept_up(rest: &dyn Fn() -> bool, work: &dyn Fn()) {
    while panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("a thread of alerts panicked, which is a defect: it begins again");
        if rest() {
            return;
        }
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl AlertFilter {
    /// Whether it chooses an alert, or what happened to it, when it was in `state`. A digest is of no team and concerns
    /// all, as for receivers.
    pub(super) fn matches(&self, row: &Row, state: AlertState) -> bool {
        let call = row.call.as_ref();
        let agent_id = call.and_then(|call| call.agent_id.as_deref());
        let team = call.and_then(|call| call.team.as_deref());
        (self.states.is_empty() || self.states.contains(&state))
            && (self.levels.is_empty() || self.levels.contains(&row.level))
            && (self.risk_ids.is_empty() || self.risk_ids.iter().any(|one| *one == *row.risk_id))
            && (self.teams.is_empty()
                || row.is_digest
                || team.is_some_and(|team| self.teams.iter().any(|one| one == team)))
            && (self.agent_id.is_none() || self.agent_id.as_deref() == agent_id)
            && (self.call_id.is_none() || self.call_id.as_ref() == call.map(|call| &call.id))
            && self.since.is_none_or(|since| row.raised_at >= since)
            && self.until.is_none_or(|until| row.raised_at < until)
            && !(self.without_held_back && row.held_back.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::book::Book;
    use super::super::model::Digest;
    use super::*;

    #[test]
    fn work_that_panics_begins_again_until_the_end() {
        let (num_begun, num_rests) = (Cell::new(0), Cell::new(0));
        let work = || {
            num_begun.set(num_begun.get() + 1);
            assert!(num_begun.get() > 2, "it panics twice");
        };
        let rest = || {
            num_rests.set(num_rests.get() + 1);
            false
        };
        kept_up(&rest, &work);
        assert_eq!((num_begun.get(), num_rests.get()), (3, 2));
        num_begun.set(0);
        kept_up(&|| true, &work);
        assert_eq!(num_begun.get(), 1, "the process ends");
    }

    #[test]
    fn a_digest_concerns_every_team_and_an_event_has_the_state_of_its_time() {
        let digest = Digest {
            alerts: vec![1],
            num_quiet: 0,
            num_too_many: 0,
            num_storm: 1,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
        };
        let alert = |number, digest| Alert {
            number,
            call: None,
            risk_id: "R1".to_owned(),
            risk_name: "n".to_owned(),
            level: Level::S1,
            at: None,
            rules: Vec::new(),
            samples: Vec::new(),
            raised_at: Timestamp::UNIX_EPOCH,
            open_since: Timestamp::UNIX_EPOCH,
            held_back: None,
            digest,
            state: AlertState::Closed,
            assignee: None,
            closed: None,
            events: vec![number],
        };
        let mut book = Book::default();
        book.put(&alert(1, None), &AlertsConfig::default());
        book.put(&alert(2, Some(digest)), &AlertsConfig::default());
        let row = |number| book.row(number).expect("it was put there");
        let of_team = AlertFilter { teams: vec!["甲".to_owned()], ..AlertFilter::default() };
        let is_of_team = |number| of_team.matches(row(number), AlertState::Open);
        assert_eq!((is_of_team(1), is_of_team(2)), (false, true));
        let open = AlertFilter { states: vec![AlertState::Open], ..AlertFilter::default() };
        assert!(open.matches(row(1), AlertState::Open), "it was open when that happened");
        assert!(!open.matches(row(1), row(1).state), "it is not now");
    }
}
