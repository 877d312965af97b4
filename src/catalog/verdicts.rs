//! Many verdicts in little space: two bits each.

use serde::{Deserialize, Serialize};

use crate::analysis::Verdict;

/// Verdicts by position; a position may hold none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdicts(Box<[u8]>);

impl Verdicts {
    /// The verdict at `index`; `None` when there is none.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Verdict> {
        let byte = self.0.get(index / 4)?;
        match byte >> (index % 4 * 2) & 3 {
            1 => Some(Verdict::Hit),
            2 => Some(Verdict::Miss),
            3 => Some(Verdict::NotApplicable),
            _ => None,
        }
    }

    /// All of them with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Verdict)> {
        (0..self.0.len() * 4).filter_map(|index| Some((index, self.get(index)?)))
    }
}

impl FromIterator<Option<Verdict>> for Verdicts {
    fn from_iter<I: IntoIterator<Item = Option<Verdict>>>(verdicts: I) -> Self {
        let mut bytes = Vec::new();
        for (index, verdict) in verdicts.into_iter().enumerate() {
            let bits = match verdict {
                None => 0,
                Some(Verdict::Hit) => 1,
                Some(Verdict::Miss) => 2,
                Some(Verdict::NotApplicable) => 3,
            };
            if index % 4 == 0 {
                bytes.push(0);
            }
            if let Some(last) = bytes.last_mut() {
                *last |= bits << (index % 4 * 2);
            }
        }
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict() -> impl Strategy<Value = Option<Verdict>> {
        prop::sample::select(vec![
            None,
            Some(Verdict::Hit),
            Some(Verdict::Miss),
            Some(Verdict::NotApplicable),
        ])
    }

    proptest! {
        #[test]
        fn verdicts_come_out_as_they_went_in(verdicts in prop::collection::vec(verdict(), 0..40)) {
            let packed: Verdicts = verdicts.iter().copied().collect();
            for (index, verdict) in verdicts.iter().enumerate() {
                prop_assert_eq!(packed.get(index), *verdict);
            }
            prop_assert_eq!(packed.get(verdicts.len() + 4), None);
            prop_assert_eq!(packed.iter().count(), verdicts.iter().flatten().count());
        }
    }
}
