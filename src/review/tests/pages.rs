//! Lists page by page while the work goes on: nothing is shown twice, nothing that waits all the time is left out.

use super::*;

/// The next page of what waits, and where it ended.
fn page(desk: &Desk, after: Option<&Place>, minutes: i64) -> (Vec<String>, Option<Place>) {
    let page = desk.reviews.list(&TaskFilter::default(), after, 3, at(minutes));
    (page.tasks.into_iter().map(|task| task.id.call_id.to_string()).collect(), page.next)
}

#[test]
fn pages_of_the_queue_stay_right_while_it_moves() {
    let desk = Desk::new();
    for number in 0..8 {
        desk.add(&format!("c{number}"), "7", "a", 0, &["客服: 真烦"]);
        desk.queue(&format!("c{number}"), false, number);
    }
    let (first, next) = page(&desk, None, 10);
    assert_eq!(first, ["c0", "c1", "c2"]);
    // Two of the page are done, so is one of the next; one comes in that goes before all, one that goes behind all.
    for id in ["c0", "c2", "c4"] {
        desk.submit(id, "王", &[("L2", Verb::Confirm)], 11).expect("taken");
    }
    for (id, said) in [("severe", "客服: 保本"), ("slight", "客服: 下班")] {
        desk.add(id, "7", "a", 0, &[said]);
        desk.queue(id, false, 12);
    }
    // Also of another process: a place is made of the task alone.
    let desk = desk.reopened();
    let (second, next) = page(&desk, next.as_ref(), 13);
    assert_eq!(second, ["c3", "c5", "c6"], "not by number: c6 would be repeated or c3 be left out");
    let (third, end) = page(&desk, next.as_ref(), 13);
    assert_eq!((third.as_slice(), end), (["c7".to_owned(), "slight".to_owned()].as_slice(), None));
    assert_eq!(page(&desk, None, 13).0, ["severe", "c1", "c3"]);
    let all = desk.reviews.list(&TaskFilter::default(), next.as_ref(), 1, at(13));
    assert_eq!((all.num_tasks, all.tasks.len(), all.next.is_some()), (7, 1, true), "of all pages");
}

#[test]
fn pages_of_appeals_stay_right_while_some_are_answered() {
    let desk = Desk::new();
    for number in 0..5 {
        let id = format!("c{number}");
        desk.add(&id, "7", "a", 0, &["客服: 保本，真烦"]);
        desk.appeal(&id, "7", "S1", 1).expect("taken");
        desk.appeal(&id, "7", "L2", 2).expect("taken");
    }
    let page = |after: Option<&Place>| {
        let page = desk.reviews.appeals(&CallQuery::default(), true, after, 3).expect("listed");
        let told = page.appeals.iter().map(|one| format!("{}/{}", one.call_id, one.appeal.number));
        (told.collect::<Vec<_>>(), page.next)
    };
    let (first, next) = page(None);
    assert_eq!(first, ["c0/1", "c0/2", "c1/1"]);
    for (id, number) in [("c0", 1), ("c1", 1), ("c2", 2)] {
        desk.reviews.handle(&call(id), &handling(number, "李", true, false), at(3)).expect("answered");
    }
    let (second, next) = page(next.as_ref());
    assert_eq!(second, ["c1/2", "c2/1", "c3/1"]);
    let (third, end) = page(next.as_ref());
    assert_eq!((third.as_slice(), end), (["c3/2", "c4/1", "c4/2"].map(str::to_owned).as_slice(), None));
}

#[test]
fn pages_of_examples_end_with_the_last_example() {
    let desk = Desk::new();
    for id in ["c1", "c2", "c3", "c4"] {
        desk.add(id, "7", "a", 0, &["客服: 保本"]);
    }
    for id in ["c1", "c2", "c4"] {
        desk.submit(id, "王", &[("S1", Verb::Confirm)], 1).expect("taken");
    }
    let first = desk.reviews.labels(&CallQuery::default(), None, 2).expect("exported");
    assert_eq!((first.calls.len(), first.next.clone()), (2, Some(call("c2"))));
    let last = desk.reviews.labels(&CallQuery::default(), first.next.as_ref(), 1).expect("exported");
    assert_eq!((last.calls.first().map(|one| &one.call_id), last.next), (Some(&call("c4")), None));
}
