//! The road of an appeal over a store.

use super::*;
use crate::catalog::ReviewState;

#[test]
fn from_review_to_the_final_judgement() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本，真烦"]);
    desk.submit("c1", "王", &[("S1", Verb::Confirm), ("L2", Verb::Confirm)], 1).expect("taken");
    let stranger = desk.appeal("c1", "8", "S1", 2);
    assert!(matches!(stranger, Err(ReviewError::NotAllowed { .. })), "not an agent of the call");
    desk.appeal("c1", "7", "S1", 2).expect("taken");
    assert_eq!(desk.facts("c1").review_state(), ReviewState::Appealed);
    assert!(matches!(desk.appeal("c1", "7", "S1", 3), Err(ReviewError::AlreadyAppealed { .. })));
    assert!(matches!(
        desk.submit("c1", "李", &[("S1", Verb::Reject)], 3),
        Err(ReviewError::AppealWaits { .. })
    ));
    desk.appeal("c1", "7", "L2", 3).expect("taken");
    assert_eq!(desk.lease("王", 4), None, "not who decided");
    assert_eq!(desk.lease("7", 4), None, "not the agent");
    let task = desk.lease("李", 4).expect("somebody else");
    assert_eq!(task.slot, Slot::Appeal);
    let handle = |handling: Handling, minutes| desk.reviews.handle(&call("c1"), &handling, at(minutes));
    assert!(matches!(handle(handling(1, "王", true, false), 5), Err(ReviewError::Taken { .. })));
    assert!(matches!(handle(handling(1, "李", true, true), 5), Err(ReviewError::OtherAppeals { .. })));
    handle(handling(1, "李", true, false), 5).expect("taken");
    assert_eq!(desk.verdict("c1", "S1"), Some(Verdict::Miss));
    assert_eq!(desk.score("c1"), Some(80.0));
    assert_eq!(desk.facts("c1").review_state(), ReviewState::Appealed, "one is left");
    desk.reviews.withdraw(&call("c1"), "7", 2, "", at(6)).expect("taken back");
    assert_eq!(desk.facts("c1").review_state(), ReviewState::Reviewed);

    desk.appeal("c1", "7", "L2", 7).expect("taken");
    assert_eq!(desk.lease("李", 7), None, "another stage, another person");
    let again = handle(handling(3, "李", false, true), 8);
    assert!(matches!(again, Err(ReviewError::NotAllowed { .. })), "they decided about the call by now");
    let review = handle(handling(3, "赵", false, true), 8).expect("taken");
    assert_eq!(review.state(), ReviewState::Closed);
    assert!(matches!(desk.appeal("c1", "7", "L2", 9), Err(ReviewError::Closed { .. })));
    assert!(matches!(desk.submit("c1", "孙", &[("L2", Verb::Reject)], 9), Err(ReviewError::Closed { .. })));
    assert_eq!(desk.score("c1"), Some(80.0));

    let desk = desk.reopened();
    assert_eq!(
        desk.reviews.get(&call("c1"), None, at(10)).expect("shown").review,
        review,
        "all is on the disk"
    );
    assert!(desk.appeals(true).is_empty());
    let all = desk.appeals(false);
    let states: Vec<_> = all.iter().map(|one| one.appeal.state).collect();
    assert_eq!(states, [AppealState::Accepted, AppealState::Withdrawn, AppealState::Rejected]);
}

#[test]
fn one_person_brings_all_appeals_of_a_stage_to_their_end() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本，真烦"]);
    desk.submit("c1", "王", &[("S1", Verb::Confirm), ("L2", Verb::Confirm)], 1).expect("taken");
    desk.appeal("c1", "7", "S1", 2).expect("taken");
    desk.appeal("c1", "7", "L2", 2).expect("taken");
    let handle = |handling: Handling, minutes| desk.reviews.handle(&call("c1"), &handling, at(minutes));
    assert!(desk.lease("李", 3).is_some());
    handle(handling(1, "李", false, false), 4).expect("the first");
    assert!(desk.lease("李", 5).is_some(), "the other is theirs as well");
    assert_eq!(desk.lease("王", 50), None, "who reviewed it gets neither");
    // The agent does not take the first answer, while the stage is not over: that goes to another person.
    desk.appeal("c1", "7", "S1", 50).expect("taken");
    let same = handle(handling(3, "李", false, false), 51);
    assert!(matches!(same, Err(ReviewError::NotAllowed { .. })), "their own answer is appealed against");
    handle(handling(3, "赵", false, false), 51).expect("another person");
    let review = handle(handling(2, "李", false, true), 52).expect("the last, and final");
    assert_eq!(review.state(), ReviewState::Closed);
}

