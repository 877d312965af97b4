//! Who gets what, for how long, and what two people say who do not know of each other.

use std::collections::BTreeSet;

use super::*;
use crate::catalog::{CallQuery, ReviewState, TimeRange};

#[test]
fn the_most_severe_goes_first_and_nobody_gets_their_own() {
    let desk = Desk::new();
    desk.add("slight", "7", "a", 0, &["客服: 下班"]);
    desk.add("severe", "8", "a", 0, &["客服: 保本"]);
    desk.add("clean", "9", "a", 0, &["客服: 您好"]);
    for (minutes, id) in ["clean", "slight", "severe"].into_iter().enumerate() {
        desk.queue(id, false, minutes as i64);
    }
    assert!(!desk.reviews.queue(&call("severe"), "组长", None, false, at(3)).expect("asked"), "once");
    let order: Vec<_> = desk.waiting(4).into_iter().map(|id| id.call_id.to_string()).collect();
    assert_eq!(order, ["severe", "slight", "clean"]);
    assert_eq!(desk.lease("8", 5).map(|id| id.call_id), Some(call("slight")), "not the own call");
    assert_eq!(desk.lease("王", 5).map(|id| id.call_id), Some(call("severe")));
    assert_eq!(desk.lease("王", 6).map(|id| id.call_id), Some(call("severe")), "the same until it is done");
    assert_eq!(desk.lease("李", 6).map(|id| id.call_id), Some(call("clean")));
    assert_eq!(desk.lease("赵", 6), None);
}

#[test]
fn a_lease_runs_out_unless_it_is_used() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本"]);
    desk.queue("c1", false, 0);
    assert!(desk.lease("王", 0).is_some());
    assert_eq!(desk.lease("李", 29), None);
    // Looking at the call keeps it.
    desk.reviews.get(&call("c1"), Some("王"), at(29)).expect("shown");
    assert_eq!(desk.lease("李", 58), None);
    let taken = desk.submit("c1", "李", &[("S1", Verb::Confirm)], 58);
    assert!(matches!(taken, Err(ReviewError::Taken { holder, .. }) if holder == "王"));
    // Nothing survives only in memory.
    let desk = desk.reopened();
    assert_eq!(desk.lease("李", 58), None);
    assert!(desk.lease("李", 59).is_some(), "thirty minutes after it was last used");
    let late = desk.submit("c1", "王", &[("S1", Verb::Confirm)], 60);
    assert!(matches!(late, Err(ReviewError::Taken { holder, .. }) if holder == "李"));
    let review = desk.submit("c1", "李", &[("S1", Verb::Confirm)], 61).expect("taken");
    let took = review.events.iter().find_map(|event| {
        if let What::Submitted { took_seconds, .. } = event.what { took_seconds } else { None }
    });
    assert_eq!(took, Some(120));
    assert!(desk.waiting(62).is_empty());
}

#[test]
fn a_task_goes_back_or_to_somebody_else() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本"]);
    desk.queue("c1", false, 0);
    let id = desk.lease("王", 1).expect("a task");
    desk.reviews.give_back(&call("c1"), "王", "认识这位客户", at(2)).expect("given back");
    assert!(matches!(desk.reviews.give_back(&call("c1"), "王", "", at(2)), Err(ReviewError::NoTask { .. })));
    desk.reviews.assign(&id, Some("李"), "组长", at(3)).expect("assigned");
    assert_eq!(desk.lease("王", 4), None, "it is for another person");
    let own = desk.reviews.assign(&id, Some("7"), "组长", at(3));
    assert!(matches!(own, Err(ReviewError::NotAllowed { .. })), "not to the agent");
    let desk = desk.reopened();
    assert_eq!(desk.lease("李", 5), Some(id));
    let review = desk.reviews.get(&call("c1"), None, at(6)).expect("shown").review;
    let told: Vec<_> = review.events.iter().map(|event| event.actor.as_str()).collect();
    assert_eq!(told, ["组长", "王", "组长"]);
}

