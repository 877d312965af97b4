//! The score that people's decisions come to.

use super::*;
use crate::analysis::{RuleSet, dialogue_of};
use crate::types::CallMetadata;

const PACK: &str = r#"
version = 2
[scheme]
name = "t"
version = "1"
base = 100
min_agent_chars = 1
[[scheme.dimension]]
name = "服务规范"
full = 40
cap = 25
[[scheme.dimension]]
name = "销售合规"
full = 60
[[scheme.manual]]
id = "H01"
name = "主动性"
dimension = "服务规范"
points = -10
[[rule]]
id = "A1"
name = "一"
kind = "forbidden"
role = "agent"
level = "S2"
dimension = "销售合规"
score_group = "g"
hits = ["客服: 保本"]
misses = ["客服: 您好"]
[[rule.condition]]
id = "a"
keyword = { any = ["保本"] }
[[rule]]
id = "A2"
name = "二"
kind = "forbidden"
role = "agent"
level = "S3"
dimension = "销售合规"
score_group = "g"
hits = ["客服: 保息"]
misses = ["客服: 您好"]
[[rule.condition]]
id = "a"
keyword = { any = ["保息"] }
[[rule]]
id = "V1"
name = "否决"
kind = "forbidden"
role = "agent"
level = "S1"
dimension = "服务规范"
hits = ["客服: 密码"]
misses = ["客服: 您好"]
[[rule.condition]]
id = "a"
keyword = { any = ["密码"] }
"#;

fn analysis(turns: &[&str]) -> Analysis {
    let rules = RuleSet::compile("t.toml", PACK).expect("the pack is right");
    rules.evaluate(&dialogue_of(turns, false).expect("the turns are right"), &CallMetadata::default())
}

fn id(text: &str) -> RuleId {
    RuleId::try_new(text).expect("an id")
}

fn score(analysis: &Analysis, verdicts: &[(&str, Verdict)], hands: &[(&str, i32)]) -> Option<f64> {
    let verdicts: Vec<_> = verdicts.iter().map(|(rule, verdict)| (id(rule), *verdict)).collect();
    let hands: Vec<_> = hands.iter().map(|(item, points)| (id(item), Score::from_points(*points))).collect();
    let decided = Decided {
        verdicts: verdicts.iter().map(|(rule, verdict)| (rule, *verdict)).collect(),
        hands: hands.iter().map(|(item, points)| (item, *points)).collect(),
    };
    let card = analysis.settled_with(&decided).expect("it says what it rests on").scorecard;
    card.final_score().map(Score::as_f64)
}

#[test]
fn without_a_decision_the_score_is_the_machines() {
    for turns in [&["客服: 这款产品保本保息"][..], &["客服: 请说密码"], &["客服: 您好"], &["客户: 喂"]]
    {
        let analysis = analysis(turns);
        assert_eq!(score(&analysis, &[], &[]), analysis.scorecard.final_score().map(Score::as_f64));
        let again = analysis.settled_with(&Decided::default()).expect("it rests on something").scorecard;
        assert_eq!(again.dimensions, analysis.scorecard.dimensions);
    }
}

#[test]
fn a_rejected_hit_costs_nothing_and_gives_its_group_back() {
    let analysis = analysis(&["客服: 这款产品保本", "客服: 真的保息"]);
    let hits = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit).count();
    assert_eq!(hits, 2, "{:?}", analysis.findings);
    assert_eq!(score(&analysis, &[], &[]), Some(80.0), "only the larger one of the group counts");
    assert_eq!(score(&analysis, &[("A1", Verdict::Miss)], &[]), Some(90.0), "now the smaller one does");
    assert_eq!(score(&analysis, &[("A2", Verdict::Miss)], &[]), Some(80.0));
    let both = [("A1", Verdict::Miss), ("A2", Verdict::NotApplicable)];
    assert_eq!(score(&analysis, &both, &[]), Some(100.0));
}

#[test]
fn a_hit_that_a_person_found_costs_what_the_rule_costs() {
    let analysis = analysis(&["客服: 您好"]);
    assert_eq!(score(&analysis, &[("A1", Verdict::Hit)], &[]), Some(80.0));
    assert_eq!(score(&analysis, &[("V1", Verdict::Hit)], &[]), Some(0.0), "a veto");
    assert_eq!(score(&analysis, &[("unknown", Verdict::Hit)], &[]), Some(100.0));
}

#[test]
fn points_by_hand_stay_within_item_and_cap() {
    let analysis = analysis(&["客服: 您好"]);
    assert_eq!(analysis.manual_items().len(), 1);
    assert_eq!(score(&analysis, &[], &[("H01", -4)]), Some(96.0));
    assert_eq!(score(&analysis, &[], &[("H01", -40)]), Some(90.0), "no more than the item has");
    assert_eq!(score(&analysis, &[], &[("H01", 40)]), Some(100.0), "it takes and does not give");
    assert_eq!(score(&analysis, &[], &[("H09", -4)]), Some(100.0), "there is no such item");
}

#[test]
fn a_result_of_an_earlier_version_says_so() {
    let mut analysis = analysis(&["客服: 您好"]);
    analysis.scorecard.basis = None;
    assert!(analysis.settled_with(&Decided::default()).is_none());
}
