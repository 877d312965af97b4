//! Holds docs/rules.md to the engine: every example compiles, every test in an example passes, every name is there.

use super::{RuleError, RuleSet};

const DOC: &str = include_str!("../../docs/rules.md");

const HEAD: &str = "version = 2\n[pack]\nname = \"例\"\nrevision = \"1\"\n";

/// A rule that an example of conditions alone is put into.
const RULE: &str = "[[rule]]\nid = \"R1\"\nname = \"例\"\nkind = \"process\"\nlevel = \"S3\"\nrole = \"agent\"\ndimension = \"服务规范\"\n\
    hits = [\"客服: 好\"]\nmisses = [\"客服: 好\"]\n";

/// The examples with the lines at which they begin.
fn examples() -> Vec<(usize, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in DOC.lines().enumerate() {
        match (&mut open, line) {
            (None, "```toml") => open = Some((index + 1, String::new())),
            (Some(_), "```") => examples.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    examples
}

/// An example as a pack, and the texts that it needs beside it.
fn compile(example: &str) -> Result<RuleSet, RuleError> {
    let whole =
        |text: &str| if text.starts_with("version") { text.to_owned() } else { format!("{HEAD}{text}") };
    let text = if example.starts_with("[[rule.condition]]") {
        format!("{RULE}{example}")
    } else {
        example.to_owned()
    };
    let mut sources = vec![("docs/rules.md".to_owned(), whole(&text))];
    if ["[[risk]]", "[[case]]", "[[profile]]"].iter().any(|head| example.starts_with(head)) {
        // Not the pack's own cases, which expect the pack's own alerts.
        let bank = RuleSet::bank_sources().iter().filter(|(name, _)| *name != "bank/cases.toml");
        sources.extend(bank.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    }
    RuleSet::compile_all(&sources)
}

#[test]
fn every_example_compiles_and_passes_its_tests() {
    let examples = examples();
    assert!(examples.len() > 30, "the examples were not found");
    let mut wrong = Vec::new();
    for (line, example) in &examples {
        match compile(example) {
            Err(error) => wrong.push(format!("docs/rules.md:{line}: {error}")),
            Ok(set) => {
                let own = |name: &str| name == "docs/rules.md";
                let tests = set.run_tests().into_iter().filter(|test| own(&test.source_name));
                let rule_tests =
                    tests.filter(|_| example.starts_with("version") || example.starts_with("[[rule]]"));
                wrong.extend(
                    rule_tests.filter_map(|test| Some(format!("docs/rules.md:{line}: {}", test.failure?))),
                );
                let cases = set.run_cases().into_iter().flat_map(|case| case.failures);
                wrong.extend(cases.map(|failure| format!("docs/rules.md:{line}: {failure}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_operator_and_every_reason_is_described() {
    for name in super::read_condition::OPERATORS {
        assert!(DOC.contains(&format!("#### `{name}`")), "operator {name}");
    }
    for reason in super::explain::REASONS {
        assert!(DOC.contains(&format!("`{reason}`")), "reason {reason}");
    }
}