#[test]
fn two_at_once_never_get_the_same() {
    let desk = Desk::new();
    for number in 0..40 {
        desk.add(&format!("c{number}"), "7", "a", 0, &["客服: 保本"]);
        desk.queue(&format!("c{number}"), false, 0);
    }
    let taken: Vec<(String, CallId)> = std::thread::scope(|scope| {
        let desk = &desk;
        let people: Vec<_> = (0..4)
            .map(|person| {
                scope.spawn(move || {
                    let name = format!("r{person}");
                    let mut own = Vec::new();
                    while let Some(task) = desk.lease(&name, 1) {
                        desk.submit(task.call_id.as_str(), &name, &[("S1", Verb::Confirm)], 2)
                            .expect("taken");
                        own.push((name.clone(), task.call_id));
                    }
                    own
                })
            })
            .collect();
        people.into_iter().flat_map(|person| person.join().expect("no panic")).collect()
    });
    let calls: BTreeSet<_> = taken.iter().map(|(_, id)| id).collect();
    assert_eq!((taken.len(), calls.len()), (40, 40));
}

#[test]
fn two_who_agree_decide_and_a_third_decides_where_they_differ() {
    let desk = Desk::new();
    let turns = ["客服: 保本，真烦"];
    for id in ["same", "other"] {
        desk.add(id, "7", "a", 0, &turns);
        desk.queue(id, true, 0);
    }
    let confirm = [("S1", Verb::Confirm), ("L2", Verb::Confirm)];
    desk.submit("same", "王", &confirm, 1).expect("taken");
    let shown = desk.reviews.get(&call("same"), Some("李"), at(2)).expect("shown");
    assert!(shown.is_blind && !format!("{:?}", shown.review).contains("Confirmed"), "{:?}", shown.review);
    assert_eq!(desk.facts("same").review_state(), ReviewState::Queued);
    assert!(desk.facts("same").annotations.review.expect("queued").finals.is_empty(), "not yet");
    let again = desk.submit("same", "王", &confirm, 2);
    assert!(matches!(again, Err(ReviewError::NotAllowed { .. })), "one person is not two");
    desk.submit("same", "李", &confirm, 3).expect("taken");
    assert_eq!(desk.facts("same").review_state(), ReviewState::Reviewed);

    desk.submit("other", "王", &confirm, 4).expect("taken");
    let review =
        desk.submit("other", "李", &[("S1", Verb::Reject), ("L2", Verb::Confirm)], 5).expect("taken");
    assert_eq!(review.disputed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["S1"]);
    assert_eq!(desk.facts("other").review_state(), ReviewState::Queued);
    assert_eq!(desk.lease("王", 6), None, "both have spoken");
    let task = desk.lease("赵", 6).expect("a third");
    assert_eq!((task.call_id, task.slot), (call("other"), Slot::Decider));
    let nothing = desk.submit("other", "赵", &[("L2", Verb::Confirm)], 7);
    assert!(matches!(nothing, Err(ReviewError::NoSense { .. })), "what they differ about is left");
    desk.submit("other", "赵", &[("S1", Verb::Reject)], 8).expect("taken");
    assert_eq!(desk.verdict("other", "S1"), Some(Verdict::Miss));
    assert_eq!(desk.score("other"), Some(80.0));

    let figures = desk.reviews.agreement(&CallQuery::default(), TimeRange::default()).expect("counted");
    assert_eq!(figures.num_calls, 2);
    let overall = figures.overall.expect("pairs");
    assert_eq!((overall.num_pairs, overall.observed, overall.is_too_few), (4, 0.75, true));
    let overturned: Vec<_> = figures
        .reviewers
        .iter()
        .map(|one| (one.reviewer.as_str(), one.num_reviews, one.overturned.num))
        .collect();
    assert_eq!(overturned, [("李", 2, 0), ("王", 2, 1), ("赵", 1, 0)]);
}

#[test]
fn a_turn_that_is_named_is_one_of_the_call() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客户: 你好", "客服: 您好"]);
    let said = |turn| {
        let mut said = submission("王", &[("S1", Verb::Change(Verdict::Hit))]);
        said.choices.iter_mut().for_each(|choice| choice.turn = Some(turn));
        desk.reviews.submit(&call("c1"), &said, at(1))
    };
    let wrong = said(2);
    assert!(matches!(wrong, Err(ReviewError::NoSense { .. })), "turns are counted from 0: {wrong:?}");
    assert_eq!(said(1).expect("taken").decisions[&rule("S1")].turn, Some(1));
}
