//! The front of alerts: starts and stops the threads, answers questions, takes what people do.
//!
//! **Invariant**: what people do is durable when they are told so, and of two who do what excludes the other one is told
//! that the other was first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::book::Row;
use super::config::AlertsConfig;
use super::dead::{self, DeadLetter};
use super::model::{Alert, AlertState, Event, Step};
use super::pulse::{Pulse, Worker};
use super::receiver::Receiver;
use super::shared::{Pen, Shared};
use super::{AlertError, deliver, follow};
use crate::analysis::Level;
use crate::pipeline::Calls;
use crate::types::CallId;

/// Wait before a thread that panicked begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// All alerts of one data directory. All methods block, apart from [`subscribe`](Self::subscribe).
#[derive(Debug)]
pub struct Alerts {
    shared: Arc<Shared>,
    receivers: Arc<[Receiver]>,
    workers: Mutex<Vec<Worker>>,
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
    /// How many alerts cannot be read, of all there are. Whether the filter would choose them nobody knows.
    pub num_damaged: u64,
}

/// An alert with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStory {
    /// The alert.
    pub view: AlertView,
    /// All that happened to it, oldest first.
    pub history: Vec<Event>,
    /// How many steps of it cannot be read.
    pub num_damaged: u32,
}

/// An alert after a step was taken with it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertOutcome {
    /// The alert.
    pub view: AlertView,
    /// With how many of its members the step was taken.
    pub num_members: u32,
    /// How many of its members cannot be read; no step was taken with them.
    pub num_damaged: u32,
}

/// A page of dead letters, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadLetterPage {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// Where the next page begins: before this number.
    pub next: Option<u64>,
    /// How many dead letters cannot be read, of all there are.
    pub num_damaged: u64,
}

impl Alerts {
    /// Reads the alerts of the store and starts to follow its calls and to deliver.
    ///
    /// # Errors
    /// [`AlertError::SecretFile`] and [`AlertError::Proxy`] for a receiver; [`AlertError::Threads`]; anything the disk
    /// fails with.
    pub fn start(calls: Arc<Calls>, config: &AlertsConfig) -> Result<Self, AlertError> {
        let zone = calls.rules().scheme().time_zone();
        let receivers: Result<Vec<Receiver>, AlertError> =
            config.receiver.iter().map(|one| Receiver::new(one.clone(), zone.clone())).collect();
        let receivers: Arc<[Receiver]> = receivers?.into();
        let shared = Arc::new(Shared::open(calls, config.clone())?);
        let alerts = Self { shared, receivers, workers: Mutex::default() };
        // Before anything is raised: each begins with what comes after.
        for receiver in alerts.receivers.iter() {
            deliver::enter(&alerts.shared, receiver)?;
        }
        alerts.spawn("alerts".to_owned(), follow::run)?;
        for (index, receiver) in alerts.receivers.iter().enumerate() {
            let receivers = Arc::clone(&alerts.receivers);
            alerts.spawn(format!("to-{}", receiver.config.name), move |shared, pulse| {
                if let Some(receiver) = receivers.get(index) {
                    deliver::run(shared, receiver, pulse);
                }
            })?;
        }
        Ok(alerts)
    }

