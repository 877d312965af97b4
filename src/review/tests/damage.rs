//! One entry of the store that cannot be read stops nobody, is told, and is not written over.

use super::super::reviews::key;
use super::*;
use crate::catalog::{ReviewState, TimeRange};
use crate::store::{Family, StoreError, Writes};

/// Puts something under a key that is no document of its family.
fn damage(desk: &Desk, family: Family, key: &[u8]) {
    let mut writes = Writes::default();
    writes.put(family, key, &7_u8).expect("small");
    desk.store.write(writes).expect("written");
}

/// Whether it is still what [`damage`] put there.
fn is_damaged(desk: &Desk, family: Family, key: &[u8]) -> bool {
    desk.store.document::<u8>(family, key).ok().flatten() == Some(7)
}

#[test]
fn one_damaged_entry_stops_nobody() {
    let desk = Desk::new();
    for id in ["c1", "c2"] {
        desk.add(id, "7", "a", 0, &["客服: 保本"]);
        desk.queue(id, false, 0);
    }
    desk.submit("c2", "王", &[("S1", Verb::Confirm)], 1).expect("taken");
    desk.add("c3", "7", "a", 0, &["客服: 保本"]);
    desk.queue("c3", false, 2);
    // The history of the first task.
    damage(&desk, Family::Review, &key(&call("c1"), Some(0)));
    assert_eq!(desk.lease("李", 3).map(|task| task.call_id), Some(call("c3")), "the next one");
    desk.appeal("c2", "7", "S1", 4).expect("taken");
    let task = TaskId { call_id: call("c3"), slot: Slot::First };
    damage(&desk, Family::ReviewTask, &task.key());
    let desk = desk.reopened();
    let page = desk.reviews.list(&TaskFilter::default(), None, 10, at(5));
    assert_eq!((page.num_tasks, page.num_damaged), (2, 1), "what is left, and that it is not all");
    assert_eq!(desk.lease("李", 5).map(|task| task.slot), Some(Slot::Appeal), "it starts all the same");
    desk.submit("c3", "赵", &[("S1", Verb::Confirm)], 6).expect("by name it can still be reviewed");
    assert_eq!(desk.reviews.list(&TaskFilter::default(), None, 10, at(7)).num_damaged, 0, "it is done");
    let desk = desk.reopened();
    assert_eq!(desk.reviews.list(&TaskFilter::default(), None, 10, at(7)).num_damaged, 0, "for good");
}

#[test]
fn what_can_be_read_of_a_history_is_shown_and_no_step_is_taken_by_it() {
    let desk = Desk::new();
    for id in ["c1", "c2"] {
        desk.add(id, "7", "a", 0, &["客服: 保本，真烦"]);
        desk.submit(id, "王", &[("S1", Verb::Reject), ("L2", Verb::Confirm)], 1).expect("taken");
        desk.appeal(id, "7", "L2", 2).expect("taken");
    }
    // What was said about S1.
    let damaged = key(&call("c1"), Some(0));
    damage(&desk, Family::Review, &damaged);
    let shown = desk.reviews.get(&call("c1"), None, at(3)).expect("shown");
    assert_eq!((shown.num_damaged, shown.review.events.len(), shown.review.appeals.len()), (1, 3, 1));
    assert_eq!(shown.facts.review_state(), ReviewState::Appealed, "which the call itself says");
    let whole = desk.reviews.get(&call("c2"), None, at(3)).expect("shown");
    assert_eq!((whole.num_damaged, whole.review.events.len()), (0, 4));
    let (finals, decided) = desk.reviews.decided(&call("c1")).expect("shown").expect("it is reviewed");
    assert_eq!((finals.finals.len(), decided.decisions.len()), (2, 1), "what counts is known otherwise");
    // Lists and figures have the other call, and say that one is missing.
    let page = desk.reviews.appeals(&CallQuery::default(), true, None, 10).expect("listed");
    assert_eq!((page.appeals.len(), page.num_damaged), (1, 1));
    let page = desk.reviews.labels(&CallQuery::default(), None, 10).expect("exported");
    assert_eq!((page.calls.len(), page.num_damaged), (1, 1));
    let figures = desk.reviews.agreement(&CallQuery::default(), TimeRange::default()).expect("counted");
    assert_eq!((figures.reviewers.len(), figures.num_damaged), (1, 1));
    // A step would take the number of another one.
    let handled = desk.reviews.handle(&call("c1"), &handling(1, "李", true, false), at(4));
    assert!(matches!(handled, Err(ReviewError::Store(StoreError::Corrupt { .. }))), "{handled:?}");
    assert!(is_damaged(&desk, Family::Review, &damaged), "nothing is written over it");
    assert_eq!(desk.reviews.get(&call("c1"), None, at(5)).expect("shown").review.events.len(), 3);
}

#[test]
fn nobody_learns_what_another_one_said_because_something_is_damaged() {
    let desk = Desk::new();
    desk.add("c1", "7", "a", 0, &["客服: 保本"]);
    desk.queue("c1", true, 0);
    desk.submit("c1", "王", &[("S1", Verb::Reject)], 1).expect("taken");
    // That two are to look at it.
    damage(&desk, Family::Review, &key(&call("c1"), Some(0)));
    let shown = desk.reviews.get(&call("c1"), Some("李"), at(2)).expect("shown");
    assert!(shown.is_blind && shown.review.decisions.is_empty(), "{:?}", shown.review);
    let own = desk.reviews.get(&call("c1"), Some("王"), at(2)).expect("shown");
    assert_eq!(own.review.decisions.len(), 1);
}

#[test]
fn plans_that_can_be_read_are_listed() {
    let desk = Desk::new();
    for id in ["a", "b"] {
        desk.reviews.create_plan(super::plans::plan(id, Mode::All), at(0)).expect("made");
    }
    damage(&desk, Family::ReviewPlan, b"a");
    let (plans, num_damaged) = desk.reviews.plans().expect("listed");
    assert_eq!((plans.len(), num_damaged), (1, 1));
    let again = desk.reviews.create_plan(super::plans::plan("a", Mode::All), at(1));
    assert!(again.is_err() && is_damaged(&desk, Family::ReviewPlan, b"a"), "not over the damaged one");
}

#[test]
fn a_plan_that_lost_its_place_stops_no_other() {
    let desk = Desk::new();
    for id in ["a", "b"] {
        let mut plan = super::plans::plan(id, Mode::All);
        plan.is_continuous = true;
        desk.reviews.create_plan(plan, at(0)).expect("made");
    }
    damage(&desk, Family::Cursor, b"review-plan/a");
    desk.add("c1", "7", "a", 1, &["客服: 保本"]);
    let outcome = desk.reviews.follow(at(2));
    assert!(matches!(&outcome, Err(ReviewError::Stuck { id, .. }) if id == "a"), "{outcome:?}");
    let queued = desk.reviews.list(&TaskFilter::default(), None, 10, at(3));
    assert_eq!(queued.tasks.iter().map(|task| task.plan.as_deref()).collect::<Vec<_>>(), [Some("b")]);
    // As the message says.
    desk.reviews.delete_plan("a").expect("removed");
    let mut plan = super::plans::plan("a", Mode::All);
    plan.is_continuous = true;
    desk.reviews.create_plan(plan, at(4)).expect("made again");
    desk.add("c2", "7", "a", 5, &["客服: 保本"]);
    assert_eq!(desk.reviews.follow(at(6)).expect("it goes on"), 1);
}
