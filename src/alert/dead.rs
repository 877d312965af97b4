//! Messages that a receiver did not take, kept until somebody has them sent again, and afterwards as a record.
//!
//! **Invariant**: a dead letter is never removed, so its number is never given again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AlertError;
use super::deliver::items;
use super::receiver::Receiver;
use super::shared::{Shared, key};
use crate::store::{Family, Writes};

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

/// All dead letters that can be read, oldest first.
pub(super) fn all(shared: &Shared) -> Result<Vec<DeadLetter>, AlertError> {
    let (mut letters, mut after): (Vec<DeadLetter>, Option<Vec<u8>>) = (Vec::new(), None);
    loop {
        let page: Vec<(Vec<u8>, DeadLetter)> =
            shared.store().documents_readable(Family::DeadLetter, &[], after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(letters) };
        after = Some(last.clone());
        letters.extend(page.into_iter().map(|(_, letter)| letter));
    }
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
