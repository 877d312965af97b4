//! What a rule revision would change for stored calls, before it is published. Nothing is stored.

use std::sync::Arc;

use super::selection::Seen;
use super::{ArchiveError, Jobs, Selection};
use crate::analysis::{CallDiff, DiffTotals, RuleSet};
use crate::error::Classify;
use crate::types::CallId;

/// Two revisions over the same calls.
#[derive(Debug)]
pub struct RevisionDiff {
    /// Which calls.
    pub selection: Selection,
    /// The rules before; what is stored about each call when absent.
    pub before: Option<Arc<RuleSet>>,
    /// The rules after.
    pub after: Arc<RuleSet>,
}

/// Something that a comparison has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum DiffEvent {
    /// Something changes for this call.
    Call(CallId, CallDiff),
    /// A call could not be compared: its reason and what it means.
    Problem(CallId, &'static str, String),
    /// So many calls of so many were looked at.
    Progress(u64, u64),
    /// The end: what changes in all.
    Totals(DiffTotals),
}

impl Jobs {
    /// Compares, and tells `listen` what it finds; ends when that gives false.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn diff(
        &self,
        diff: &RevisionDiff,
        mut listen: impl FnMut(DiffEvent) -> bool,
    ) -> Result<(), ArchiveError> {
        let calls = self.calls();
        let snapshot = jiff::Timestamp::now();
        let total = diff.selection.total(calls, snapshot)?;
        let (mut totals, mut num_seen, mut position) = (DiffTotals::default(), 0, None);
        while let Some(seen) = diff.selection.next(calls, snapshot, position.as_ref())? {
            let ids: Vec<_> =
                seen.iter().filter(|seen| seen.is_chosen).map(|seen| seen.id().clone()).collect();
            let afters = calls.judge_again(&ids, &diff.after);
            let mut befores = diff.before.as_ref().map(|rules| calls.judge_again(&ids, rules).into_iter());
            for (id, after) in ids.into_iter().zip(afters) {
                let before = befores.as_mut().and_then(Iterator::next).transpose();
                let (before, after) = match (before, after) {
                    // Deleted meanwhile.
                    (_, Ok(None)) | (Ok(Some(None)), _) => continue,
                    (Ok(Some(Some((_, before)))), Ok(Some((_, after)))) => (before.analysis, after.analysis),
                    (Ok(None), Ok(Some((call, after)))) => (call.result.analysis, after.analysis),
                    (_, Err(error)) | (Err(error), _) => {
                        if error.is_passing() {
                            return Err(error.into());
                        }
                        if !listen(DiffEvent::Problem(id, error.reason(), error.to_string())) {
                            return Ok(());
                        }
                        continue;
                    }
                };
                let change = totals.add(&before, &after);
                if !change.is_empty() && !listen(DiffEvent::Call(id, change)) {
                    return Ok(());
                }
            }
            num_seen += seen.len() as u64;
            position = seen.last().map(Seen::position);
            if !listen(DiffEvent::Progress(num_seen, total)) {
                return Ok(());
            }
        }
        listen(DiffEvent::Totals(totals));
        Ok(())
    }
}
