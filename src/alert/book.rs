//! What must be known of all alerts at once, in memory: which there are of a call and of a customer, which wait for a
//! digest, which have a deadline.
//!
//! Made of what the store keeps, and changed only after the store has kept the change.
//!
//! **Invariant**: a function of the alerts put into it, in whatever order and however often they changed before.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::config::AlertsConfig;
use super::model::{Alert, AlertState, HeldBack, MAX_MEMBERS};
use crate::analysis::{EarlierAlert, Level};
use crate::types::CallId;

/// Most earlier alerts of a customer that are looked at, and most times of going out that are known of a risk model.
pub(super) const MAX_EARLIER: usize = 1_000;

/// An alert as lists and deadlines need it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) call: Option<RowCall>,
    pub(super) risk_id: Arc<str>,
    pub(super) level: Level,
    pub(super) state: AlertState,
    pub(super) held_back: Option<HeldBack>,
    pub(super) is_digest: bool,
    pub(super) raised_at: Timestamp,
    /// When it is escalated, if nobody acknowledges it.
    due: Option<Timestamp>,
    occurred_at: Timestamp,
}

/// The call of a row.
#[derive(Debug, Clone)]
pub(super) struct RowCall {
    pub(super) id: CallId,
    pub(super) number: u32,
    pub(super) received_at: Timestamp,
    /// Which result of the call was looked at last.
    pub(super) result: u32,
    pub(super) agent_id: Option<Arc<str>>,
    pub(super) team: Option<Arc<str>>,
    customer: Option<Arc<str>>,
}

/// All alerts.
#[derive(Debug, Default)]
pub(super) struct Book {
    rows: BTreeMap<u64, Row>,
    by_call: HashMap<CallId, Vec<u64>>,
    by_call_number: HashMap<u32, Vec<u64>>,
    by_customer: HashMap<Arc<str>, Vec<u64>>,
    /// Held back and in no digest, by risk model.
    waiting: BTreeMap<Arc<str>, BTreeSet<u64>>,
    /// In which digest.
    digest_of: HashMap<u64, u64>,
    due: BTreeSet<(Timestamp, u64)>,
    /// When alerts of each risk model went out by themselves, the last ones.
    sent: HashMap<Arc<str>, VecDeque<Timestamp>>,
    pub(super) last_event: u64,
    /// Alerts that are known to be damaged: what is known of them still counts, and nobody can be shown them.
    damaged: BTreeSet<u64>,
    /// The last number of an alert that its events name.
    skipped: u64,
}

impl Book {
    /// The number of the newest alert; 0 without any.
    pub(super) fn last_alert(&self) -> u64 {
        let last = self.rows.last_key_value().map_or(0, |(number, _)| *number);
        last.max(self.damaged.last().copied().unwrap_or_default()).max(self.skipped)
    }

    /// Gives no number again up to these of an alert and an event.
    pub(super) fn skip(&mut self, alert: u64, event: u64) {
        self.skipped = self.skipped.max(alert);
        self.last_event = self.last_event.max(event);
    }

    /// Notes that an alert cannot be read.
    pub(super) fn damage(&mut self, number: u64) {
        self.damaged.insert(number);
    }

    pub(super) fn is_damaged(&self, number: u64) -> bool {
        self.damaged.contains(&number)
    }

    /// How many alerts are known to be damaged.
    pub(super) fn num_damaged(&self) -> u64 {
        self.damaged.len() as u64
    }

    pub(super) fn row(&self, number: u64) -> Option<&Row> {
        self.rows.get(&number)
    }

