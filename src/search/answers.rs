//! Words to the calls that have them, segment by segment of the index.
//!
//! A segment never changes but for documents that are deleted from it, so what it answered stays true while others are
//! added beside it: a word that was asked before costs a union of a few bitmaps, also while calls come in. Large
//! segments that were not asked yet are searched side by side.
//!
//! **Invariant**: an answer is kept for the segment and the deletions of which it was made, and never used for others.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Query, Weight};
use tantivy::{DocId, Searcher, SegmentOrdinal, SegmentReader};

use super::query::Speaker;
use super::{SearchError, side_by_side};

/// Answers that are kept of a segment.
const MAX_KEPT: usize = 256;
/// Documents from which on a segment is worth a thread of its own; in tests every one is.
const MANY: u32 = if cfg!(test) { 1 } else { 50_000 };

/// A word and who is to have said it; no word stands for every document.
pub(super) type Asked = (Speaker, Vec<String>);

/// Which segment, and how many of its documents are deleted; those that are never come back.
type State = (SegmentId, u32);

/// What segments answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    kept: Mutex<HashMap<State, HashMap<Asked, Arc<RoaringBitmap>>>>,
}

impl Answers {
    /// The calls whose documents match any of `queries`, which say what was `asked`.
    pub(super) fn of(
        &self,
        searcher: &Searcher,
        asked: &Asked,
        queries: &[Box<dyn Query>],
    ) -> Result<RoaringBitmap, SearchError> {
        let segments = searcher.segment_readers();
        let mut found = RoaringBitmap::new();
        let mut unknown: Vec<&SegmentReader> = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() > segments.len() {
                // Of segments that were merged or lost documents. A question that began before may ask them once more.
                kept.retain(|known, _| segments.iter().any(|segment| state(segment) == *known));
            }
            let is_unknown = |segment: &&SegmentReader| {
                let known = kept.get(&state(segment)).and_then(|answers| answers.get(asked));
                known.inspect(|calls| found |= &***calls).is_none()
            };
            segments.iter().filter(is_unknown).collect()
        };
        if unknown.is_empty() {
            return Ok(found);
        }
        let scoring = EnableScoring::disabled_from_searcher(searcher);
        let weights = queries.iter().map(|query| tried(|| query.weight(scoring)));
        let weights = weights.collect::<Result<Vec<_>, _>>()?;
        unknown.sort_by_key(|segment| Reverse(segment.max_doc()));
        let num_large = unknown.iter().filter(|segment| segment.max_doc() >= MANY).count();
        let answers = side_by_side::each(&unknown, num_large, |segment| search(&weights, segment));
        for (segment, calls) in unknown.iter().zip(answers) {
            let calls = Arc::new(calls?);
            found |= &*calls;
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let answers = kept.entry(state(segment)).or_default();
            if answers.len() >= MAX_KEPT {
                answers.clear();
            }
            answers.insert(asked.clone(), calls);
        }
        Ok(found)
    }
}

#[cfg(test)]
impl Answers {
    /// Of how many segments answers are kept.
    pub(super) fn num_segments(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn state(segment: &SegmentReader) -> State {
    (segment.segment_id(), segment.num_deleted_docs())
}

fn search(weights: &[Box<dyn Weight>], segment: &SegmentReader) -> Result<RoaringBitmap, SearchError> {
    let mut calls = RoaringBitmap::new();
    for weight in weights {
        let mut part = tried(|| Numbers.collect_segment(weight.as_ref(), 0, segment))?;
        // Nearly sorted, because calls come in in their order.
        part.sort_unstable();
        part.dedup();
        // Sorted, so it cannot be refused.
        calls |= RoaringBitmap::from_sorted_iter(part).unwrap_or_default();
    }
    Ok(calls)
}

/// What `work` of tantivy gives; a damaged file may make it panic.
fn tried<T>(work: impl FnOnce() -> tantivy::Result<T>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| SearchError::engine("a file of it is damaged"))?
        .map_err(SearchError::engine)
}

/// Collects the numbers of the calls of documents.
struct Numbers;

struct SegmentNumbers {
    numbers: Arc<dyn ColumnValues<u64>>,
    found: Vec<u32>,
    block: Vec<u64>,
}

impl Collector for Numbers {
    type Fruit = Vec<u32>;
    type Child = SegmentNumbers;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentNumbers> {
        let numbers = segment.fast_fields().column_first_or_default("number")?;
        Ok(SegmentNumbers { numbers, found: Vec::new(), block: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, parts: Vec<Vec<u32>>) -> tantivy::Result<Vec<u32>> {
        Ok(parts.concat())
    }
}

impl SegmentCollector for SegmentNumbers {
    type Fruit = Vec<u32>;

    fn collect(&mut self, doc: DocId, _: f32) {
        self.found.push(u32::try_from(self.numbers.get_val(doc)).unwrap_or(u32::MAX));
    }

    fn collect_block(&mut self, docs: &[DocId]) {
        self.block.resize(docs.len(), 0);
        self.numbers.get_vals(docs, &mut self.block);
        self.found.extend(self.block.iter().map(|number| u32::try_from(*number).unwrap_or(u32::MAX)));
    }

    fn harvest(self) -> Vec<u32> {
        self.found
    }
}
