//! Turns packs into a [`RuleSet`]: one automaton for all keywords, one for what expressions require, one index for all
//! samples; every rule checked against the others and the scheme.

use std::collections::HashSet;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::behaviour::Case;
use super::check::{check_across, check_published, one_scheme, order};
use super::coaching::{Coaching, Profile, Training};
use super::matching::{Matcher, Word};
use super::operator::{Keyword, Operator, Tolerance};
use super::prefilter::Prefilter;
use super::read::read_pack;
use super::rule::{Condition, RoleScope, Rule};
use super::scheme::{RiskModel, Scheme};
use super::similar::SimilarIndex;
use super::{MatchMode, RuleError, RuleKind};
use crate::types::{RuleId, Score};

/// Keywords up to this length must stand as words of their own unless the author says otherwise.
const MAX_BOUNDED_CHARS: usize = 2;

/// The packs that are part of the binary, by file name.
const BANK: [(&str, &str); 11] = [
    ("bank/scheme.toml", include_str!("../../models/bank/scheme.toml")),
    ("bank/service.toml", include_str!("../../models/bank/service.toml")),
    ("bank/sales.toml", include_str!("../../models/bank/sales.toml")),
    ("bank/credit.toml", include_str!("../../models/bank/credit.toml")),
    ("bank/security.toml", include_str!("../../models/bank/security.toml")),
    ("bank/attitude.toml", include_str!("../../models/bank/attitude.toml")),
    ("bank/acoustic.toml", include_str!("../../models/bank/acoustic.toml")),
    ("bank/watch.toml", include_str!("../../models/bank/watch.toml")),
    ("bank/profile.toml", include_str!("../../models/bank/profile.toml")),
    ("bank/training.toml", include_str!("../../models/bank/training.toml")),
    ("bank/cases.toml", include_str!("../../models/bank/cases.toml")),
];

/// What of the shared automata and indexes belongs to a condition.
#[derive(Debug)]
pub(super) struct CompiledCondition {
    /// Its words in the matcher.
    pub(super) words: Range<u32>,
    /// Its samples in the similarity index; for answers the questions and answers of each item, in turn.
    pub(super) samples: Range<u32>,
    /// Its expression in the prefilter.
    pub(super) regex: Option<u32>,
}

/// A rule ready to judge.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub(super) rule: Rule,
    /// One for each condition of the rule.
    pub(super) conditions: Vec<CompiledCondition>,
    /// The conditions in an order in which each comes after those it needs.
    pub(super) order: Vec<usize>,
}

