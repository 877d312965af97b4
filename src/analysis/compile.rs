//! Turns packs into a [`RuleSet`]: one automaton for all keywords, every rule checked against the scheme.

use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::matching::{Matcher, Word};
use super::read::read_pack;
use super::rule::{Condition, Keyword, Operator, Pack, Rule, Scheme, Tolerance};
use super::{Diagnostic, MatchMode, RuleError, RuleKind};
use crate::types::RuleId;

/// Keywords up to this length must stand as words of their own unless the author says otherwise.
const MAX_BOUNDED_CHARS: usize = 2;

/// The packs that are part of the binary, by file name.
const BANK: [(&str, &str); 8] = [
    ("bank/scheme.toml", include_str!("../../models/bank/scheme.toml")),
    ("bank/service.toml", include_str!("../../models/bank/service.toml")),
    ("bank/sales.toml", include_str!("../../models/bank/sales.toml")),
    ("bank/credit.toml", include_str!("../../models/bank/credit.toml")),
    ("bank/security.toml", include_str!("../../models/bank/security.toml")),
    ("bank/attitude.toml", include_str!("../../models/bank/attitude.toml")),
    ("bank/acoustic.toml", include_str!("../../models/bank/acoustic.toml")),
    ("bank/watch.toml", include_str!("../../models/bank/watch.toml")),
];

/// A condition and the words of the automaton that belong to it.
#[derive(Debug)]
pub(super) struct CompiledCondition {
    pub(super) condition: Condition,
    pub(super) words: Range<u32>,
}

/// A rule ready to judge.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub(super) rule: Rule,
    pub(super) conditions: Vec<CompiledCondition>,
    pub(super) prerequisites: Vec<CompiledCondition>,
}

/// Compiled rules with their scheme. Shared between threads; judging changes nothing in it.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<CompiledRule>,
    pub(super) scheme: Scheme,
    pub(super) revision: String,
    pub(super) matcher: Matcher,
}

impl RuleSet {
    /// The bank pack that is part of the binary.
    ///
    /// # Panics
    /// Never: a test compiles the pack.
    #[must_use]
    pub fn bank() -> Self {
        Self::compile_all(&BANK).expect("the embedded pack is compiled by a test")
    }

    /// The texts of the bank pack, by name.
    #[must_use]
    pub fn bank_sources() -> &'static [(&'static str, &'static str)] {
        &BANK
    }

    /// Compiles one text; `source_name` stands in error messages.
    ///
    /// # Errors
    /// [`RuleError::Invalid`] with every problem of the text.
    pub fn compile(source_name: &str, text: &str) -> Result<Self, RuleError> {
        Self::compile_all(&[(source_name, text)])
    }

    /// Compiles several texts as one set: rules add up, at most one text has a scheme (none: the default scheme).
    ///
    /// # Errors
    /// [`RuleError::Invalid`] with every problem of all texts, [`RuleError::Empty`] without any text.
    pub fn compile_all<N: AsRef<str>, T: AsRef<str>>(sources: &[(N, T)]) -> Result<Self, RuleError> {
        if sources.is_empty() {
            return Err(RuleError::Empty);
        }
        let mut diagnostics = Vec::new();
        let mut packs = Vec::new();
        let mut digests = Vec::new();
        for (name, text) in sources {
            digests.push(<[u8; 32]>::from(Sha256::digest(text.as_ref())));
            match read_pack(name.as_ref(), text.as_ref()) {
                Ok(pack) => packs.push(pack),
                Err(problems) => diagnostics.extend(problems),
            }
        }
        let scheme = one_scheme(&packs, &mut diagnostics);
        if diagnostics.is_empty() {
            check_across(&packs, &scheme, &mut diagnostics);
        }
        if !diagnostics.is_empty() {
            return Err(RuleError::Invalid { diagnostics });
        }
        // Names and order of the texts say nothing about what they hold.
        digests.sort_unstable();
        let short: String = hex::encode(Sha256::digest(digests.concat())).chars().take(8).collect();
        let revision = format!("{}-{short}", scheme.version);
        let confusable: Vec<String> = packs.iter().flat_map(|pack| pack.confusable.clone()).collect();
        let mut words = Vec::new();
        let rules = packs
            .into_iter()
            .flat_map(|pack| pack.rules)
            .map(|mut rule| CompiledRule {
                conditions: number(std::mem::take(&mut rule.conditions), &mut words),
                prerequisites: number(std::mem::take(&mut rule.prerequisites), &mut words),
                rule,
            })
            .collect();
        let matcher = Matcher::new(words, &confusable)?;
        Ok(Self { rules, scheme, revision, matcher })
    }

    /// The rules in the order of their texts, without their conditions.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// The scheme that scores.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Version of the scheme and digest of all texts.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

