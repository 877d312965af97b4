//! Follows every change of every call and raises what its risk models say; escalates what nobody acknowledged; makes
//! digests of what was held back.
//!
//! How far it is lies in the store and is written together with the alerts. What was seen before and is seen again
//! raises nothing twice: an alert is of a call as it was received and of a risk model.
//!
//! A change that is no new result of its call, a review or a topic, is none that matters: what was judged by one pack is
//! never looked at with another. Which result was looked at is known of every call in memory, of calls with alerts also
//! after a restart; all that had changed before the place are looked at.
//!
//! **Invariant**: no call that was done is passed over, however the process ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AlertError;
use super::model::{Alert, AlertState, Digest, HeldBack, Step};
use super::pulse::Pulse;
use super::raise;
use super::shared::{Pen, Shared};
use crate::analysis::{EarlierAlert, Level};
use crate::catalog::{CallFacts, Stage};
use crate::error::Chain;
use crate::ingest::Origin;
use crate::store::{Change, Family, Store, StoreError};
use crate::types::CallId;

/// The key of the place in the changes.
const PLACE: &[u8] = b"alerts";
/// Changes that are looked at together.
const PAGE: usize = 64;
/// Changes without an alert after which the place is written.
const MAX_UNSAVED: u64 = 512;
/// Longest wait, after which the end of the process is noticed.
const MAX_WAIT: Duration = Duration::from_millis(200);
/// Wait after a failure of the machine.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the changes of the store were followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    /// The last change that was dealt with.
    change: u64,
    /// Calls that were received before raise no alert.
    since: Timestamp,
}

/// Notes that alerts begin now, if they did not begin before; to be asked before calls are run.
///
/// # Errors
/// Anything the disk fails with.
pub fn switch_on(store: &Store) -> Result<(), AlertError> {
    if store.document::<Place>(Family::Cursor, PLACE)?.is_some() {
        return Ok(());
    }
    let now = Timestamp::now();
    let waiting = |stage| match stage {
        Stage::Accepted | Stage::Decoding | Stage::Transcribing | Stage::Scoring => true,
        Stage::Done | Stage::Failed => false,
    };
    let oldest =
        store.catalog().calls().filter(|call| waiting(call.stage)).map(|call| call.received_at).min();
    let place = Place { change: store.last_change(), since: oldest.map_or(now, |oldest| oldest.min(now)) };
    let mut writes = crate::store::Writes::default();
    writes.put(Family::Cursor, PLACE, &place)?;
    Ok(store.write(writes)?)
}

/// What a change of a call comes to.
#[derive(Debug)]
enum Seen {
    /// The call is gone, with its number in the catalog.
    Gone(u32),
    /// It was judged.
    Judged(Box<Judged>),
    /// Nothing new, but for its number in the catalog.
    Known(Box<CallFacts>),
}

/// A call that was judged.
#[derive(Debug)]
struct Judged {
    facts: CallFacts,
    /// Whether it may raise what it did not raise before.
    may_raise: bool,
    /// What it fulfils, without numbers.
    fulfilled: Vec<Alert>,
}

/// Follows until the process ends.
pub(super) fn run(shared: &Shared, pulse: &Pulse) {
    let mut follower = loop {
        match Follower::new(shared) {
            Ok(follower) => break follower,
            Err(error) => {
                pulse.beat(false);
                tracing::error!(error = %Chain(&error), "alerts wait: the machine fails them");
                if shared.rest(PAUSE) {
                    return;
                }
            }
        }
    };
    while !shared.signal().is_stopping {
        let outcome = follower.follow().and_then(|more| tick(shared, Timestamp::now()).map(|()| more));
        pulse.beat(outcome.is_ok());
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                // OK when it ran out of time: what is due is looked at above.
                if !shared.store().wait_for_change(follower.place.change, until_due(shared)) {
                    continue;
                }
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "alerts wait: the machine fails them");
                shared.rest(PAUSE);
            }
        }
    }
    if let Err(error) = follower.save() {
        tracing::warn!(error = %Chain(&error), "some calls are looked at again at the next start");
    }
}

