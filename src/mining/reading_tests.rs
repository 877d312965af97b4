//! Order, what is left out, ends and errors.

use super::*;

/// Numbers without calls.
struct Numbers(u32);

impl Source for Numbers {
    type Error = u32;

    fn numbers(&self) -> Vec<u32> {
        (0..self.0).collect()
    }

    fn one(&self, _: u32) -> Result<Option<MinedCall>, u32> {
        Ok(None)
    }
}

#[test]
fn calls_come_in_order_and_those_that_cannot_be_shown_are_counted() {
    for num_calls in [0, 1, 15, 16, 17, 1_000] {
        let mut seen = Vec::new();
        let read = |_: &Numbers, number: u32| Ok((number % 7 != 3).then_some(number));
        let left_out = in_order(&Numbers(num_calls), read, |number| {
            seen.push(number);
            ControlFlow::Continue(())
        });
        let expected: Vec<u32> = (0..num_calls).filter(|number| number % 7 != 3).collect();
        assert_eq!(seen, expected);
        assert_eq!(left_out, Ok((0..num_calls).filter(|number| number % 7 == 3).count() as u32));
    }
}

#[test]
fn who_has_seen_enough_is_shown_no_more() {
    let mut seen = 0;
    let left_out = in_order(
        &Numbers(10_000),
        |_, number| Ok(Some(number)),
        |number| {
            seen += 1;
            if number == 40 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    assert_eq!((left_out, seen), (Ok(0), 41));
}

#[test]
fn the_first_error_in_order_ends_it() {
    let read = |_: &Numbers, number: u32| if number % 100 == 99 { Err(number) } else { Ok(Some(number)) };
    let mut last = None;
    let outcome = in_order(&Numbers(10_000), read, |number| {
        last = Some(number);
        ControlFlow::Continue(())
    });
    assert_eq!(outcome, Err(99));
    assert!(last.is_some_and(|last| last < 99), "{last:?}");
}

#[test]
#[should_panic = "a scoped thread panicked"]
fn a_panic_of_a_thread_is_not_the_end_of_the_calls() {
    let read = |_: &Numbers, number: u32| {
        assert!(number != 50, "a defect");
        Ok(Some(number))
    };
    in_order(&Numbers(100), read, |_| ControlFlow::Continue(())).ok();
}
