//! What the threads of alerts share, and the one way in which alerts change: under one lock, kept by the store in one
//! step, and told afterwards.
//!
//! **Invariant**: an event has its number before anybody sees it, numbers leave no gap, and none is told before it is
//! durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::AlertError;
use super::book::Book;
use super::config::AlertsConfig;
use super::dead;
use super::model::{Alert, Event, EventKind, HeldBack, Step, take};
use crate::catalog::CallFacts;
use crate::error::Chain;
use crate::pipeline::Calls;
use crate::store::{Family, Readable, Store, StoreError, Writes};

/// Alerts read at once when they are loaded.
const LOAD_PAGE: usize = 1_000;

/// What the threads of alerts share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) calls: Arc<Calls>,
    pub(super) config: AlertsConfig,
    book: Mutex<Book>,
    /// The last event that is durable, for tasks.
    pub(super) published: watch::Sender<u64>,
    /// The same for threads.
    signal: Mutex<Signal>,
    changed: Condvar,
    last_dead: Mutex<u64>,
    retrying: Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) last_event: u64,
    pub(super) is_stopping: bool,
}

/// The key of a numbered document.
pub(super) fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The number that such a key is of.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// Gives no number again that an event has, whether it can be read or not, nor one that the alert of an event has.
fn skip_numbers(store: &Store, book: &mut Book) -> Result<(), AlertError> {
    loop {
        let after = key(book.last_event);
        let page: Readable<Event> =
            store.documents_readable(Family::AlertEvent, &[], Some(&after), LOAD_PAGE)?;
        let damaged = page.damaged.iter().filter_map(|key| number_of(key)).max();
        book.skip(0, damaged.unwrap_or_default());
        let Some((_, last)) = page.documents.last() else { return Ok(()) };
        let last_alert = page.documents.iter().map(|(_, event)| event.alert).max().unwrap_or_default();
        book.skip(last_alert, last.number);
    }
}