    /// All rows, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.iter().rev().map(|(number, row)| (*number, row))
    }

    /// The digest that holds an alert.
    pub(super) fn digest_of(&self, number: u64) -> Option<u64> {
        self.digest_of.get(&number).copied()
    }

    /// The alerts of a call as it was received then.
    pub(super) fn of_call(&self, id: &CallId, received_at: Timestamp) -> Vec<u64> {
        let numbers = self.by_call.get(id).into_iter().flatten().copied();
        let is_of = |row: &Row| row.call.as_ref().is_some_and(|call| call.received_at == received_at);
        numbers.filter(|number| self.rows.get(number).is_some_and(is_of)).collect()
    }

    /// The alerts of the call that had a number in the catalog.
    pub(super) fn of_call_number(&self, number: u32) -> Vec<u64> {
        self.by_call_number.get(&number).cloned().unwrap_or_default()
    }

    /// Alerts of the customer with this key that went out by themselves, of other calls than `except`, the latest.
    pub(super) fn earlier(&self, customer: &str, except: &CallId) -> Vec<EarlierAlert> {
        let numbers = self.by_customer.get(customer).into_iter().flatten().rev().take(MAX_EARLIER);
        let rows = numbers.filter_map(|number| self.rows.get(number));
        rows.filter(|row| row.held_back.is_none() && row.state != AlertState::Withdrawn)
            .filter(|row| row.call.as_ref().is_some_and(|call| call.id != *except))
            .map(|row| EarlierAlert { risk_id: row.risk_id.to_string(), at: row.occurred_at })
            .collect()
    }

    /// How many alerts of a risk model went out by themselves within `window` before `now`.
    pub(super) fn num_sent(&self, risk_id: &str, now: Timestamp, window: SignedDuration) -> usize {
        let since = now.saturating_sub(window).unwrap_or(Timestamp::MIN);
        let sent = self.sent.get(risk_id);
        sent.map_or(0, |sent| sent.iter().rev().take_while(|at| **at > since).count())
    }

    /// Alerts that nobody acknowledged in time.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<u64> {
        self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, number)| *number).collect()
    }

    /// Alerts whose digest is to be made, by risk model, at most as many as a digest holds.
    pub(super) fn gathered(&self, now: Timestamp, wait: SignedDuration) -> Vec<(Arc<str>, Vec<u64>)> {
        let ripe = self.waiting.iter().filter(|(_, numbers)| {
            self.first_of(numbers).is_some_and(|first| first.saturating_add(wait).is_ok_and(|due| due <= now))
        });
        ripe.map(|(risk, numbers)| (Arc::clone(risk), numbers.iter().copied().take(MAX_MEMBERS).collect()))
            .collect()
    }

    /// When something is due next.
    pub(super) fn next_due(&self, wait: SignedDuration) -> Option<Timestamp> {
        let digests = self.waiting.values().filter_map(|numbers| self.first_of(numbers));
        let digests = digests.filter_map(|first| first.saturating_add(wait).ok());
        digests.chain(self.due.first().map(|(due, _)| *due)).min()
    }

    fn first_of(&self, numbers: &BTreeSet<u64>) -> Option<Timestamp> {
        numbers.iter().filter_map(|number| self.rows.get(number)).map(|row| row.raised_at).min()
    }

    /// Puts an alert in the place of what it was before.
    pub(super) fn put(&mut self, alert: &Alert, config: &AlertsConfig) {
        let number = alert.number;
        self.damaged.remove(&number);
        let old = self.rows.remove(&number);
        if let Some(due) = old.as_ref().and_then(|old| old.due) {
            self.due.remove(&(due, number));
        }
        let row = self.row_of(alert, config);
        match &old {
            None => self.enter(number, &row),
            Some(old) => self.renumber(number, old, &row),
        }
        if let Some(digest) = &alert.digest {
            for member in &digest.alerts {
                self.digest_of.insert(*member, number);
                self.settle(*member, &row.risk_id);
            }
        }
        // What is withdrawn before its digest needs none.
        if row.state == AlertState::Withdrawn {
            self.settle(number, &row.risk_id);
        } else if row.held_back.is_some() && !self.digest_of.contains_key(&number) {
            self.waiting.entry(Arc::clone(&row.risk_id)).or_default().insert(number);
        }
        if let Some(due) = row.due {
            self.due.insert((due, number));
        }
        self.last_event = self.last_event.max(alert.events.last().copied().unwrap_or(0));
        self.rows.insert(number, row);
    }

    fn row_of(&self, alert: &Alert, config: &AlertsConfig) -> Row {
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let call = alert.call.as_ref().map(|call| RowCall {
            id: call.id.clone(),
            number: call.number,
            received_at: call.received_at,
            result: call.result,
            agent_id: text(&call.agent_id),
            team: text(&call.team),
            customer: call.customer_key().map(Arc::from),
        });
        let wait = config
            .escalate_seconds
            .get(&alert.level)
            .filter(|_| alert.state == AlertState::Open && alert.held_back.is_none());
        let wait = wait.map(|seconds| SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX)));
        let known = self.sent.get_key_value(alert.risk_id.as_str()).map(|(risk, _)| Arc::clone(risk));
        Row {
            call,
            risk_id: known.unwrap_or_else(|| alert.risk_id.as_str().into()),
            level: alert.level,
            state: alert.state,
            held_back: alert.held_back,
            is_digest: alert.digest.is_some(),
            raised_at: alert.raised_at,
            due: wait.and_then(|wait| alert.open_since.saturating_add(wait).ok()),
            occurred_at: alert.occurred_at(),
        }
    }

    /// Waits no longer for anything about an alert.
    pub(super) fn forget(&mut self, number: u64) {
        let Some(row) = self.rows.get_mut(&number) else { return };
        if let Some(due) = row.due.take() {
            self.due.remove(&(due, number));
        }
        let risk_id = Arc::clone(&row.risk_id);
        self.settle(number, &risk_id);
    }

    /// Follows the call of an alert to another number in the catalog.
    fn renumber(&mut self, number: u64, old: &Row, new: &Row) {
        if let (Some(old), Some(new)) = (&old.call, &new.call)
            && old.number != new.number
        {
            if let Some(numbers) = self.by_call_number.get_mut(&old.number) {
                numbers.retain(|one| *one != number);
            }
            self.by_call_number.entry(new.number).or_default().push(number);
        }
    }

    /// Enters what never changes about an alert.
    fn enter(&mut self, number: u64, row: &Row) {
        if let Some(call) = &row.call {
            self.by_call.entry(call.id.clone()).or_default().push(number);
            self.by_call_number.entry(call.number).or_default().push(number);
            if let Some(customer) = &call.customer {
                self.by_customer.entry(Arc::clone(customer)).or_default().push(number);
            }
        }
        if row.held_back.is_none() && !row.is_digest {
            let sent = self.sent.entry(Arc::clone(&row.risk_id)).or_default();
            sent.push_back(row.raised_at);
            if sent.len() > MAX_EARLIER {
                sent.pop_front();
            }
        }
    }

    /// An alert waits no longer.
    fn settle(&mut self, number: u64, risk_id: &Arc<str>) {
        if let Some(waiting) = self.waiting.get_mut(risk_id) {
            waiting.remove(&number);
            if waiting.is_empty() {
                self.waiting.remove(risk_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_longer_than_all_time_is_all_time() {
        let book = Book::default();
        assert_eq!(book.num_sent("R1", Timestamp::UNIX_EPOCH, SignedDuration::MAX), 0);
    }

    #[test]
    fn numbers_of_what_cannot_be_read_are_not_given_again() {
        let mut book = Book::default();
        book.skip(7, 19);
        assert_eq!((book.last_alert(), book.last_event), (7, 19));
        book.damage(8);
        assert_eq!((book.last_alert(), book.num_damaged()), (8, 1));
    }
}
