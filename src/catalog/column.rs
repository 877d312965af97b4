//! One number of every call (a time, a score, a length) to the calls within a range, and to calls in its order.
//!
//! Numbers lie in an array by call and, beside that, in buckets: the calls whose numbers agree in all but the lowest bits.
//! A range is the union of the buckets that lie in it; an order is a walk over buckets that sorts one at a time. So
//! neither costs more for more calls than those in a few buckets.
//!
//! **Invariant**: a call is in exactly the buckets of its number, or in none when it has no number.

use std::collections::BTreeMap;
use std::ops::Bound;

use roaring::RoaringBitmap;

/// What stands in the array for a call without a number.
const NONE: i64 = i64::MIN;
/// Sets up to this size are sorted as they are: cheaper than looking for them in every bucket. Small in tests, so that
/// these walk as well.
const FEW: u64 = if cfg!(test) { 5 } else { 5_000 };
/// A coarse bucket holds 2 to this power fine ones.
const COARSE_BITS: u32 = 5;

/// Where a call stands in an order: its number, and its place among those of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: Option<i64>,
    pub(super) call: u32,
}

#[derive(Debug)]
pub(super) struct Column {
    /// Bits of a number that do not count for its fine bucket.
    fine_bits: u32,
    keys: Vec<i64>,
    fine: BTreeMap<i64, RoaringBitmap>,
    coarse: BTreeMap<i64, RoaringBitmap>,
    known: RoaringBitmap,
}

impl Column {
    pub(super) fn new(fine_bits: u32) -> Self {
        Self {
            fine_bits,
            keys: Vec::new(),
            fine: BTreeMap::new(),
            coarse: BTreeMap::new(),
            known: RoaringBitmap::new(),
        }
    }

    pub(super) fn get(&self, call: u32) -> Option<i64> {
        self.keys.get(call as usize).copied().filter(|key| *key != NONE)
    }

