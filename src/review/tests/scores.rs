//! What people decide and what it does to the score, also after the call is judged again.

use super::*;
use crate::catalog::ReviewState;

#[test]
fn a_rejected_finding_changes_verdict_and_score_and_nothing_of_the_machine() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 这款保本，真烦"]);
    assert_eq!(desk.score("c1"), Some(0.0), "a veto");
    let before = desk.store.analysis(&call("c1")).expect("readable");
    let review = desk.submit("c1", "王", &[("S1", Verb::Reject), ("L2", Verb::Confirm)], 1).expect("taken");
    assert_eq!(review.state(), ReviewState::Reviewed);
    assert_eq!(desk.verdict("c1", "S1"), Some(Verdict::Miss));
    assert_eq!(desk.verdict("c1", "L2"), Some(Verdict::Hit));
    assert_eq!(desk.score("c1"), Some(80.0));
    assert_eq!(desk.store.analysis(&call("c1")).expect("readable"), before);
    let machine = desk.facts("c1").judgement.expect("it is judged");
    assert_eq!((machine.score, machine.vetoed), (Some(Score::ZERO), true));
    let points = |points| Score::from_points(points);
    assert_eq!(&machine.dimensions[..], [points(50)]);
    let facts = desk.facts("c1");
    let whole = facts.whole().expect("it is judged");
    assert!(!whole.vetoed(), "nobody sees a veto that was taken back");
    assert_eq!(whole.dimensions(), [points(80)]);
    // And the other way round: a veto that only a person found.
    desk.add("c2", "7", "a", 0, &["客服: 您好"]);
    assert!(!desk.facts("c2").whole().expect("judged").vetoed());
    desk.submit("c2", "王", &[("S1", Verb::Change(Verdict::Hit))], 1).expect("taken");
    assert!(desk.facts("c2").whole().expect("judged").vetoed());
    assert_eq!(desk.score("c2"), Some(0.0));
}

#[test]
fn what_the_machine_missed_and_points_by_hand_count() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 您好"]);
    let mut said = submission("王", &[("L3", Verb::Reject)]);
    let refused = desk.reviews.submit(&call("c1"), &said, at(0));
    assert!(matches!(refused, Err(ReviewError::NoSense { .. })), "there is no hit to reject");
    said.choices[0].verb = Verb::Change(Verdict::Hit);
    said.hands.push((rule("H01"), Score::from_points(-4)));
    desk.reviews.submit(&call("c1"), &said, at(1)).expect("taken");
    assert_eq!(desk.verdict("c1", "L3"), Some(Verdict::Hit));
    assert_eq!(desk.score("c1"), Some(86.0));
    // Whoever sees that it is none rejects it, and the machine was right.
    let review = desk.submit("c1", "李", &[("L3", Verb::Reject)], 1).expect("taken");
    assert_eq!((desk.verdict("c1", "L3"), desk.score("c1")), (Some(Verdict::Miss), Some(96.0)));
    assert_eq!(review.decisions[&rule("L3")].how, How::Confirmed);
    said.hands = vec![(rule("H01"), Score::from_points(-40))];
    let refused = desk.reviews.submit(&call("c1"), &said, at(2));
    assert!(matches!(refused, Err(ReviewError::NoSense { .. })), "more than the item has");
    said.hands = vec![(rule("H09"), Score::from_points(-1))];
    assert!(matches!(desk.reviews.submit(&call("c1"), &said, at(2)), Err(ReviewError::NoRule { .. })));
}

#[test]
fn decisions_outlive_a_judgement_by_other_rules_and_so_does_the_score() {
    let desk = Desk::new();
    let turns = ["客服: 真烦，下班了"];
    desk.add("c1", "7", "a", 0, &turns);
    assert_eq!(desk.score("c1"), Some(70.0));
    desk.submit("c1", "王", &[("L2", Verb::Reject)], 1).expect("taken");
    assert_eq!(desk.score("c1"), Some(90.0));
    // A new revision in which a slip costs twice as much; the person's word about the other rule stands.
    let dearer = format!("{PACK}\n[scheme.level]\nS3 = {{ points = -20 }}\n");
    desk.judge_again("c1", &dearer, &turns);
    assert_eq!(desk.verdict("c1", "L2"), Some(Verdict::Miss));
    assert_eq!(desk.score("c1"), Some(80.0));
    // Another fact about the call does not bring the old score back.
    let noted = desk.store.annotate(&call("c1"), |annotations, _| {
        annotations.topics.push("理财".into());
        Ok::<_, crate::store::StoreError>(())
    });
    noted.expect("it is written");
    assert_eq!(desk.score("c1"), Some(80.0));
    // Made anew from what is stored, the rows come to the same.
    let report = desk.store.reindex().expect("it is made");
    assert_eq!((report.num_calls, report.num_mended), (1, 0));
    let desk = desk.reopened();
    assert_eq!(desk.score("c1"), Some(80.0));
    assert_eq!(desk.store.reindex().expect("it is made").num_mended, 0);
}

#[test]
fn a_deleted_call_leaves_neither_history_nor_task() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    assert!(desk.reviews.queue(&call("c1"), "组长", None, true, at(1)).expect("queued"));
    assert!(desk.lease("王", 2).is_some());
    desk.store.delete_call(&call("c1")).expect("deleted");
    assert_eq!(desk.lease("王", 3), None);
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    assert_eq!(desk.reviews.get(&call("c1"), None, at(4)).expect("it is there").review, Review::default());
    let desk = desk.reopened();
    assert_eq!(desk.lease("李", 5), None);
}

#[test]
fn what_is_taken_back_is_taken_back_from_the_agent_who_had_that_part() {
    let desk = Desk::new();
    desk.add_passed_on("c1", &[("7", &["客服: 保本"]), ("8", &["客服: 真烦"])]);
    let parts = |desk: &Desk| {
        let facts = desk.facts("c1");
        let own =
            [0, 1].map(|index| facts.own(index).map(|own| (own.score().map(Score::as_f64), own.vetoed())));
        let whole = facts.whole().expect("it is judged");
        (own, whole.score().map(Score::as_f64), whole.vetoed())
    };
    let (mine, others) = (Some((Some(0.0), true)), Some((Some(80.0), false)));
    assert_eq!(parts(&desk), ([mine, others], Some(0.0), true));
    // Nobody knows whose an added one is: it counts in the whole call.
    desk.submit("c1", "王", &[("S1", Verb::Reject), ("L3", Verb::Change(Verdict::Hit))], 1).expect("taken");
    let (mine, whole) = (Some((Some(100.0), false)), Some(70.0));
    assert_eq!(parts(&desk), ([mine, others], whole, false));
    let of = |agent: &str| {
        let query = CallQuery { agents: vec![agent.to_owned()], vetoed: true, ..CallQuery::default() };
        desk.store.catalog().count(&query)
    };
    assert_eq!((of("7"), of("8")), (0, 0));
    // The same when it is made anew, and when the process starts again.
    desk.store.reindex().expect("made anew");
    assert_eq!(parts(&desk), ([mine, others], whole, false));
    assert_eq!(parts(&desk.reopened()), ([mine, others], whole, false));
}
