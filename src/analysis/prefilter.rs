//! Tells which expressions can match a text at all, by one pass of one automaton over it.
//!
//! From each expression are taken literals of which every match holds at least one. Invariant: an expression that
//! matches a text is never ruled out.

use aho_corasick::{AhoCorasick, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this say too little to be worth searching.
const MAX_LITERALS: usize = 400;

/// A class with more characters is no literal.
const MAX_CLASS: u32 = 12;

/// Literals of many expressions, ready to search.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    automaton: Option<AhoCorasick>,
    /// The expressions of each literal.
    of_literal: Vec<Vec<u32>>,
    /// Expressions without literals: they can match anything.
    always: Vec<u32>,
    num_patterns: usize,
}

impl Prefilter {
    /// Takes the literals of `patterns`, which are case-insensitive and run over lower-case text.
    pub(super) fn new(patterns: &[String]) -> Option<Self> {
        let mut filter = Self { num_patterns: patterns.len(), ..Self::default() };
        let mut literals: std::collections::HashMap<String, Vec<u32>> = std::collections::HashMap::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            match required(pattern) {
                Some(found) => {
                    for literal in found {
                        let list = literals.entry(literal).or_default();
                        if list.last() != Some(&index) {
                            list.push(index);
                        }
                    }
                }
                None => filter.always.push(index),
            }
        }
        if literals.is_empty() {
            return Some(filter);
        }
        let mut sorted: Vec<(String, Vec<u32>)> = literals.into_iter().collect();
        sorted.sort_unstable();
        let texts: Vec<&str> = sorted.iter().map(|(text, _)| text.as_str()).collect();
        filter.automaton = Some(AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts).ok()?);
        filter.of_literal = sorted.into_iter().map(|(_, list)| list).collect();
        Some(filter)
    }

    /// The expressions that may match `text`, in order.
    pub(super) fn candidates(&self, text: &str) -> Vec<u32> {
        let mut seen = vec![false; self.num_patterns];
        let mut mark = |index: u32| {
            if let Some(flag) = seen.get_mut(index as usize) {
                *flag = true;
            }
        };
        self.always.iter().copied().for_each(&mut mark);
        if let Some(automaton) = &self.automaton {
            let mut known = vec![false; self.of_literal.len()];
            for found in automaton.find_overlapping_iter(text) {
                let literal = found.pattern().as_usize();
                if let Some(flag) = known.get_mut(literal).filter(|flag| !**flag) {
                    *flag = true;
                    self.of_literal.get(literal).into_iter().flatten().copied().for_each(&mut mark);
                }
            }
        }
        let marked = seen.iter().enumerate().filter(|(_, flag)| **flag);
        marked.map(|(index, _)| u32::try_from(index).unwrap_or(u32::MAX)).collect()
    }
}

/// Literals of which every match of `pattern` holds at least one; `None` when there are no useful ones.
fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::ParserBuilder::new().case_insensitive(true).build().parse(pattern).ok()?;
    let mut literals = of(&hir)?;
    literals.sort_unstable();
    literals.dedup();
    Some(literals)
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![text.to_lowercase()])
        }
        HirKind::Class(class) => of_class(class),
        HirKind::Repetition(repetition) => {
            if repetition.min > 0 {
                of(&repetition.sub)
            } else {
                None
            }
        }
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(of(part)?);
            }
            (all.len() <= MAX_LITERALS).then_some(all)
        }
        HirKind::Concat(parts) => {
            // The part whose shortest literal is longest says most; of equals, the one with fewest alternatives.
            parts.iter().filter_map(of).max_by_key(|literals| {
                let shortest = literals.iter().map(|literal| literal.chars().count()).min().unwrap_or(0);
                (shortest, std::cmp::Reverse(literals.len()))
            })
        }
    }
}

fn of_class(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    let mut chars = Vec::new();
    for range in class.iter() {
        if u32::from(range.end()) - u32::from(range.start()) >= MAX_CLASS {
            return None;
        }
        // The text is lower case, so the upper-case twin of a letter is never in it.
        chars.extend((range.start()..=range.end()).map(|char| char.to_lowercase().collect::<String>()));
    }
    chars.sort_unstable();
    chars.dedup();
    (!chars.is_empty() && chars.len() <= MAX_CLASS as usize).then_some(chars)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::RegexBuilder;

    use super::*;

    #[test]
    fn the_part_that_says_most_is_taken() {
        assert_eq!(required("(您|你).{0,4}(保本|保息)产品"), Some(vec!["产品".to_owned()]));
        assert_eq!(required("稳赚|刚兑"), Some(vec!["刚兑".to_owned(), "稳赚".to_owned()]));
        assert_eq!(required("APP"), Some(vec!["p".to_owned()]), "letters are classes of both cases");
        assert_eq!(required(".{3,5}"), None);
        assert_eq!(required("保?"), None);
    }

    proptest! {
        #[test]
        fn an_expression_that_matches_is_never_ruled_out(
            patterns in proptest::collection::vec(
                "(([保本息]{1,2}|\\.\\{0,2\\}|\\(保\\|本息\\)|\\[收益\\]|a|Q)){1,4}(\\?)?", 1..6),
            text in "[保本息收益aq，\\n]{0,24}",
        ) {
            let compiled: Vec<_> = patterns
                .iter()
                .map(|pattern| RegexBuilder::new(pattern).case_insensitive(true).build())
                .collect();
            let filter = Prefilter::new(&patterns).expect("a few literals fit");
            let candidates = filter.candidates(&text);
            for (index, regex) in compiled.iter().enumerate() {
                let matches = regex.as_ref().is_ok_and(|regex| regex.is_match(&text));
                prop_assert!(!matches || candidates.contains(&(index as u32)), "{} {text}", patterns[index]);
            }
        }
    }
}
