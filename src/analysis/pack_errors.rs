//! What authors are told when a pack is wrong: place, cause and hint, all problems at once.

use super::{RuleError, RuleSet};

const HEAD: &str = "version = 2\n[pack]\nname = \"p\"\nrevision = \"1\"\n";

fn problems(text: &str) -> Vec<String> {
    match RuleSet::compile("pack.toml", text) {
        Ok(_) => Vec::new(),
        Err(RuleError::Invalid { diagnostics }) => diagnostics.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn rule(fields: &str, condition: &str) -> String {
    format!(
        "{HEAD}[[rule]]\nid = \"R1\"\nname = \"n\"\nkind = \"forbidden\"\nlevel = \"S3\"\ndimension = \"服务规范\"\n{fields}\n\
         hits = [\"客服: 保本\"]\nmisses = [\"客服: 您好\"]\n[[rule.condition]]\n{condition}\n"
    )
}

#[test]
fn a_good_pack_has_no_problem() {
    assert_eq!(problems(&rule("role = \"agent\"", "keyword = { any = [\"保本\"] }")), Vec::<String>::new());
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_a_hint() {
    let text = rule("role = \"agnet\"\nseverity = 3", "regex = '(保本'\nfirst_sentence = 3");
    let found = problems(&text);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found[0].starts_with("pack.toml:11:8: unknown role `agnet`\n  hint: did you mean `agent`?"),
        "{}",
        found[0]
    );
    assert!(
        found[1].starts_with("pack.toml:12:1: unknown field `severity` in this rule\n  hint:"),
        "{}",
        found[1]
    );
    assert!(found[2].starts_with("pack.toml:16:9: `(保本` is not a regular expression"), "{}", found[2]);
    assert!(found[3].contains("did you mean `first_sentences`?"), "{}", found[3]);
}

#[test]
fn look_around_is_answered_with_what_to_use_instead() {
    let found = problems(&rule("", "regex = '(?<!不)保本'"));
    assert!(
        found[0].contains("hint: look-around is not there: use `exclude`, `left_guard` or `guards`"),
        "{}",
        found[0]
    );
}

#[test]
fn rules_without_tests_or_conditions_and_with_a_known_id_are_refused() {
    let bare = format!("{HEAD}[[rule]]\nid = \"R1\"\nname = \"n\"\nkind = \"watch\"\nlevel = \"S1\"\n");
    let found = problems(&bare);
    assert!(found.iter().any(|problem| problem.contains("no tests both ways")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.contains("no condition")), "{found:#?}");
    let good = rule("", "keyword = { any = [\"保本\"] }");
    let second = good.replace(HEAD, "");
    let found = problems(&format!("{good}{second}"));
    assert!(found.iter().any(|problem| problem.contains("rule `R1` is there already")), "{found:#?}");
}

#[test]
fn a_dimension_the_scheme_lacks_and_broken_syntax_are_told() {
    let found = problems(&rule("", "keyword = { any = [\"保本\"] }").replace("服务规范", "服务"));
    assert!(
        found[0].contains("has no dimension `服务`\n  hint: did you mean `服务规范`? one of: 服务规范"),
        "{}",
        found[0]
    );
    let found = problems("version = 2\n[pack\n");
    assert!(found[0].starts_with("pack.toml:2:"), "{}", found[0]);
    assert!(problems("")[0].contains("begin the file with `version = 2`"));
}

#[test]
fn two_operators_an_empty_expression_and_a_keyword_of_marks_are_refused() {
    for (condition, wanted) in [
        ("regex = 'a'\nkeyword = { any = [\"b\"] }", "exactly one operator"),
        ("regex = 'a*'", "matches the empty text"),
        ("keyword = { any = [\"，。\"] }", "nothing is left of keyword"),
        ("keyword = { at_least = 3, of = [\"a\", \"b\"] }", "can never be met"),
        ("keyword = { any = [\"a\"], all = [\"b\"] }", "exactly one list"),
        ("guards = [\"irony\"]\nregex = 'a'", "unknown guard `irony`"),
    ] {
        let found = problems(&rule("", condition));
        assert!(found.iter().any(|problem| problem.contains(wanted)), "{condition}: {found:#?}");
    }
}

#[test]
fn mistakes_between_conditions_are_told_with_what_was_meant() {
    for (fields, condition, wanted) in [
        (
            "when = \"ask && yse\"",
            "id = \"ask\"\nregex = 'a'\n[[rule.condition]]\nid = \"yes\"\nregex = 'b'",
            "11:16: no condition is called `yse`\n  hint: did you mean `yes`?",
        ),
        ("when = \"c1 & c2\"", "regex = 'a'", "11:12: write `&&` instead of `&`"),
        ("when = \"c1\"", "regex = 'a'\n[[rule.condition]]\nregex = 'b'", "condition `c2` is never used"),
        (
            "",
            "after = { condition = \"aks\" }\nregex = 'a'\n[[rule.condition]]\nid = \"ask\"\nregex = 'b'",
            "no condition is called `aks`\n  hint: did you mean `ask`?",
        ),
        (
            "",
            "id = \"a\"\nafter = { condition = \"b\" }\nregex = 'a'\n[[rule.condition]]\nid = \"b\"\nafter = { condition = \"a\" }\nregex = 'b'",
            "these conditions need each other: a → b → a",
        ),
        ("", "rule = \"R2\"", "there is no rule `R2`\n  hint: did you mean `R1`?"),
        ("", "rule = \"R1\"", "these rules need each other: R1 → R1"),
        (
            "",
            "first_seconds = 3\nduration = { over_seconds = 3 }",
            "`first_seconds` means nothing for `duration`",
        ),
        ("live = true", "duration = { over_seconds = 3 }", "cannot be live: it needs the whole call"),
        (
            "applies = { media = \"voise\" }",
            "regex = 'a'",
            "unknown media `voise`\n  hint: did you mean `voice`?",
        ),
        ("effective_from = \"soon\"", "regex = 'a'", "`effective_from` is no date"),
        ("", "sentences = [3, 1]\nregex = 'a'", "`sentences` ends before it begins"),
        ("", "entity = { kind = \"fone\" }", "unknown kind `fone`\n  hint: did you mean `phone`?"),
        ("score_on = \"miss\"", "regex = 'a'", "`score_on = \"miss\"` needs a `score`"),
    ] {
        let found = problems(&rule(fields, condition));
        assert!(found.iter().any(|problem| problem.contains(wanted)), "{fields} {condition}: {found:#?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(text in "(\\PC|\n|\\[\\[rule\\]\\]\n|= \\{|version = 2\n){0,40}") {
        let told = problems(&text);
        proptest::prop_assert!(told.iter().all(|problem| !problem.is_empty()));
    }
}
