//! Messages that a receiver did not take, kept until somebody has them sent again, and afterwards as a record.
//!
//! **Invariant**: a dead letter is never removed, so its number is never given again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AlertError;
use super::deliver::items;
use super::receiver::Receiver;
use super::shared::{Shared, key, number_of};
use crate::store::{Family, Readable, Writes};

/// Dead letters read at once.
const PAGE: usize = 500;

/// A message that a receiver did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number, from 1.
    pub number: u64,
    /// The receiver.
    pub receiver: String,
    /// The id under which it is sent.
    pub delivery: String,
    /// When it was given up.
    pub at: Timestamp,
    /// How often it was tried.
    pub num_tries: u32,
    /// What went wrong last.
    pub problem: String,
    /// The events in it.
    pub events: Vec<u64>,
    /// Their alerts.
    pub alerts: Vec<u64>,
    /// When it was delivered after all.
    pub delivered_at: Option<Timestamp>,
}

/// All dead letters.
#[derive(Debug, Default)]
pub(super) struct All {
    /// Those that can be read, oldest first.
    pub(super) letters: Vec<DeadLetter>,
    /// How many cannot.
    pub(super) num_damaged: u64,
    /// The last number that one of them has.
    pub(super) last: u64,
}

/// All dead letters.
pub(super) fn all(shared: &Shared) -> Result<All, AlertError> {
    let (mut all, mut after): (All, Option<Vec<u8>>) = (All::default(), None);
    let mut damaged = BTreeSet::new();
    loop {
        let page: Readable<DeadLetter> =
            shared.store().documents_readable(Family::DeadLetter, &[], after.as_deref(), PAGE)?;
        // Those behind the last letter of a page are told of twice.
        damaged.extend(page.damaged.iter().filter_map(|key| number_of(key)));
        let Some((last, _)) = page.documents.last() else { break };
        after = Some(last.clone());
        all.letters.extend(page.documents.into_iter().map(|(_, letter)| letter));
    }
    all.num_damaged = damaged.len() as u64;
    let numbers = all.letters.last().map(|letter| letter.number).into_iter().chain(damaged);
    all.last = numbers.max().unwrap_or_default();
    Ok(all)
}

/// Keeps a new dead letter together with `writes`.
pub(super) fn bury(shared: &Shared, letter: DeadLetter, mut writes: Writes) -> Result<(), AlertError> {
    let mut last = shared.last_dead();
    let number = *last + 1;
    writes.put(Family::DeadLetter, &key(number), &DeadLetter { number, ..letter })?;
    shared.store().write(writes)?;
    *last = number;
    Ok(())
}

/// Sends a dead letter once more.
pub(super) fn retry(shared: &Shared, receivers: &[Receiver], number: u64) -> Result<DeadLetter, AlertError> {
    let _one_at_a_time = shared.retrying();
    let letter: Option<DeadLetter> = shared.store().document(Family::DeadLetter, &key(number))?;
    let mut letter = letter.ok_or(AlertError::NoDeadLetter { number })?;
    if letter.delivered_at.is_some() {
        return Err(AlertError::Delivered { number });
    }
    let receiver = receivers.iter().find(|receiver| receiver.config.name == letter.receiver);
    let receiver = receiver.ok_or_else(|| AlertError::NoReceiver { name: letter.receiver.clone() })?;
    let outcome = receiver.post(&letter.delivery, &items(shared, &letter.events)?);
    letter.num_tries = letter.num_tries.saturating_add(1);
    match &outcome {
        Ok(()) => letter.delivered_at = Some(Timestamp::now()),
        Err(error) => letter.problem.clone_from(&error.problem),
    }
    let mut writes = Writes::default();
    writes.put(Family::DeadLetter, &key(number), &letter)?;
    shared.store().write(writes)?;
    outcome.map_err(|error| receiver.not_taken(&error.problem))?;
    Ok(letter)
}
