//! An alert for tests, to be changed where it matters.
//!
//! **Invariant**: only in tests.

use jiff::Timestamp;

use super::model::{Alert, AlertCall, AlertState};
use crate::analysis::Level;
use crate::types::CallId;

/// An open alert without a call, raised at the beginning of time.
pub(crate) fn alert(number: u64) -> Alert {
    Alert {
        number,
        call: None,
        risk_id: "R1".to_owned(),
        risk_name: "投诉".to_owned(),
        level: Level::S1,
        at: None,
        rules: Vec::new(),
        samples: Vec::new(),
        raised_at: Timestamp::UNIX_EPOCH,
        open_since: Timestamp::UNIX_EPOCH,
        held_back: None,
        digest: None,
        state: AlertState::Open,
        assignee: None,
        closed: None,
        events: vec![number],
    }
}

/// A call of which nothing is known but when it was received, which is when it began.
pub(crate) fn call(id: CallId, at: Timestamp) -> AlertCall {
    AlertCall {
        id,
        number: 0,
        received_at: at,
        started_at: at,
        agent_id: None,
        agent_name: None,
        team: None,
        skill_group: None,
        business: None,
        customer_ref: None,
        customer_key: None,
        result: 1,
    }
}