/// Compiled rules with their scheme. Shared between threads; judging changes nothing in it.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<CompiledRule>,
    /// The rules in an order in which each comes after those it needs.
    pub(super) order: Vec<usize>,
    pub(super) scheme: Scheme,
    /// The rules that can move points.
    pub(super) movable: HashSet<RuleId>,
    /// Whether one of them binds the agent.
    pub(super) binds_agent: bool,
    pub(super) risks: Vec<RiskModel>,
    pub(super) coaching: Coaching,
    pub(super) cases: Vec<Case>,
    pub(super) revision: String,
    pub(super) digest: String,
    pub(super) matcher: Matcher,
    pub(super) prefilter: Prefilter,
    pub(super) similar: SimilarIndex,
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
        for (name, text) in sources {
            match read_pack(name.as_ref(), text.as_ref()) {
                Ok(pack) => packs.push(pack),
                Err(problems) => diagnostics.extend(problems),
            }
        }
        let scheme = one_scheme(&packs, &mut diagnostics);
        // Names and order of the texts, their layout, comments and tests say nothing about how they judge.
        let mut digests: Vec<[u8; 32]> = packs
            .iter()
            .filter(|pack| !pack.canonical.is_empty())
            .map(|pack| Sha256::digest(&pack.canonical).into())
            .collect();
        digests.sort_unstable();
        let digest = hex::encode(Sha256::digest(digests.concat()));
        if diagnostics.is_empty() {
            check_across(&packs, &scheme, &mut diagnostics);
            check_published(&packs, &scheme, &digest, &mut diagnostics);
        }
        if !diagnostics.is_empty() {
            return Err(RuleError::Invalid { diagnostics });
        }
        let short: String = digest.chars().take(8).collect();
        let revision = format!("{}-{short}", scheme.version);
        let confusable: Vec<String> = packs.iter().flat_map(|pack| pack.confusable.clone()).collect();
        let risks = packs.iter().flat_map(|pack| pack.risks.clone()).collect();
        let cases = packs.iter().flat_map(|pack| pack.cases.clone()).collect();
        let coaching = Coaching {
            profiles: packs.iter().flat_map(|pack| pack.coaching.profiles.clone()).collect(),
            training: packs.iter().flat_map(|pack| pack.coaching.training.clone()).collect(),
        };
        let mut parts = Parts::default();
        let rules: Vec<CompiledRule> = packs
            .into_iter()
            .flat_map(|pack| pack.rules)
            .map(|rule| CompiledRule {
                conditions: rule.conditions.iter().map(|condition| parts.add(condition)).collect(),
                order: order(rule.conditions.len(), |index| {
                    rule.conditions.get(index).map(Condition::needs).unwrap_or_default()
                })
                .unwrap_or_default(),
                rule,
            })
            .collect();
        let index_of = |id: &RuleId| rules.iter().position(|compiled| compiled.rule.id == *id);
        let needs = |index: usize| {
            let rule = rules.get(index).map(|compiled| &compiled.rule);
            rule.into_iter().flat_map(Rule::needs).filter_map(index_of).collect()
        };
        let order = order(rules.len(), needs).unwrap_or_default();
        let num_keywords = parts.words.len();
        let matcher = Matcher::new(parts.words, &confusable)?;
        let prefilter = Prefilter::new(&parts.patterns).ok_or(RuleError::TooLarge { num_keywords })?;
        let similar = SimilarIndex::new(&parts.samples);
        let costs = |rule: &&Rule| {
            let (points, veto) = scheme.price(rule);
            rule.kind != RuleKind::Watch && (points != Score::ZERO || veto)
        };
        let costing: Vec<&Rule> = rules.iter().map(|compiled| &compiled.rule).filter(costs).collect();
        let binds_agent = costing.iter().any(|rule| rule.role == RoleScope::Agent);
        let movable = costing.into_iter().map(|rule| rule.id.clone()).collect();
        Ok(Self {
            rules,
            order,
            scheme,
            movable,
            binds_agent,
            risks,
            coaching,
            cases,
            revision,
            digest,
            matcher,
            prefilter,
            similar,
        })
    }

    /// The rules in the order of their texts.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// The scheme that scores.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Version of the scheme and the first places of the content's digest.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The digest of everything that judges: comments, layout, tests and the order of the texts do not change it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The risk models.
    #[must_use]
    pub fn risks(&self) -> &[RiskModel] {
        &self.risks
    }

    /// The labels of profiles, in the order of the packs.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.coaching.profiles
    }

    /// The material to train with, in the order of the packs.
    #[must_use]
    pub fn training(&self) -> &[Training] {
        &self.coaching.training
    }

    /// Whether a rule counts over earlier calls, so that they must be fetched.
    #[must_use]
    pub fn needs_history(&self) -> bool {
        let conditions = self.rules().flat_map(|rule| &rule.conditions);
        conditions.into_iter().any(|condition| matches!(condition.operator, Operator::PastCalls(_)))
    }
}

/// What all conditions share, while it grows.
#[derive(Debug, Default)]
struct Parts {
    words: Vec<Word>,
    samples: Vec<(String, f64)>,
    patterns: Vec<String>,
}

impl Parts {
    /// Gives the words and samples of a condition consecutive numbers.
    fn add(&mut self, condition: &Condition) -> CompiledCondition {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (words, samples) = (length(self.words.len()), length(self.samples.len()));
        let mut regex_index = None;
        match &condition.operator {
            Operator::Keyword(keyword) => add_words(keyword, &mut self.words),
            Operator::Regex(regex) => {
                regex_index = Some(length(self.patterns.len()));
                self.patterns.push(regex.as_str().to_owned());
            }
            Operator::Similar(similar) => {
                self.samples.extend(similar.samples.iter().map(|sample| (sample.clone(), similar.score)));
            }
            Operator::WrongAnswer(check) => {
                for item in &check.items {
                    let question = |text: &String| (text.clone(), check.question_score);
                    self.samples.extend(item.questions.iter().map(question));
                    self.samples.extend(item.answers.iter().map(|text| (text.clone(), check.answer_score)));
                }
            }
            Operator::Repeat(_)
            | Operator::Entity(_)
            | Operator::Silence(_)
            | Operator::SilenceShare(_)
            | Operator::Pace(_)
            | Operator::Overlap(_)
            | Operator::FirstResponse { .. }
            | Operator::ResponseTime(_)
            | Operator::Loudness(_)
            | Operator::Sentiment(_)
            | Operator::HangUp(_)
            | Operator::Duration(_)
            | Operator::SentenceCount(..)
            | Operator::TalkShare(_)
            | Operator::Density(_)
            | Operator::PoliteShare(..)
            | Operator::FlowBroken(_)
            | Operator::PastCalls(_)
            | Operator::Metadata(_)
            | Operator::Rule(_) => {}
        }
        CompiledCondition {
            words: words..length(self.words.len()),
            samples: samples..length(self.samples.len()),
            regex: regex_index,
        }
    }
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
