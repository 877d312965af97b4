//! Counters against a truth made by hand, and kappa against a textbook.

use super::*;
use crate::catalog::{CallQuery, FindingQuery, TimeRange};

#[test]
fn counters_come_to_what_was_counted_by_hand() {
    let desk = Desk::new();
    // Ten calls that the machine hits with L2, five clean ones.
    for number in 0..15 {
        let said = if number < 10 { "客服: 真烦" } else { "客服: 您好" };
        desk.add(&format!("c{number:02}"), "7", "a", number, &[said]);
    }
    for number in 0..6 {
        // Four are right, two wrong.
        let verb = if number < 4 { Verb::Confirm } else { Verb::Reject };
        desk.submit(&format!("c{number:02}"), "王", &[("L2", verb)], 20).expect("taken");
    }
    // Two wait, two nobody asks for; one clean call is found to be a violation, one is found clean.
    for id in ["c06", "c07"] {
        desk.reviews.queue(&call(id), "组长", None, false, at(21)).expect("queued");
    }
    desk.submit("c10", "王", &[("L2", Verb::Change(Verdict::Hit))], 22).expect("taken");
    desk.submit("c11", "王", &[("L2", Verb::Confirm)], 22).expect("taken");
    let counts = desk.reviews.rule_counts(&CallQuery::default());
    let own = counts.iter().find(|one| one.rule_id == rule("L2")).expect("it was judged");
    assert_eq!((own.num_checked, own.num_hit, own.num_pre_review, own.num_reviewed), (15, 10, 2, 6));
    assert_eq!((own.num_confirmed, own.num_real, own.num_real_hit, own.num_problem), (4, 5, 4, 9));
    assert_eq!(own.precision().rate(), Some(4.0 / 6.0));
    assert_eq!(own.real_hit_rate().rate(), Some(0.8));
    assert_eq!(own.rule_name, "不耐烦");
    let finding = FindingQuery { rules: vec![rule("L2")], ..FindingQuery::default() };
    let asked = CallQuery { finding: finding.clone(), ..CallQuery::default() };
    assert_eq!(
        &desk.reviews.rule_counts(&asked)[..],
        std::slice::from_ref(own),
        "also where it does not hit"
    );
    assert_eq!(desk.reviews.labels(&asked, None, 100).expect("exported").calls.len(), 8);
    let other = FindingQuery { rules: vec![rule("S1")], ..finding };
    let other = CallQuery { finding: other, ..CallQuery::default() };
    assert!(desk.reviews.labels(&other, None, 100).expect("exported").calls.is_empty());
    let none = desk.reviews.rule_counts(&CallQuery { agents: vec!["8".to_owned()], ..CallQuery::default() });
    assert!(none.is_empty());
}

#[test]
fn kappa_is_that_of_the_textbook() {
    // The two by two table of 50 applications: 20 both yes, 5 and 10 apart, 15 both no. Kappa is 0.4.
    let mut pairs = Vec::new();
    for (count, pair) in [
        (20, (Verdict::Hit, Verdict::Hit)),
        (5, (Verdict::Hit, Verdict::Miss)),
        (10, (Verdict::Miss, Verdict::Hit)),
        (15, (Verdict::Miss, Verdict::Miss)),
    ] {
        pairs.extend(std::iter::repeat_n(pair, count));
    }
    let own = kappa(&pairs).expect("pairs");
    assert!((own.observed - 0.7).abs() < 1e-9 && (own.expected - 0.5).abs() < 1e-9);
    assert!((own.kappa.expect("more than chance") - 0.4).abs() < 1e-9);
    let (low, high) = own.interval.expect("an interval");
    assert!((low - 0.1460).abs() < 1e-4 && (high - 0.6540).abs() < 1e-4, "{low} {high}");
    assert!(!own.is_too_few);
    let same = kappa(&[(Verdict::Hit, Verdict::Hit); 40]).expect("pairs");
    assert_eq!((same.observed, same.kappa), (1.0, None), "chance explains it");
    assert_eq!(kappa(&[]), None);
}

#[test]
fn labels_are_calls_that_a_pack_can_be_tested_by() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服@0.5-2.25: 真烦", "客户@3-4: 喂"]);
    desk.add("c2", "7", "a", 0, &["客服: 您好"]);
    desk.submit("c1", "王", &[("L2", Verb::Reject)], 1).expect("taken");
    let labels = desk.reviews.labels(&CallQuery::default(), None, 10).expect("exported").calls;
    let [one] = &labels[..] else { panic!("one call was reviewed: {labels:?}") };
    assert_eq!(one.turns, ["客服@0.500-2.250: 真烦", "客户@3.000-4.000: 喂"]);
    assert_eq!((one.metadata.agent_id.as_ref(), one.is_mono), (None, false));
    assert_eq!((one.labels[0].verdict, one.labels[0].machine), (Verdict::Miss, Verdict::Hit));
    assert!(dialogue_of(&one.turns, one.is_mono).is_ok());
    let behind = desk.reviews.labels(&CallQuery::default(), Some(&call("c1")), 10).expect("exported");
    assert!(behind.calls.is_empty());
}

#[test]
fn overturned_is_a_share_of_what_was_decided_in_the_period() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本，真烦"]);
    desk.add("c2", "7", "a", 0, &["客服: 保本"]);
    desk.submit("c1", "王", &[("S1", Verb::Confirm), ("L2", Verb::Confirm)], 1).expect("taken");
    desk.submit("c1", "李", &[("S1", Verb::Reject), ("L2", Verb::Reject)], 100).expect("taken");
    desk.submit("c2", "王", &[("S1", Verb::Confirm)], 101).expect("taken");
    let of = |from, before| {
        let period = TimeRange { from: Some(at(from)), before: Some(at(before)) };
        let figures = desk.reviews.agreement(&CallQuery::default(), period).expect("counted");
        let own = figures.reviewers.into_iter().find(|one| one.reviewer == "王").expect("they decided");
        (own.overturned.num, own.overturned.of)
    };
    assert_eq!(of(0, 50), (2, 2));
    assert_eq!(of(50, 200), (0, 1), "what was replaced was said before");
    assert_eq!(of(0, 200), (2, 3));
}