    fn spawn(&self, name: String, work: impl Fn(&Shared, &Pulse) + Send + 'static) -> Result<(), AlertError> {
        let (resting, working) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        let rest = move || resting.rest(PAUSE);
        let worker = Worker::start(name, rest, move |pulse| work(&working, pulse))?;
        self.workers().push(worker);
        Ok(())
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the calls are followed and every receiver is delivered to: all threads run, and none panicked or failed
    /// with the last thing it tried. A receiver that does not take a message is no failure of ours.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.workers().iter().all(Worker::is_well)
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
            if is_chosen && let Some(alert) = self.shared.readable_alert(event.alert)? {
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
                if !filter.matches(row, row.state) || book.is_damaged(number) {
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
            match self.shared.readable_alert(number)? {
                Some(alert) => alerts.push(self.view(alert)),
                None => total -= 1,
            }
        }
        Ok(AlertPage { alerts, next, total, num_damaged: self.shared.book().num_damaged() })
    }

    /// An alert and all that happened to it, as far as that can be read.
    ///
    /// # Errors
    /// [`AlertError::NotFound`]; anything the disk fails with.
    pub fn get(&self, number: u64) -> Result<AlertStory, AlertError> {
        let alert = self.shared.alert(number)?;
        let (mut history, mut num_damaged) = (Vec::with_capacity(alert.events.len()), 0);
        for event in &alert.events {
            match self.shared.readable_event(*event)? {
                Some(event) => history.push(event),
                None => num_damaged += 1,
            }
        }
        Ok(AlertStory { view: self.view(alert), history, num_damaged })
    }

    /// Takes a step with an alert, durably; for a digest, where `with_members` says so, with those of its alerts too that
    /// allow it and can be read.
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
    ) -> Result<AlertOutcome, AlertError> {
        let mut pen = Pen::new(&self.shared, Timestamp::now());
        pen.step(number, step, actor, note).map_err(|error| self.with_who_was_first(error))?;
        let (mut num_members, mut num_damaged) = (0, 0);
        let digest = self.shared.alert(number)?.digest.filter(|_| with_members);
        for member in digest.iter().flat_map(|digest| &digest.alerts) {
            match pen.step(*member, step, actor, note) {
                Ok(()) => num_members += 1,
                Err(AlertError::WrongState { .. } | AlertError::TooManyChanges { .. }) => {}
                Err(error) if error.is_of_one_alert() => num_damaged += 1,
                Err(error) => return Err(error),
            }
        }
        pen.finish()?;
        if num_damaged > 0 {
            tracing::warn!(alert = number, num_damaged, "damaged alerts of a digest are passed over");
        }
        Ok(AlertOutcome { view: self.view(self.shared.alert(number)?), num_members, num_damaged })
    }

    /// A step that comes too late, with whoever was first and when, by the centre's clock.
    fn with_who_was_first(&self, error: AlertError) -> AlertError {
        let AlertError::WrongState { number, state, wanted, .. } = error else { return error };
        let events = self.shared.alert(number).map(|alert| alert.events).unwrap_or_default();
        let mut by = String::new();
        // Back to the event that brought it into this state.
        for number in events.into_iter().rev() {
            match self.shared.readable_event(number) {
                Ok(Some(event)) if event.state == state => {
                    let who = if event.actor.is_empty() { "the server" } else { &event.actor };
                    let at = event.at.to_zoned(self.shared.calls.rules().scheme().time_zone());
                    by = format!(" by {who} since {}", at.strftime("%Y-%m-%d %H:%M:%S %:z"));
                }
                Ok(_) | Err(_) => break,
            }
        }
        AlertError::WrongState { number, state, by, wanted }
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
    ) -> Result<DeadLetterPage, AlertError> {
        let dead::All { mut letters, num_damaged, .. } = dead::all(&self.shared)?;
        letters.retain(|letter| {
            receiver.is_none_or(|receiver| letter.receiver == receiver)
                && (with_delivered || letter.delivered_at.is_none())
                && before.is_none_or(|before| letter.number < before)
        });
        letters.reverse();
        let is_cut = letters.len() > size;
        letters.truncate(size);
        let next = letters.last().filter(|_| is_cut).map(|letter| letter.number);
        Ok(DeadLetterPage { letters, next, num_damaged })
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
        let workers = std::mem::take(&mut *self.workers());
        workers.into_iter().for_each(Worker::join);
    }

    fn view(&self, alert: Alert) -> AlertView {
        AlertView { digest_of: self.shared.book().digest_of(alert.number), alert }
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
    use super::super::book::Book;
    use super::super::fixture::alert;
    use super::super::model::Digest;
    use super::*;

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
        let alert = |number, digest| Alert { digest, state: AlertState::Closed, ..alert(number) };
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
