//! Lines up what was said with what was recognised: the cheapest edits, and which characters they leave standing.

use std::ops::AddAssign;

use serde::Serialize;

/// How many edits turn the reference into the hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EditCounts {
    /// Characters of the reference.
    pub reference: u64,
    /// Characters that were recognised as others.
    pub substitutions: u64,
    /// Characters that were made up.
    pub insertions: u64,
    /// Characters that were missed.
    pub deletions: u64,
}

impl EditCounts {
    /// All edits.
    #[must_use]
    pub fn errors(self) -> u64 {
        self.substitutions + self.insertions + self.deletions
    }

    /// Edits per character of the reference; over 1 when much was made up. `None` without a reference.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.reference > 0).then(|| self.errors() as f64 / self.reference as f64)
    }
}

impl AddAssign for EditCounts {
    fn add_assign(&mut self, other: Self) {
        self.reference += other.reference;
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
    }
}

/// The cheapest way from a reference to a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// The edits, counted.
    pub counts: EditCounts,
    /// Positions of the characters that both share, in order: (in the reference, in the hypothesis).
    pub matches: Vec<(usize, usize)>,
}

#[derive(Clone, Copy)]
enum Step {
    Both,
    Delete,
    Insert,
}

/// Finds the fewest substitutions, insertions and deletions, all of one price.
///
/// Takes time and memory of the product of both lengths: one byte per pair.
#[must_use]
pub fn align(reference: &[char], hypothesis: &[char]) -> Alignment {
    let width = hypothesis.len() + 1;
    let mut steps = vec![Step::Insert; width * (reference.len() + 1)];
    let mut above: Vec<u32> = (0..).take(width).collect();
    let mut row = vec![0; width];
    for (i, expected) in reference.iter().enumerate() {
        let line = (i + 1) * width;
        row[0] = above[0] + 1;
        steps[line] = Step::Delete;
        for (j, heard) in hypothesis.iter().enumerate() {
            let both = above[j] + u32::from(expected != heard);
            let delete = above[j + 1] + 1;
            let insert = row[j] + 1;
            let (cost, step) = if both <= delete && both <= insert {
                (both, Step::Both)
            } else if delete <= insert {
                (delete, Step::Delete)
            } else {
                (insert, Step::Insert)
            };
            row[j + 1] = cost;
            steps[line + j + 1] = step;
        }
        std::mem::swap(&mut above, &mut row);
    }
    trace(reference, hypothesis, &steps)
}

/// Walks back from the end along the cheapest steps.
fn trace(reference: &[char], hypothesis: &[char], steps: &[Step]) -> Alignment {
    let mut counts = EditCounts { reference: reference.len() as u64, ..EditCounts::default() };
    let mut matches = Vec::new();
    let (mut i, mut j) = (reference.len(), hypothesis.len());
    while i > 0 || j > 0 {
        match steps[i * (hypothesis.len() + 1) + j] {
            Step::Both => {
                (i, j) = (i - 1, j - 1);
                if reference[i] == hypothesis[j] {
                    matches.push((i, j));
                } else {
                    counts.substitutions += 1;
                }
            }
            Step::Delete => {
                i -= 1;
                counts.deletions += 1;
            }
            Step::Insert => {
                j -= 1;
                counts.insertions += 1;
            }
        }
    }
    matches.reverse();
    Alignment { counts, matches }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(reference: &str, hypothesis: &str) -> (u64, u64, u64) {
        let counts = align(&chars(reference), &chars(hypothesis)).counts;
        (counts.substitutions, counts.insertions, counts.deletions)
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn known_cases() {
        assert_eq!(counts("保本保息", "保本保息"), (0, 0, 0));
        assert_eq!(counts("保本保息", "包本保息"), (1, 0, 0));
        assert_eq!(counts("保本保息", "保本息"), (0, 0, 1));
        assert_eq!(counts("保本", "保本保息"), (0, 2, 0));
        assert_eq!(counts("", "谢谢观看"), (0, 4, 0));
        assert_eq!(counts("您好", ""), (0, 0, 2));
        assert_eq!(counts("", ""), (0, 0, 0));
        assert_eq!(counts("kitten", "sitting"), (2, 1, 0));
    }

    #[test]
    fn matches_name_the_shared_characters() {
        assert_eq!(align(&chars("风险提示"), &chars("有风险示")).matches, [(0, 1), (1, 2), (3, 3)]);
    }

    #[test]
    fn a_rate_needs_a_reference() {
        assert_eq!(align(&[], &chars("啊")).counts.rate(), None);
        assert_eq!(align(&chars("四个字啊"), &chars("四个字")).counts.rate(), Some(0.25));
    }

    /// The plain recursive definition, for comparison.
    fn distance(a: &[char], b: &[char]) -> u64 {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len() as u64,
            ([x, a @ ..], [y, b @ ..]) if x == y => distance(a, b),
            ([_, a_rest @ ..], [_, b_rest @ ..]) => {
                1 + distance(a_rest, b_rest).min(distance(a_rest, b)).min(distance(a, b_rest))
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_separates_a_text_from_itself(text in "[一二三四五]{0,40}") {
            let text = chars(&text);
            let alignment = align(&text, &text);
            prop_assert_eq!(alignment.counts.errors(), 0);
            prop_assert_eq!(alignment.matches.len(), text.len());
        }

        #[test]
        fn edits_are_bounded_and_add_up(a in "[一二三]{0,30}", b in "[一二三]{0,30}") {
            let (a, b) = (chars(&a), chars(&b));
            let Alignment { counts, matches } = align(&a, &b);
            prop_assert!(counts.errors() >= a.len().abs_diff(b.len()) as u64);
            prop_assert!(counts.errors() <= a.len().max(b.len()) as u64);
            prop_assert_eq!(matches.len() as u64 + counts.substitutions + counts.deletions, a.len() as u64);
            prop_assert_eq!(matches.len() as u64 + counts.substitutions + counts.insertions, b.len() as u64);
            prop_assert!(matches.is_sorted_by(|x, y| x.0 < y.0 && x.1 < y.1));
            prop_assert!(matches.iter().all(|&(i, j)| a[i] == b[j]));
        }

        #[test]
        fn no_cheaper_way_exists(a in "[一二]{0,7}", b in "[一二]{0,7}") {
            let (a, b) = (chars(&a), chars(&b));
            prop_assert_eq!(align(&a, &b).counts.errors(), distance(&a, &b));
        }
    }
}
