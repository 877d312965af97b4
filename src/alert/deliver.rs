//! Brings events to one receiver, on a thread of its own: in order, again after a failure, and to the dead letters when
//! a message was tried too often.
//!
//! What is under way lies in the store before it is sent, so that after a kill the same message goes out under the same
//! delivery id.
//!
//! **Invariant**: the place of a receiver passes an event only when the receiver took it, did not want it, or a dead
//! letter holds it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AlertError;
use super::config::{ReceiverKind, RetryConfig};
use super::dead::{self, DeadLetter};
use super::http::NotTaken;
use super::model::{Alert, EventKind};
use super::payload::num_fitting;
use super::pulse::Pulse;
use super::receiver::Receiver;
use super::shared::Shared;
use super::template::Item;
use crate::error::Chain;
use crate::store::{Family, Writes};

/// Events that are looked at together.
const PAGE: usize = 200;
/// Events that are not wanted after which the place is written.
const MAX_UNSAVED: u64 = 256;
/// Wait after a failure of the machine.
const PAUSE: Duration = Duration::from_secs(1);
/// The time that the number of messages is limited in.
const MINUTE: Duration = Duration::from_secs(60);

/// How far a receiver is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// The last event that was dealt with.
    cursor: u64,
    /// The message that is under way.
    pending: Option<Pending>,
}

/// A message that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The same for every try.
    pub(super) delivery: String,
    /// The events in it.
    pub(super) events: Vec<u64>,
    /// The last event that it settles.
    upto: u64,
    /// Tries that failed.
    pub(super) num_tries: u32,
    /// When it was tried first.
    first_at: Timestamp,
    /// When it is tried next.
    next_at: Timestamp,
}

/// Notes where a receiver that is new begins: with what happens from now on.
///
/// # Errors
/// Anything the disk fails with.
pub(super) fn enter(shared: &Shared, receiver: &Receiver) -> Result<(), AlertError> {
    let name = receiver.config.name.as_bytes();
    if shared.store().document::<Place>(Family::AlertReceiver, name)?.is_some() {
        return Ok(());
    }
    let place = Place { cursor: shared.signal().last_event, pending: None };
    let mut writes = Writes::default();
    writes.put(Family::AlertReceiver, name, &place)?;
    Ok(shared.store().write(writes)?)
}

/// Delivers until the process ends.
pub(super) fn run(shared: &Shared, receiver: &Receiver, pulse: &Pulse) {
    let mut worker: Option<Worker<'_>> = None;
    while !shared.signal().is_stopping {
        let outcome = match &mut worker {
            Some(worker) => worker.turn(),
            None => Worker::new(shared, receiver).map(|new| worker = Some(new)),
        };
        pulse.beat(outcome.is_ok());
        if let Err(error) = outcome {
            let name = &receiver.config.name;
            tracing::error!(receiver = %name, error = %Chain(&error), "deliveries wait: the machine fails them");
            shared.rest(PAUSE);
        }
    }
}