#[test]
fn one_answer_to_several_appeals_is_one_step_or_none() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本，真烦"]);
    desk.appeal("c1", "7", "S1", 1).expect("taken");
    desk.appeal("c1", "7", "L2", 1).expect("taken");
    let before = desk.reviews.get(&call("c1"), None, at(2)).expect("shown").review;
    let several = |numbers: &[u32]| Handling { numbers: numbers.to_vec(), ..handling(0, "李", true, true) };
    let handle = |handling: &Handling| desk.reviews.handle(&call("c1"), handling, at(2));
    let with_verdict = Handling { verdict: Some(Verdict::Miss), ..several(&[1, 2]) };
    let with_points = Handling { points: Some(Score::ZERO), ..several(&[1, 2]) };
    for wrong in [several(&[]), several(&[1, 1]), several(&[1, 2, 1]), with_verdict, with_points] {
        let refused = handle(&wrong);
        assert!(matches!(refused, Err(ReviewError::Field { field: "numbers", .. })), "{refused:?}");
    }
    assert!(matches!(handle(&several(&[1, 3])), Err(ReviewError::NoAppeal { number: 3, .. })));
    assert!(matches!(handle(&several(&[2])), Err(ReviewError::OtherAppeals { .. })));
    assert_eq!(desk.reviews.get(&call("c1"), None, at(2)).expect("shown").review, before, "none is answered");

    let review = handle(&several(&[2, 1])).expect("taken");
    assert_eq!(review.state(), ReviewState::Closed);
    let answered: Vec<_> = review.appeals.iter().map(|one| (one.state, one.is_final)).collect();
    assert_eq!(answered, [(AppealState::Accepted, true), (AppealState::Accepted, false)]);
    assert_eq!(
        (desk.verdict("c1", "S1"), desk.verdict("c1", "L2")),
        (Some(Verdict::Miss), Some(Verdict::Miss))
    );
    assert_eq!(desk.reopened().reviews.get(&call("c1"), None, at(3)).expect("shown").review, review);
}

#[test]
fn an_appeal_has_its_time_and_needs_no_review() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    desk.add("c2", "7", "a", 0, &["客服: 真烦"]);
    desk.submit("c1", "王", &[("L2", Verb::Confirm)], 0).expect("taken");
    let week = 7 * 24 * 60;
    assert!(matches!(desk.appeal("c1", "7", "L2", week + 1), Err(ReviewError::TooLate { days: 7, .. })));
    desk.appeal("c1", "7", "L2", week).expect("in time");
    // Against the machine alone.
    desk.appeal("c2", "7", "L2", 10 * week).expect("nobody decided yet");
    assert_eq!(desk.facts("c2").review_state(), ReviewState::Appealed);
    desk.reviews.handle(&call("c2"), &handling(1, "王", true, false), at(10 * week)).expect("taken");
    assert_eq!((desk.verdict("c2", "L2"), desk.score("c2")), (Some(Verdict::Miss), Some(100.0)));
    let changed = desk.submit("c2", "李", &[("L2", Verb::Confirm)], 10 * week);
    assert!(matches!(changed, Err(ReviewError::NoSense { .. })), "no review goes over an appeal");
}