fn until_due(shared: &Shared) -> Duration {
    let due = shared.book().next_due(digest_wait(shared));
    let left = due.map(|due| due.duration_since(Timestamp::now()));
    // Never zero: what is due and cannot be written must not spin.
    let left = left.map(|left| Duration::try_from(left).unwrap_or_default().max(Duration::from_millis(1)));
    left.unwrap_or(MAX_WAIT).min(MAX_WAIT)
}

fn digest_wait(shared: &Shared) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(shared.config.digest_seconds).unwrap_or(i64::MAX))
}

#[derive(Debug)]
struct Follower<'a> {
    shared: &'a Shared,
    place: Place,
    saved: u64,
    looked: Looked,
}

/// Which result of each call was looked at last, by the number of the call; 0 for none.
#[derive(Debug, Default)]
struct Looked(Vec<u32>);

impl Looked {
    fn at(&self, number: u32) -> u32 {
        usize::try_from(number).ok().and_then(|index| self.0.get(index)).copied().unwrap_or(0)
    }

    fn note(&mut self, number: u32, result: u32) {
        let Ok(index) = usize::try_from(number) else { return };
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        if let Some(known) = self.0.get_mut(index) {
            *known = result;
        }
    }
}

impl<'a> Follower<'a> {
    fn new(shared: &'a Shared) -> Result<Self, AlertError> {
        switch_on(shared.store())?;
        let place: Option<Place> = shared.store().document(Family::Cursor, PLACE)?;
        let place = place.ok_or(StoreError::Corrupt { what: "place of alerts" })?;
        let mut looked = Looked::default();
        for call in shared.store().catalog().calls().filter(|call| call.change <= place.change) {
            looked.note(call.number, call.result);
        }
        Ok(Self { shared, saved: place.change, place, looked })
    }

    /// Deals with the next changes; says whether there were any.
    fn follow(&mut self) -> Result<bool, AlertError> {
        let changes = self.shared.store().changes(self.place.change, PAGE)?;
        let Some(last) = changes.last().map(|change| change.change) else { return Ok(false) };
        let mut seen: Vec<Seen> = Vec::new();
        let mut looked: Vec<(u32, u32)> = Vec::with_capacity(changes.len());
        for change in &changes {
            match self.look(change, &seen, &mut looked) {
                Ok(Some(one)) => seen.push(one),
                Ok(None) => {}
                Err(AlertError::Store(error)) if !error.is_passing() => {
                    let call = change.id.as_ref().map(ToString::to_string);
                    tracing::error!(call, error = %Chain(&error), "a call is not looked at for alerts");
                }
                Err(error) => return Err(error),
            }
        }
        let mut pen = Pen::new(self.shared, Timestamp::now());
        for one in seen {
            match one {
                Seen::Gone(number) => erase(&mut pen, number)?,
                Seen::Known(facts) => {
                    for number in pen.book().of_call(&facts.id, facts.received_at) {
                        passed_over(number, pen.note_call(number, &facts))?;
                    }
                }
                Seen::Judged(judged) => self.settle(&mut pen, *judged)?,
            }
        }
        let place = Place { change: last, ..self.place.clone() };
        if !pen.is_empty() || last - self.saved >= MAX_UNSAVED {
            pen.also().put(Family::Cursor, PLACE, &place)?;
            pen.finish()?;
            self.saved = last;
        }
        self.place = place;
        for (number, result) in looked {
            self.looked.note(number, result);
        }
        Ok(true)
    }

    fn save(&mut self) -> Result<(), AlertError> {
        if self.place.change > self.saved {
            let mut writes = crate::store::Writes::default();
            writes.put(Family::Cursor, PLACE, &self.place)?;
            self.shared.store().write(writes)?;
            self.saved = self.place.change;
        }
        Ok(())
    }

