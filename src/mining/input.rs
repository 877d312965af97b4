//! A call as mining sees it: what was said by whom, and where rules hit.
//!
//! **Invariant**: masked text only; whoever reads calls leaves others out.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::types::{CallId, Millis, RuleId, SpeakerRole};

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinedTurn {
    /// Its position in the dialogue, from 0.
    pub index: u32,
    /// Who speaks.
    pub role: SpeakerRole,
    /// What is said, masked.
    pub text: String,
    /// How long nobody spoke after it; absent where nobody knows.
    pub silence_after: Option<Millis>,
}

/// A rule that hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleHit {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule_name: String,
    /// Where, by the index of the turn; absent where it has no place.
    pub turn: Option<u32>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinedCall {
    /// Its number in the catalog.
    pub number: u32,
    /// Its id.
    pub id: CallId,
    /// When it began.
    pub started_at: Timestamp,
    /// The day on which it began, in the time zone of the run.
    pub day: Date,
    /// Its turns in order, placeholders left out.
    pub turns: Vec<MinedTurn>,
    /// Its hits.
    pub hits: Vec<RuleHit>,
}

/// Where calls come from: the same ones each time. Several threads read at once.
pub trait Source: Sync {
    /// What may go wrong.
    type Error: Send;

    /// The numbers of all calls, in order.
    fn numbers(&self) -> Vec<u32>;

    /// One call by its number; `None` when it cannot be shown.
    ///
    /// # Errors
    /// What the source fails with.
    fn one(&self, number: u32) -> Result<Option<MinedCall>, Self::Error>;

    /// The same without its hits, where it is faster so.
    ///
    /// # Errors
    /// What the source fails with.
    fn without_hits(&self, number: u32) -> Result<Option<MinedCall>, Self::Error> {
        self.one(number)
    }
}