impl Shared {
    /// Reads all alerts of the store.
    pub(super) fn open(calls: Arc<Calls>, config: AlertsConfig) -> Result<Self, AlertError> {
        let mut book = Book::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page: Readable<Alert> =
                calls.store().documents_readable(Family::Alert, &[], after.as_deref(), LOAD_PAGE)?;
            page.damaged.iter().filter_map(|key| number_of(key)).for_each(|number| book.damage(number));
            for (_, alert) in &page.documents {
                book.put(alert, &config);
            }
            after = match page.documents.into_iter().next_back() {
                Some((key, _)) => Some(key),
                None => break,
            };
        }
        skip_numbers(calls.store(), &mut book)?;
        let last_event = book.last_event;
        let shared = Self {
            calls,
            config,
            book: Mutex::new(book),
            published: watch::Sender::new(last_event),
            signal: Mutex::new(Signal { last_event, is_stopping: false }),
            changed: Condvar::new(),
            last_dead: Mutex::default(),
            retrying: Mutex::default(),
        };
        *shared.last_dead() = dead::all(&shared)?.last;
        Ok(shared)
    }

    pub(super) fn store(&self) -> &Store {
        self.calls.store()
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        // OK after a panic elsewhere: the book is changed after the store, alert by alert.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the last dead letter; whoever holds it may give the next.
    pub(super) fn last_dead(&self) -> MutexGuard<'_, u64> {
        self.last_dead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Dead letters are sent again one at a time.
    pub(super) fn retrying(&self) -> MutexGuard<'_, ()> {
        self.retrying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn signal(&self) -> Signal {
        *self.signal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all threads to end.
    pub(super) fn stop(&self) {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).is_stopping = true;
        self.changed.notify_all();
    }

    /// Waits for an event after `seen`, for the end, or until `limit` is over.
    pub(super) fn wait(&self, seen: u64, limit: Option<Duration>) -> Signal {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        while signal.last_event <= seen && !signal.is_stopping {
            signal = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    self.changed.wait_timeout(signal, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(signal).unwrap_or_else(PoisonError::into_inner),
            };
        }
        *signal
    }

    /// Waits for the end, or until `limit` is over. Says whether the end has come.
    pub(super) fn rest(&self, limit: Duration) -> bool {
        self.wait(u64::MAX, Some(limit)).is_stopping
    }

    /// An alert.
    pub(super) fn alert(&self, number: u64) -> Result<Alert, AlertError> {
        self.store().document(Family::Alert, &key(number))?.ok_or(AlertError::NotFound { number })
    }

    /// The alert, unless it can never be read; then that is known from now on.
    pub(super) fn readable_alert(&self, number: u64) -> Result<Option<Alert>, AlertError> {
        match self.alert(number) {
            Ok(alert) => Ok(Some(alert)),
            Err(error) if error.is_of_one_alert() => {
                tracing::warn!(alert = number, error = %Chain(&error), "an alert is passed over");
                self.book().damage(number);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The event, unless it can never be read.
    pub(super) fn readable_event(&self, number: u64) -> Result<Option<Event>, AlertError> {
        match self.store().document(Family::AlertEvent, &key(number)) {
            Err(error) if !error.is_passing() => {
                tracing::warn!(event = number, error = %Chain(&error), "an event is passed over");
                Ok(None)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Events after `after`, at most `limit`, only what is durable; and the number up to which these are all that can be
    /// read.
    pub(super) fn events(&self, after: u64, limit: usize) -> Result<(Vec<Event>, u64), AlertError> {
        let last = *self.published.borrow();
        let found = self.store().documents_readable(Family::AlertEvent, &[], Some(&key(after)), limit)?;
        let is_cut = found.documents.len() >= limit;
        let events = found.documents.into_iter().map(|(_, event): (_, Event)| event);
        let events: Vec<Event> = events.filter(|event| event.number <= last).collect();
        let upto = if is_cut { events.last().map_or(last, |event| event.number) } else { last };
        Ok((events, upto.max(after)))
    }

    fn publish(&self, last_event: u64) {
        // First, because whoever is woken reads up to it.
        self.published.send_replace(last_event);
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).last_event = last_event;
        self.changed.notify_all();
    }
}

/// Changes of alerts that are written together.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    shared: &'a Shared,
    book: MutexGuard<'a, Book>,
    now: Timestamp,
    alerts: BTreeMap<u64, Alert>,
    events: Vec<Event>,
    next_alert: u64,
    next_event: u64,
    writes: Writes,
    has_more: bool,
}

impl<'a> Pen<'a> {
    /// Takes the lock.
    pub(super) fn new(shared: &'a Shared, now: Timestamp) -> Self {
        let book = shared.book();
        let (next_alert, next_event) = (book.last_alert() + 1, book.last_event + 1);
        Self {
            shared,
            book,
            now,
            alerts: BTreeMap::new(),
            events: Vec::new(),
            next_alert,
            next_event,
            writes: Writes::default(),
            has_more: false,
        }
    }

    pub(super) fn book(&self) -> &Book {
        &self.book
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty() && !self.has_more
    }

    /// What else is written in the same step.
    pub(super) fn also(&mut self) -> &mut Writes {
        self.has_more = true;
        &mut self.writes
    }

    /// Raises an alert, or holds it back when too many of its model went out just now.
    pub(super) fn raise(&mut self, alert: Alert) -> u64 {
        let number = self.next_alert;
        let mut alert = Alert { number, ..alert };
        if alert.held_back.is_none() && alert.digest.is_none() && self.is_storm(&alert.risk_id) {
            alert.held_back = Some(HeldBack::Storm);
        }
        let kind = if alert.held_back.is_some() { EventKind::HeldBack } else { EventKind::Raised };
        alert.events.push(self.next_event);
        self.events.push(Event {
            number: self.next_event,
            alert: number,
            at: alert.raised_at,
            kind,
            actor: String::new(),
            note: String::new(),
            state: alert.state,
            assignee: None,
            close_reason: None,
        });
        self.next_event += 1;
        self.next_alert += 1;
        self.alerts.insert(number, alert);
        number
    }

    fn is_storm(&self, risk_id: &str) -> bool {
        let config = &self.shared.config;
        let window = SignedDuration::from_secs(i64::try_from(config.storm_seconds).unwrap_or(i64::MAX));
        let goes_out =
            |alert: &&Alert| alert.risk_id == risk_id && alert.held_back.is_none() && alert.digest.is_none();
        let new = self.alerts.values().filter(|alert| alert.number > self.book.last_alert());
        let num_sent = self.book.num_sent(risk_id, self.now, window) + new.filter(goes_out).count();
        num_sent >= config.storm_max as usize
    }

    /// Takes a step with an alert.
    ///
    /// # Errors
    /// Those of [`take`]; [`AlertError::NotFound`].
    pub(super) fn step(
        &mut self,
        number: u64,
        step: &Step,
        actor: &str,
        note: &str,
    ) -> Result<(), AlertError> {
        let mut alert = match self.alerts.remove(&number) {
            Some(alert) => alert,
            None => self.shared.alert(number)?,
        };
        let event = take(&mut alert, step, self.next_event, self.now, actor, note);
        if event.is_ok() || self.is_changed(&alert) {
            self.alerts.insert(number, alert);
        }
        self.events.push(event?);
        self.next_event += 1;
        Ok(())
    }

    /// Notes which result of its call an alert was compared with, and by which number the catalog knows the call: its rows
    /// may have been made anew.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub(super) fn note_call(&mut self, number: u64, facts: &CallFacts) -> Result<(), AlertError> {
        let wanted = (facts.number, facts.result);
        let known = self.book.row(number).and_then(|row| row.call.as_ref());
        if known.is_none_or(|known| (known.number, known.result) == wanted) {
            return Ok(());
        }
        let mut alert = match self.alerts.remove(&number) {
            Some(alert) => alert,
            None => self.shared.alert(number)?,
        };
        if let Some(call) = &mut alert.call {
            (call.number, call.result) = wanted;
        }
        self.alerts.insert(number, alert);
        Ok(())
    }

    /// Waits no longer for anything about an alert that cannot be read.
    pub(super) fn forget(&mut self, number: u64) {
        self.book.forget(number);
    }

    /// Whether this pen already changed an alert.
    fn is_changed(&self, alert: &Alert) -> bool {
        alert.events.last().is_some_and(|last| *last > self.book.last_event)
    }

    /// Writes everything, durably, and tells it.
    ///
    /// # Errors
    /// Anything the disk fails with; then nothing has changed.
    pub(super) fn finish(mut self) -> Result<(), AlertError> {
        if self.is_empty() {
            return Ok(());
        }
        for alert in self.alerts.values_mut() {
            match self.writes.put(Family::Alert, &key(alert.number), &*alert) {
                Err(StoreError::ValueTooLarge { .. }) => {
                    // A pack with very long names: what matters stays.
                    alert.samples.truncate(1);
                    alert.rules.truncate(3);
                    self.writes.put(Family::Alert, &key(alert.number), &*alert)?;
                }
                outcome => outcome?,
            }
        }
        for event in &self.events {
            self.writes.put(Family::AlertEvent, &key(event.number), event)?;
        }
        self.shared.store().write(self.writes)?;
        for alert in self.alerts.values() {
            self.book.put(alert, &self.shared.config);
        }
        if !self.events.is_empty() {
            self.shared.publish(self.next_event - 1);
        }
        Ok(())
    }
}
