//! What rules say about people, as data: labels of a profile (`[[profile]]`) and material to train with (`[[training]]`).
//!
//! Nothing here judges, so none of it is in the digest of a revision. **Invariant**: every rule that is named is one of
//! the packs that are loaded together.

use std::ops::Range as ByteRange;

use super::Diagnostic;
use super::toml_table::{Problems, TableReader};
use crate::types::RuleId;

/// A label of an agent's profile, and the rules from which it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The label, for example 环节遗漏.
    pub label: String,
    /// Any of these rules.
    pub rules: Vec<RuleId>,
    /// The agent's hit rate over these rules is at least so many times that of the team.
    pub min_ratio: f64,
    /// And at least so much higher (0.03 is three points of a percent).
    pub min_rise: f64,
    /// Verdicts of these rules that there must be.
    pub min_checked: u32,
    source_name: String,
    line: usize,
}

/// Material to train with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// What to train.
    pub title: String,
    /// Where the material stands, as the bank names it.
    pub material: String,
    /// What to do, in a sentence or two.
    pub text: String,
    /// The rules that it helps with.
    pub rules: Vec<RuleId>,
    source_name: String,
    line: usize,
}

/// What a pack says about people.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Coaching {
    pub(super) profiles: Vec<Profile>,
    pub(super) training: Vec<Training>,
}

/// Reads both lists of a file.
pub(super) fn read_coaching(problems: &mut Problems<'_>, root: &mut TableReader<'_>) -> Coaching {
    let mut coaching = Coaching::default();
    for (table, span) in root.tables(problems, "profile") {
        let mut reader = TableReader::new(table, span.clone(), "profile");
        let label = reader.required_string(problems, "label", "for example 环节遗漏");
        let rules = read_rules(problems, &mut reader, &span);
        let min_ratio = reader.number(problems, "min_ratio", 1.0, 100.0).unwrap_or(1.5);
        let min_rise = reader.number(problems, "min_rise", 0.0, 1.0).unwrap_or(0.03);
        let min_checked = reader.count(problems, "min_checked", 1_000_000).unwrap_or(50);
        reader.finish(problems);
        let Some(label) = label else { continue };
        if coaching.profiles.iter().any(|known| known.label == label.value) {
            let message = format!("profile `{}` is there already", label.value);
            problems.add(&label.span, "rule.duplicate_id", message, "");
        }
        coaching.profiles.push(Profile {
            label: label.value,
            rules,
            min_ratio,
            min_rise,
            min_checked,
            source_name: problems.source_name().to_owned(),
            line: problems.place(span.start).0,
        });
    }
    for (table, span) in root.tables(problems, "training") {
        let mut reader = TableReader::new(table, span.clone(), "training");
        let title = reader.required_string(problems, "title", "say in a few words what is trained");
        let material = reader.required_string(problems, "material", "say where the material stands");
        let text = reader.required_string(problems, "text", "say what to do, in a sentence or two");
        let rules = read_rules(problems, &mut reader, &span);
        reader.finish(problems);
        let (Some(title), Some(material), Some(text)) = (title, material, text) else { continue };
        coaching.training.push(Training {
            title: title.value,
            material: material.value,
            text: text.value,
            rules,
            source_name: problems.source_name().to_owned(),
            line: problems.place(span.start).0,
        });
    }
    coaching
}

fn read_rules(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    span: &ByteRange<usize>,
) -> Vec<RuleId> {
    let names = reader.strings(problems, "rules").unwrap_or_default();
    if names.is_empty() {
        problems.add(span, "rule.missing_field", "this entry has no `rules`", "rules = [\"B01\", \"B02\"]");
    }
    let mut rules = Vec::new();
    for name in names {
        match RuleId::try_new(name.value) {
            Ok(rule) => rules.push(rule),
            Err(error) => problems.add(&name.span, "rule.invalid_id", error.to_string(), ""),
        }
    }
    rules
}

/// Tells every rule that is named and not there.
pub(super) fn check_coaching(
    coaching: &Coaching,
    unknown: impl Fn(&RuleId) -> Option<(String, String)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let profiles =
        coaching.profiles.iter().map(|one| ("profile", &one.label, &one.rules, &one.source_name, one.line));
    let training =
        coaching.training.iter().map(|one| ("training", &one.title, &one.rules, &one.source_name, one.line));
    for (what, name, rules, source_name, line) in profiles.chain(training) {
        for (message, hint) in rules.iter().filter_map(&unknown) {
            diagnostics.push(Diagnostic {
                source_name: source_name.clone(),
                line,
                column: 1,
                reason: "rule.unknown_rule",
                message: format!("{what} `{name}`: {message}"),
                hint,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::{RuleError, RuleSet};

    const HEAD: &str = "version = 2\n[[rule]]\nid = \"R1\"\nname = \"n\"\nkind = \"forbidden\"\nlevel = \"S3\"\n\
                        dimension = \"服务规范\"\nhits = [\"客服: 保本\"]\nmisses = [\"客服: 您好\"]\n\
                        [[rule.condition]]\nkeyword = { any = [\"保本\"] }\n";

    #[test]
    fn labels_and_material_are_read_and_do_not_change_the_revision() {
        let text = format!(
            "{HEAD}[[profile]]\nlabel = \"违规承诺\"\nrules = [\"R1\"]\nmin_ratio = 2\n\
             [[training]]\ntitle = \"t\"\nmaterial = \"m\"\ntext = \"x\"\nrules = [\"R1\"]\n"
        );
        let rules = RuleSet::compile("pack.toml", &text).unwrap();
        let [profile] = rules.profiles() else { panic!("one profile") };
        assert_eq!((profile.label.as_str(), profile.min_ratio, profile.min_checked), ("违规承诺", 2.0, 50));
        assert_eq!(rules.training().len(), 1);
        assert_eq!(rules.digest(), RuleSet::compile("pack.toml", HEAD).unwrap().digest());
    }

    #[test]
    fn a_rule_that_is_not_there_is_told_with_its_line() {
        let text = format!("{HEAD}[[profile]]\nlabel = \"违规承诺\"\nrules = [\"R2\"]\n");
        let Err(RuleError::Invalid { diagnostics }) = RuleSet::compile("pack.toml", &text) else {
            panic!("it is refused")
        };
        let [problem] = &diagnostics[..] else { panic!("one problem: {diagnostics:?}") };
        assert_eq!((problem.line, problem.reason), (12, "rule.unknown_rule"));
        assert!(problem.to_string().contains("did you mean `R1`?"), "{problem}");
    }

    #[test]
    fn every_scored_rule_of_the_bank_has_material_and_labels_are_known() {
        let bank = RuleSet::bank();
        for rule in bank.rules().filter(|rule| rule.kind != crate::analysis::RuleKind::Watch) {
            let covered = bank.training().iter().any(|one| one.rules.contains(&rule.id));
            let about_recording = ["A12", "A13", "A15", "I05"].contains(&rule.id.as_str());
            assert!(covered || about_recording, "{} has no training", rule.id);
        }
        for label in ["业务解答有误", "环节遗漏", "抢话", "语速过快", "服务态度", "信息安全"]
        {
            assert!(bank.profiles().iter().any(|profile| profile.label == label), "{label}");
        }
    }
}