    /// What a change comes to; notes in `looked` which result of which call that was.
    fn look(
        &self,
        change: &Change,
        before: &[Seen],
        looked: &mut Vec<(u32, u32)>,
    ) -> Result<Option<Seen>, AlertError> {
        let store = self.shared.store();
        let Some(id) = &change.id else {
            looked.push((change.number, 0));
            return Ok(Some(Seen::Gone(change.number)));
        };
        let Some(facts) = store.facts(id)?.filter(|facts| facts.stage == Stage::Done) else {
            return Ok(None);
        };
        let was_looked_at = self.looked.at(facts.number) == facts.result;
        looked.push((facts.number, facts.result));
        if was_looked_at {
            return Ok(None);
        }
        let known = self.shared.book().of_call(id, facts.received_at);
        let result_of = |number: &u64| {
            self.shared.book().row(*number).and_then(|row| row.call.as_ref().map(|call| call.result))
        };
        if known.iter().filter_map(result_of).max() == Some(facts.result) {
            return Ok(Some(Seen::Known(Box::new(facts))));
        }
        let Some(record) = store.call(id)?.filter(|record| record.received_at == facts.received_at) else {
            return Ok(None);
        };
        let is_wanted = match record.origin {
            Origin::Upload => true,
            Origin::Job(_) => self.shared.config.for_archives,
        };
        let may_raise = is_wanted && facts.received_at >= self.place.since;
        let has_raised = !known.is_empty();
        if !may_raise && !has_raised {
            return Ok(None);
        }
        let Some(analysis) = store.analysis(id)? else { return Ok(None) };
        let rules = self.shared.calls.rules();
        let customer = record.metadata.customer_ref.as_deref();
        let earlier = customer.map(|customer| self.earlier(customer, id, before)).unwrap_or_default();
        let found = rules.alerts(&analysis, customer.map(|_| facts.started_at), &earlier);
        if found.is_empty() && !has_raised {
            return Ok(None);
        }
        let fulfilled = if found.is_empty() {
            Vec::new()
        } else {
            let Some(result) = store.result(id)? else { return Ok(None) };
            let now = Timestamp::now();
            let alerts = found
                .iter()
                .map(|one| raise::alert(one, &result.analysis, &result.dialogue, &facts, customer, now));
            alerts.collect()
        };
        Ok(Some(Seen::Judged(Box::new(Judged { facts, may_raise, fulfilled }))))
    }

    /// Alerts of the customer that went out before, also those of this very page.
    fn earlier(&self, customer: &str, id: &CallId, before: &[Seen]) -> Vec<EarlierAlert> {
        let customer = raise::customer_key(customer);
        let mut earlier = self.shared.book().earlier(&customer, id);
        for seen in before {
            let Seen::Judged(judged) = seen else { continue };
            let of_customer = judged.fulfilled.iter().filter(|alert| {
                let call = alert.call.as_ref();
                call.is_some_and(|call| call.customer_key() == Some(customer.as_str()))
                    && alert.held_back.is_none()
                    && judged.may_raise
            });
            earlier.extend(
                of_customer
                    .map(|alert| EarlierAlert { risk_id: alert.risk_id.clone(), at: alert.occurred_at() }),
            );
        }
        earlier
    }

    /// Raises what is new, withdraws what no longer is, reinstates what is again.
    fn settle(&self, pen: &mut Pen<'_>, judged: Judged) -> Result<(), AlertError> {
        let Judged { facts, may_raise, fulfilled } = judged;
        let known: Vec<(u64, String, AlertState)> = pen
            .book()
            .of_call(&facts.id, facts.received_at)
            .into_iter()
            .filter_map(|number| {
                pen.book().row(number).map(|row| (number, row.risk_id.to_string(), row.state))
            })
            .collect();
        let risks = self.shared.calls.rules().risks();
        for (number, risk_id, state) in &known {
            if !passed_over(*number, pen.note_call(*number, &facts))? {
                continue;
            }
            let is_fulfilled = fulfilled.iter().any(|alert| alert.risk_id == *risk_id);
            let is_judged = risks.iter().any(|risk| risk.id == *risk_id);
            let step = match state {
                AlertState::Open | AlertState::Escalated | AlertState::Acknowledged => {
                    (!is_fulfilled && is_judged).then_some((Step::Withdraw, "重新质检后不再符合"))
                }
                AlertState::Withdrawn => is_fulfilled.then_some((Step::Reinstate, "重新质检后又符合")),
                AlertState::Closed => None,
            };
            if let Some((step, note)) = step {
                by_program(pen, *number, &step, note)?;
            }
        }
        for alert in fulfilled {
            if may_raise && !known.iter().any(|(_, risk_id, _)| *risk_id == alert.risk_id) {
                pen.raise(alert);
            }
        }
        Ok(())
    }
}