#[test]
fn points_by_hand_are_appealed_against_too() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 您好"]);
    let mut said = submission("王", &[]);
    said.hands.push((rule("H01"), Score::from_points(-8)));
    desk.reviews.submit(&call("c1"), &said, at(1)).expect("taken");
    let subject = || Subject::Item(rule("H01"));
    desk.reviews.appeal(&call("c1"), "7", subject(), "做到了", at(2)).expect("taken");
    let without = desk.reviews.handle(&call("c1"), &handling(1, "李", true, false), at(3));
    assert!(matches!(without, Err(ReviewError::NoSense { .. })));
    let handling = Handling { points: Some(Score::from_points(-2)), ..handling(1, "李", true, true) };
    desk.reviews.handle(&call("c1"), &handling, at(3)).expect("taken");
    assert_eq!(desk.score("c1"), Some(98.0));
}

#[test]
fn an_appeal_between_two_blind_reviewers_stands_and_the_review_ends() {
    for first in [Verb::Confirm, Verb::Reject] {
        let desk = Desk::new();
        desk.add("c1", "7", "a", 0, &["客服: 保本，真烦"]);
        desk.reviews.queue(&call("c1"), "组长", None, true, at(0)).expect("queued");
        desk.submit("c1", "王", &[("S1", first), ("L2", Verb::Confirm)], 1).expect("taken");
        desk.appeal("c1", "7", "S1", 2).expect("taken");
        desk.reviews.handle(&call("c1"), &handling(1, "赵", true, false), at(3)).expect("taken");
        let review = desk.submit("c1", "李", &[("L2", Verb::Confirm)], 4).expect("taken");
        assert_eq!(desk.verdict("c1", "S1"), Some(Verdict::Miss), "the appeal was accepted");
        assert!(review.overturned.is_empty(), "nobody was overturned: {:?}", review.overturned);
        assert_eq!(review.state(), ReviewState::Reviewed, "nothing is left to decide");
    }
}

#[test]
fn an_appeal_against_a_rule_that_is_gone_can_be_rejected() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    desk.appeal("c1", "7", "L2", 1).expect("taken");
    desk.judge_again("c1", &PACK.replace("\"L2\"", "\"L9\""), &["客服: 真烦"]);
    let handle = |accepted| desk.reviews.handle(&call("c1"), &handling(1, "李", accepted, false), at(2));
    assert!(matches!(handle(true), Err(ReviewError::NoRule { .. })), "there is nothing to change");
    let review = handle(false).expect("taken");
    assert_eq!((review.state(), review.decisions.len()), (ReviewState::Reviewed, 0));
}

#[test]
fn a_name_with_white_space_around_it_is_no_other_person() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    desk.submit("c1", "王", &[("L2", Verb::Confirm)], 1).expect("taken");
    desk.appeal("c1", "7", "L2", 2).expect("taken");
    for name in ["王 ", " 王", "王\u{3000}"] {
        let handled = desk.reviews.handle(&call("c1"), &handling(1, name, false, false), at(3));
        assert!(
            matches!(handled, Err(ReviewError::Field { field: "reviewer", .. })),
            "{name:?}: {handled:?}"
        );
    }
}

#[test]
fn nobody_appeals_against_what_takes_nothing() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 真烦"]);
    for refused in ["S1", "L3"] {
        let refused = desk.appeal("c1", "7", refused, 1);
        assert!(matches!(refused, Err(ReviewError::NoSense { .. })), "the machine saw no hit: {refused:?}");
    }
    desk.submit("c1", "王", &[("L2", Verb::Reject)], 2).expect("taken");
    let refused = desk.appeal("c1", "7", "L2", 3);
    assert!(matches!(refused, Err(ReviewError::NoSense { .. })), "it was taken back: {refused:?}");
    desk.submit("c1", "王", &[("L3", Verb::Change(Verdict::Hit))], 4).expect("taken");
    desk.appeal("c1", "7", "L3", 5).expect("a person found it");
    // The agent was right, and that costs nothing.
    let handled = desk.reviews.handle(&call("c1"), &handling(1, "李", true, true), at(6)).expect("taken");
    assert_eq!(handled.decisions[&rule("L3")].verdict, Verdict::Miss);
    assert_eq!(desk.score("c1"), Some(100.0));
}