    pub(super) fn set(&mut self, call: u32, key: Option<i64>) {
        let old = self.get(call);
        if old == key {
            return;
        }
        let index = call as usize;
        if self.keys.len() <= index {
            self.keys.resize(index + 1, NONE);
        }
        if let Some(place) = self.keys.get_mut(index) {
            *place = key.unwrap_or(NONE);
        }
        for (map, bits) in
            [(&mut self.fine, self.fine_bits), (&mut self.coarse, self.fine_bits + COARSE_BITS)]
        {
            let (from, to) = (old.map(|key| key >> bits), key.map(|key| key >> bits));
            if from == to {
                continue;
            }
            if let Some(bucket) = from
                && let Some(calls) = map.get_mut(&bucket)
            {
                calls.remove(call);
                if calls.is_empty() {
                    map.remove(&bucket);
                }
            }
            if let Some(bucket) = to {
                map.entry(bucket).or_default().insert(call);
            }
        }
        if key.is_some() {
            self.known.insert(call);
        } else {
            self.known.remove(call);
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn num_bytes(&self) -> usize {
        let buckets = self.fine.values().chain(self.coarse.values()).chain([&self.known]);
        let sizes = buckets.map(|calls| calls.serialized_size() + size_of::<(i64, RoaringBitmap)>());
        self.keys.capacity() * size_of::<i64>() + sizes.sum::<usize>()
    }

    /// Calls whose number lies in `from..=to`.
    pub(super) fn range(&self, from: i64, to: i64) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        if from > to {
            return found;
        }
        let wide = self.fine_bits + COARSE_BITS;
        for (bucket, calls) in self.coarse.range(from >> wide..=to >> wide) {
            let (first, last) = (*bucket << wide, last_of(*bucket, wide));
            if from <= first && last <= to {
                found |= calls;
                continue;
            }
            let (first, last) = (first.max(from), last.min(to));
            for (bucket, calls) in self.fine.range(first >> self.fine_bits..=last >> self.fine_bits) {
                if from <= *bucket << self.fine_bits && last_of(*bucket, self.fine_bits) <= to {
                    found |= calls;
                } else {
                    found.extend(calls.iter().filter(|call| self.is_within(*call, from, to)));
                }
            }
        }
        found
    }

    pub(super) fn is_within(&self, call: u32, from: i64, to: i64) -> bool {
        self.get(call).is_some_and(|key| (from..=to).contains(&key))
    }

    /// The first `size` calls of `set` behind `after`: by number, those of the same number by call, both down when
    /// `descending`; calls without a number last in either direction.
    pub(super) fn page(
        &self,
        set: &RoaringBitmap,
        descending: bool,
        after: Option<Place>,
        size: usize,
    ) -> Vec<u32> {
        let mut page = Vec::new();
        if after.is_none_or(|place| place.key.is_some()) {
            self.walk(set, descending, after, size, &mut page);
        }
        if page.len() < size {
            let behind = after.filter(|place| place.key.is_none()).map(|place| place.call);
            let nameless = set - &self.known;
            take(&nameless, descending, behind, size - page.len(), &mut page);
        }
        page
    }

    fn walk(
        &self,
        set: &RoaringBitmap,
        descending: bool,
        after: Option<Place>,
        size: usize,
        page: &mut Vec<u32>,
    ) {
        if set.len() <= FEW {
            self.take_sorted(&(set & &self.known), descending, after, size, page);
            return;
        }
        let wide = self.fine_bits + COARSE_BITS;
        let key = after.and_then(|place| place.key);
        for calls in buckets(&self.coarse, descending, key.map(|key| key >> wide)) {
            let (bucket, calls) = calls;
            if calls.is_disjoint(set) {
                continue;
            }
            // Within this coarse bucket only.
            let fine = self.fine.range(*bucket << COARSE_BITS..=last_of(*bucket, COARSE_BITS));
            let fine: Vec<_> = if descending { fine.rev().collect() } else { fine.collect() };
            for (bucket, calls) in fine {
                if page.len() >= size {
                    return;
                }
                let is_before = key.is_some_and(|key| {
                    let place = key >> self.fine_bits;
                    if descending { *bucket > place } else { *bucket < place }
                });
                if is_before {
                    continue;
                }
                if self.fine_bits == 0 {
                    // All have the same number.
                    let behind = after.filter(|place| place.key == Some(*bucket)).map(|place| place.call);
                    take(&(calls & set), descending, behind, size - page.len(), page);
                } else {
                    self.take_sorted(&(calls & set), descending, after, size, page);
                }
            }
        }
    }

    /// Adds the few `calls` in their order, up to `size` in all.
    fn take_sorted(
        &self,
        calls: &RoaringBitmap,
        descending: bool,
        after: Option<Place>,
        size: usize,
        page: &mut Vec<u32>,
    ) {
        let wanted = size - page.len();
        let place = |call: u32| (self.get(call).unwrap_or(NONE), call);
        let after = after.and_then(|place| Some((place.key?, place.call)));
        let is_behind =
            |one: &(i64, u32)| after.is_none_or(|after| if descending { *one < after } else { *one > after });
        let mut places: Vec<(i64, u32)> = calls.iter().map(place).filter(is_behind).collect();
        let order = |left: &(i64, u32), right: &(i64, u32)| {
            if descending { right.cmp(left) } else { left.cmp(right) }
        };
        if places.len() > wanted && wanted > 0 {
            places.select_nth_unstable_by(wanted - 1, order);
            places.truncate(wanted);
        }
        places.sort_unstable_by(order);
        page.extend(places.iter().take(wanted).map(|(_, call)| *call));
    }
}

/// The last number of a bucket.
fn last_of(bucket: i64, bits: u32) -> i64 {
    (bucket << bits) | ((1_i64 << bits) - 1)
}

/// Buckets in their order, from the bucket `from` on.
fn buckets<'a>(
    map: &'a BTreeMap<i64, RoaringBitmap>,
    descending: bool,
    from: Option<i64>,
) -> Box<dyn Iterator<Item = (&'a i64, &'a RoaringBitmap)> + 'a> {
    let from = from.map_or(Bound::Unbounded, Bound::Included);
    if descending {
        Box::new(map.range((Bound::Unbounded, from)).rev())
    } else {
        Box::new(map.range((from, Bound::Unbounded)))
    }
}

/// Adds up to `wanted` calls behind the call `behind`.
fn take(calls: &RoaringBitmap, descending: bool, behind: Option<u32>, wanted: usize, page: &mut Vec<u32>) {
    if descending {
        match behind {
            Some(behind) => page.extend(calls.range(..behind).rev().take(wanted)),
            None => page.extend(calls.iter().rev().take(wanted)),
        }
    } else {
        match behind.map(|behind| behind.checked_add(1)) {
            Some(Some(first)) => page.extend(calls.range(first..).take(wanted)),
            Some(None) => {}
            None => page.extend(calls.iter().take(wanted)),
        }
    }
}
