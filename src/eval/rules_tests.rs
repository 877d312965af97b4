//! Rules against a set made by hand.

use super::*;

const PACK: &str = r#"
version = 2
[scheme]
name = "t"
version = "1"
[[scheme.dimension]]
name = "合规"
full = 100
[[rule]]
id = "S1"
name = "保本"
kind = "forbidden"
role = "agent"
level = "S2"
dimension = "合规"
hits = ["客服: 保本"]
misses = ["客服: 您好"]
[[rule.condition]]
keyword = { any = ["保本"] }
[[rule]]
id = "L2"
name = "不耐烦"
kind = "forbidden"
role = "agent"
level = "S3"
dimension = "合规"
hits = ["客服: 真烦"]
misses = ["客服: 您好"]
[[rule.condition]]
keyword = { any = ["真烦"] }
"#;

fn report(lines: &str) -> RuleReport {
    let rules = RuleSet::compile("t.toml", PACK).expect("the pack is right");
    evaluate_rules(&read_examples("labels.jsonl", lines).expect("they are right"), &rules)
}

#[test]
fn precision_and_recall_are_those_counted_by_hand() {
    let report = report(
        r#"{"call_id": "a", "turns": ["客服: 这款保本"], "expect": {"S1": "hit", "L2": "miss"}}
{"call_id": "b", "turns": ["客服: 保本的"], "expect": {"S1": "hit"}}

{"call_id": "c", "turns": ["客服: 保本"], "expect": {"S1": "not_applicable", "X9": "hit"}}
{"call_id": "d", "turns": ["客服: 稳赚"], "expect": {"S1": "hit"}}
{"call_id": "e", "turns": ["客户: 保本吗"], "expect": {"S1": "miss"}}
"#,
    );
    assert_eq!(report.num_examples, 5);
    let own = report.rules.iter().find(|rule| rule.rule_id.as_str() == "S1").expect("it is labelled");
    assert_eq!((own.true_hits, own.false_hits, own.missed, own.true_misses), (2, 1, 1, 1));
    assert_eq!((own.precision().rate(), own.recall().rate()), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
    assert!((own.f1().expect("both are known") - 2.0 / 3.0).abs() < 1e-9);
    let other = report.rules.iter().find(|rule| rule.rule_id.as_str() == "L2").expect("it is labelled");
    assert_eq!((other.true_misses, other.precision().rate(), other.f1()), (1, None, None));
    let wrong: Vec<_> = report.mistakes.iter().map(|one| (one.call_id.as_str(), one.expected)).collect();
    assert_eq!(wrong, [("c", Verdict::NotApplicable), ("d", Verdict::Hit)]);
    assert_eq!(report.unknown.iter().map(RuleId::as_str).collect::<Vec<_>>(), ["X9"]);
    let text = report.to_string();
    assert!(text.contains("66.7 %") && text.contains("not in this pack: X9"), "{text}");
}

#[test]
fn a_line_that_is_no_example_is_named() {
    let wrong = |text: &str| match read_examples("labels.jsonl", text) {
        Err(EvalError::Example { line, problem, .. }) => (line, problem),
        other => panic!("it is no example: {other:?}"),
    };
    assert_eq!(wrong("\n{\"turns\": []}").0, 2);
    assert!(wrong(r#"{"turns": ["老王: 您好"], "expect": {}}"#).1.contains("老王"));
    assert!(wrong(r#"{"turns": [], "expect": {}, "expected": {}}"#).1.contains("expected"));
}

#[test]
fn what_is_written_is_what_is_read() {
    let line = r#"{"call_id":"a","turns":["客服@0.000-1.500 -20.0dB: 保本"],"mono":true,"call_seconds":3.0,"metadata":{"media":"video","business":"理财"},"expect":{"S1":"hit"}}"#;
    let [example] = &read_examples("labels.jsonl", line).expect("it is right")[..] else {
        panic!("one line")
    };
    assert_eq!(serde_json::to_string(example).expect("it is written"), line);
}