#[derive(Debug)]
struct Worker<'a> {
    shared: &'a Shared,
    receiver: &'a Receiver,
    place: Place,
    saved: u64,
    /// When the last messages went out.
    sent: VecDeque<Instant>,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared, receiver: &'a Receiver) -> Result<Self, AlertError> {
        let place: Option<Place> =
            shared.store().document(Family::AlertReceiver, receiver.config.name.as_bytes())?;
        let place = place.unwrap_or_default();
        Ok(Self { shared, receiver, saved: place.cursor, place, sent: VecDeque::new() })
    }

    /// Does one thing: waits, gathers, or sends.
    fn turn(&mut self) -> Result<(), AlertError> {
        match self.place.pending.clone() {
            Some(pending) => self.send(pending),
            None => self.gather(),
        }
    }

    /// Makes a message of the next events that are wanted.
    fn gather(&mut self) -> Result<(), AlertError> {
        let (events, last) = self.shared.events(self.place.cursor, PAGE)?;
        if last <= self.place.cursor {
            self.shared.wait(self.place.cursor, None);
            return Ok(());
        }
        let mut items = Vec::new();
        for event in events {
            if self.wants_kind(event.kind) {
                let alert = self.shared.readable_alert(event.alert)?;
                if let Some(alert) = alert.filter(|alert| self.wants(alert)) {
                    items.push(Item { event, alert });
                }
            }
        }
        if items.is_empty() {
            self.place.cursor = last;
            return if last - self.saved >= MAX_UNSAVED { self.save() } else { Ok(()) };
        }
        if let Some(wait) = self.pace() {
            // What comes meanwhile goes with it.
            self.shared.rest(wait);
            return Ok(());
        }
        let number = num_fitting(self.receiver.config.kind, &items, &self.receiver.zone);
        let upto = if number < items.len() {
            items.truncate(number);
            items.last().map_or(last, |item| item.event.number)
        } else {
            last
        };
        let now = Timestamp::now();
        let first = items.first().map_or(upto, |item| item.event.number);
        let pending = Pending {
            delivery: format!("{}-{first}-{upto}", self.receiver.config.name),
            events: items.iter().map(|item| item.event.number).collect(),
            upto,
            num_tries: 0,
            first_at: now,
            next_at: now,
        };
        self.place.pending = Some(pending);
        self.save()
    }

    /// Sends what is under way when its time has come.
    fn send(&mut self, mut pending: Pending) -> Result<(), AlertError> {
        let left = pending.next_at.duration_since(Timestamp::now());
        if let Some(left) =
            Duration::try_from(left).ok().filter(|left| !left.is_zero()).or_else(|| self.pace())
        {
            self.shared.rest(left);
            return Ok(());
        }
        let items = items(self.shared, &pending.events)?;
        if items.is_empty() {
            // None of them can be read any more, and a message without any would be a trial.
            self.place = Place { cursor: pending.upto, pending: None };
            return self.save();
        }
        self.sent.push_back(Instant::now());
        match self.receiver.post(&pending.delivery, &items) {
            Ok(()) => {
                self.place = Place { cursor: pending.upto, pending: None };
                self.save()
            }
            Err(NotTaken { problem, wait }) => {
                pending.num_tries += 1;
                let name = &self.receiver.config.name;
                let num_tries = pending.num_tries;
                tracing::warn!(receiver = %name, num_tries, problem, "a message was not taken");
                let config = &self.shared.config.retry;
                let now = Timestamp::now();
                let age = now.duration_since(pending.first_at);
                let max_age =
                    SignedDuration::from_secs(i64::try_from(config.max_age_seconds).unwrap_or(i64::MAX));
                if num_tries >= config.max_tries || age >= max_age {
                    return self.bury(&pending, &items, problem, now);
                }
                let delay = delay(config, num_tries, random()).max(wait.unwrap_or_default());
                let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
                pending.next_at = now.saturating_add(delay).unwrap_or(now);
                self.place.pending = Some(pending);
                self.save()
            }
        }
    }

    /// Gives a message up and goes on with the next.
    fn bury(
        &mut self,
        pending: &Pending,
        items: &[Item],
        problem: String,
        now: Timestamp,
    ) -> Result<(), AlertError> {
        let name = self.receiver.config.name.clone();
        tracing::error!(receiver = %name, delivery = pending.delivery, "a message is a dead letter now");
        let mut alerts: Vec<u64> = items.iter().map(|item| item.alert.number).collect();
        alerts.sort_unstable();
        alerts.dedup();
        let letter = DeadLetter {
            number: 0,
            receiver: name.clone(),
            delivery: pending.delivery.clone(),
            at: now,
            num_tries: pending.num_tries,
            problem,
            events: pending.events.clone(),
            alerts,
            delivered_at: None,
        };
        let place = Place { cursor: pending.upto, pending: None };
        let mut writes = Writes::default();
        writes.put(Family::AlertReceiver, name.as_bytes(), &place)?;
        dead::bury(self.shared, letter, writes)?;
        self.saved = place.cursor;
        self.place = place;
        Ok(())
    }

    /// How long to wait until one more message may go out.
    fn pace(&mut self) -> Option<Duration> {
        let limit = self.receiver.max_per_minute()?;
        let now = Instant::now();
        while self.sent.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.sent.pop_front();
        }
        let full = self.sent.len() >= limit as usize;
        let first = self.sent.front().filter(|_| full)?;
        Some(MINUTE.saturating_sub(now.duration_since(*first)))
    }

    fn save(&mut self) -> Result<(), AlertError> {
        let mut writes = Writes::default();
        writes.put(Family::AlertReceiver, self.receiver.config.name.as_bytes(), &self.place)?;
        self.shared.store().write(writes)?;
        self.saved = self.place.cursor;
        Ok(())
    }

    fn wants_kind(&self, kind: EventKind) -> bool {
        let config = &self.receiver.config;
        match kind {
            EventKind::Raised | EventKind::Reinstated => config.alerts,
            EventKind::Escalated => config.escalations,
            EventKind::Acknowledged
            | EventKind::Assigned
            | EventKind::Closed
            | EventKind::Withdrawn
            | EventKind::Erased => config.changes,
            // It comes with its digest.
            EventKind::HeldBack => false,
        }
    }

    fn wants(&self, alert: &Alert) -> bool {
        let config = &self.receiver.config;
        let is_of_team = || {
            alert.digest.is_some()
                || alert.team().is_some_and(|team| config.teams.iter().any(|one| one == team))
        };
        (config.levels.is_empty() || config.levels.contains(&alert.level))
            && (config.risks.is_empty() || config.risks.contains(&alert.risk_id))
            && (config.teams.is_empty() || is_of_team())
    }
}

/// The events with these numbers that can be read, and their alerts as they are now.
pub(super) fn items(shared: &Shared, numbers: &[u64]) -> Result<Vec<Item>, AlertError> {
    let mut items = Vec::with_capacity(numbers.len());
    for number in numbers {
        if let Some(event) = shared.readable_event(*number)?
            && let Some(alert) = shared.readable_alert(event.alert)?
        {
            items.push(Item { event, alert });
        }
    }
    Ok(items)
}

/// The wait after the failure `num_tries`, from half to the whole of what doubles each time. `random` decides where.
fn delay(config: &RetryConfig, num_tries: u32, random: u64) -> Duration {
    let doubled = config.base_millis.saturating_mul(1 << num_tries.saturating_sub(1).min(40));
    let whole = doubled.min(config.max_millis).max(1);
    let half = whole / 2;
    Duration::from_millis(half + random % (whole - half + 1))
}

/// A number that spreads the tries of several programs; any will do where the machine gives none.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}

impl Receiver {
    fn max_per_minute(&self) -> Option<u32> {
        self.config.max_per_minute.or(match self.config.kind {
            ReceiverKind::Json => None,
            ReceiverKind::Wecom | ReceiverKind::Dingtalk | ReceiverKind::Feishu => Some(20),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_double_up_to_a_limit(num_tries in 1_u32..200, random: u64) {
            let config = RetryConfig { base_millis: 100, max_millis: 5_000, ..RetryConfig::default() };
            let whole = (100_u64 << (num_tries - 1).min(20)).min(5_000);
            let millis = delay(&config, num_tries, random).as_millis() as u64;
            prop_assert!((whole / 2..=whole).contains(&millis), "{millis} of {whole}");
        }
    }
}