fn one_scheme(packs: &[Pack], diagnostics: &mut Vec<Diagnostic>) -> Scheme {
    let mut schemes = packs.iter().filter_map(|pack| pack.scheme.as_ref());
    let scheme = schemes.next().cloned().unwrap_or_default();
    if let Some(second) = schemes.next() {
        diagnostics.push(Diagnostic {
            source_name: second.name.clone(),
            line: 1,
            column: 1,
            reason: "rule.duplicate_scheme",
            message: format!("two schemes are given, `{}` and `{}`", scheme.name, second.name),
            hint: "keep one [scheme] in all packs together".to_owned(),
        });
    }
    scheme
}

/// What only shows when all texts are read: ids that two packs share, dimensions that the scheme lacks.
fn check_across(packs: &[Pack], scheme: &Scheme, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&RuleId, &Rule> = HashMap::new();
    for rule in packs.iter().flat_map(|pack| &pack.rules) {
        let at = |reason, message, hint| Diagnostic {
            source_name: rule.source_name.clone(),
            line: rule.line,
            column: 1,
            reason,
            message,
            hint,
        };
        if let Some(first) = seen.insert(&rule.id, rule) {
            let message = format!("rule `{}` is there already", rule.id);
            let hint = format!("the first one is in {}:{}", first.source_name, first.line);
            diagnostics.push(at("rule.duplicate_id", message, hint));
        }
        let known = scheme.dimensions.iter().any(|dimension| dimension.name == rule.dimension);
        if !known && rule.kind != RuleKind::Watch {
            let names: Vec<_> = scheme.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
            let message = format!("scheme `{}` has no dimension `{}`", scheme.name, rule.dimension);
            diagnostics.push(at("rule.unknown_dimension", message, format!("one of: {}", names.join(", "))));
        }
    }
}

/// Gives the words of each condition consecutive numbers.
fn number(conditions: Vec<Condition>, words: &mut Vec<Word>) -> Vec<CompiledCondition> {
    let length = |words: &Vec<Word>| u32::try_from(words.len()).unwrap_or(u32::MAX);
    let mut compiled = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let start = length(words);
        if let Operator::Keyword(keyword) = &condition.operator {
            add_words(keyword, words);
        }
        compiled.push(CompiledCondition { condition, words: start..length(words) });
    }
    compiled
}

fn add_words(keyword: &Keyword, words: &mut Vec<Word>) {
    let mut add = |text: &str, slot: usize, mode| {
        let bare = super::normalize::bare(text);
        let short = bare.len() <= MAX_BOUNDED_CHARS;
        words.push(Word {
            pattern: text.to_owned(),
            token_boundary: keyword.token_boundary.unwrap_or(short),
            // One character sounds like hundreds.
            tolerance: if bare.len() < 2 { Tolerance::Exact } else { keyword.tolerance },
            bare,
            slot: u32::try_from(slot).unwrap_or(u32::MAX),
            mode,
        });
    };
    for (slot, word) in keyword.words.iter().enumerate() {
        add(word, slot, MatchMode::Exact);
        for synonym in keyword.synonyms.get(word).into_iter().flatten() {
            add(synonym, slot, MatchMode::Synonym);
        }
    }
}
