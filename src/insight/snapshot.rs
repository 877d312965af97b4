//! Copies the rows of a time, so that long questions keep no writer waiting.
//!
//! **Invariant**: the copy is of one moment, and knows every table.

use super::Period;
use crate::catalog::{CallFacts, CallQuery, Catalog, RuleTable};
use crate::store::Store;

/// The calls that began in `period`, as they are now. Holds the catalog for the copying only.
#[must_use]
pub fn snapshot(store: &Store, period: Period) -> Catalog {
    let query = CallQuery { started: period.range(), ..CallQuery::default() };
    let mut copy = Catalog::default();
    let whole = store.catalog();
    for table in whole.tables() {
        copy.add_table(RuleTable::clone(table));
    }
    let calls: Vec<CallFacts> = whole.chosen(&query).cloned().collect();
    drop(whole);
    calls.into_iter().for_each(|call| copy.put(call));
    copy
}