/// Takes what was said out of the alerts of a call that was deleted.
fn erase(pen: &mut Pen<'_>, call_number: u32) -> Result<(), AlertError> {
    for number in pen.book().of_call_number(call_number) {
        by_program(pen, number, &Step::Erase, "通话已删除")?;
    }
    Ok(())
}

/// A step of the program's own. What people did first stands.
fn by_program(pen: &mut Pen<'_>, number: u64, step: &Step, note: &str) -> Result<(), AlertError> {
    let outcome = match pen.step(number, step, "", note) {
        Err(AlertError::WrongState { .. } | AlertError::TooManyChanges { .. }) => Ok(()),
        outcome => outcome,
    };
    if !passed_over(number, outcome)? {
        // Else it would be due again and again.
        pen.forget(number);
    }
    Ok(())
}

/// Goes on without an alert that can never be read; says whether it could.
fn passed_over(number: u64, outcome: Result<(), AlertError>) -> Result<bool, AlertError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.is_of_one_alert() => {
            tracing::error!(alert = number, error = %Chain(&error), "an alert is passed over");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Escalates what is overdue and makes the digests that are due.
fn tick(shared: &Shared, now: Timestamp) -> Result<(), AlertError> {
    let wait = digest_wait(shared);
    if shared.book().next_due(wait).is_none_or(|due| due > now) {
        return Ok(());
    }
    let mut pen = Pen::new(shared, now);
    for number in pen.book().overdue(now) {
        by_program(&mut pen, number, &Step::Escalate, "超时未确认")?;
    }
    for (risk_id, numbers) in pen.book().gathered(now, wait) {
        if let Some(digest) = digest(shared, &pen, &risk_id, numbers, now)? {
            pen.raise(digest);
        }
    }
    pen.finish()
}

/// The digest of these alerts.
fn digest(
    shared: &Shared,
    pen: &Pen<'_>,
    risk_id: &str,
    numbers: Vec<u64>,
    now: Timestamp,
) -> Result<Option<Alert>, AlertError> {
    let Some(newest) = numbers.last() else { return Ok(None) };
    let risk_name = match shared.alert(*newest) {
        Ok(newest) => newest.risk_name,
        Err(error) if error.is_of_one_alert() => risk_id.to_owned(),
        Err(error) => return Err(error),
    };
    let rows: Vec<_> = numbers.iter().filter_map(|number| pen.book().row(*number)).collect();
    let num = |why: HeldBack| {
        u32::try_from(rows.iter().filter(|row| row.held_back == Some(why)).count()).unwrap_or(u32::MAX)
    };
    let raised = || rows.iter().map(|row| row.raised_at);
    let digest = Digest {
        num_quiet: num(HeldBack::Quiet),
        num_too_many: num(HeldBack::TooMany),
        num_storm: num(HeldBack::Storm),
        since: raised().min().unwrap_or(now),
        until: raised().max().unwrap_or(now),
        alerts: numbers,
    };
    Ok(Some(Alert {
        number: 0,
        call: None,
        risk_id: risk_id.to_owned(),
        level: rows.iter().map(|row| row.level).min().unwrap_or(Level::S1),
        risk_name,
        at: None,
        rules: Vec::new(),
        samples: Vec::new(),
        raised_at: now,
        open_since: now,
        held_back: None,
        digest: Some(digest),
        state: AlertState::Open,
        assignee: None,
        closed: None,
        events: Vec::new(),
    }))
}
