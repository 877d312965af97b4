//! Steps in any order: no path loses history, closed stays closed, nobody judges an appeal against themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::submit::Scene;
use super::*;
use crate::catalog::ReviewState;

#[derive(Debug, Clone)]
enum Try {
    Queue(bool),
    Submit(u8, u8, u8),
    Appeal(u8, u8),
    Withdraw(u8, u32),
    Handle(u32, u8, bool, bool),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        any::<bool>().prop_map(Try::Queue),
        (0..5_u8, 0..3_u8, 0..4_u8).prop_map(|(person, rule, slot)| Try::Submit(person, rule, slot)),
        (0..5_u8, 0..3_u8).prop_map(|(person, rule)| Try::Appeal(person, rule)),
        (0..5_u8, 1..5_u32).prop_map(|(person, number)| Try::Withdraw(person, number)),
        (1..5_u32, 0..5_u8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(number, person, accepted, last)| Try::Handle(number, person, accepted, last)),
    ];
    prop::collection::vec(one, 0..40)
}

fn scene() -> Scene {
    let machine = [("S1", Verdict::Hit), ("L2", Verdict::Miss), ("L3", Verdict::NotApplicable)];
    Scene {
        id: call("c1"),
        agents: vec!["p0".to_owned(), "p1".to_owned()],
        machine: machine.into_iter().map(|(id, verdict)| (rule(id), verdict)).collect::<BTreeMap<_, _>>(),
        revision: "1".to_owned(),
        manual: Vec::new(),
        rewards: [rule("L2")].into(),
    }
}

fn take(review: &Review, step: &Try, minutes: i64) -> Result<Vec<Event>, ReviewError> {
    let (scene, rules) = (scene(), ["S1", "L2", "L3"]);
    let person = |number: &u8| format!("p{number}");
    match step {
        Try::Queue(twice) => {
            if review.state() != ReviewState::None {
                return Ok(Vec::new());
            }
            let slots = if *twice { vec![Slot::First, Slot::Second] } else { vec![Slot::First] };
            Ok(vec![Event::new(at(minutes), "sampling", What::Queued { plan: None, slots })])
        }
        Try::Submit(who, rule, slot) => {
            let open: Vec<Slot> =
                review.waiting.iter().copied().filter(|slot| *slot != Slot::Appeal).collect();
            let slot = if open.is_empty() { Slot::First } else { open[usize::from(*slot) % open.len()] };
            let mut choices = vec![(rules[usize::from(*rule)], Verb::Change(Verdict::Miss))];
            if slot == Slot::Decider {
                choices = rules.iter().map(|rule| (*rule, Verb::Change(Verdict::Hit))).collect();
            }
            review.submit(&scene, &submission(&person(who), &choices), slot, None, at(minutes))
        }
        Try::Appeal(who, rule) => {
            let subject = Subject::Rule(super::rule(rules[usize::from(*rule)]));
            review.appeal(&scene, &person(who), subject, "不服", &ReviewConfig::default(), at(minutes))
        }
        Try::Withdraw(who, number) => review.withdraw(&scene, &person(who), *number, "", at(minutes)),
        Try::Handle(number, who, accepted, last) => {
            let verdict = accepted.then_some(Verdict::Miss);
            let handling = Handling { verdict, ..handling(*number, &person(who), *accepted, *last) };
            review.handle(&scene, &handling, at(minutes))
        }
    }
}

/// Whether `person` must not answer appeal `number`, looked up step by step: they reviewed the call, answered an appeal against
/// the same, or answered one of an earlier stage, since when there was a moment without open appeals.
fn is_barred(review: &Review, person: &str, number: u32) -> bool {
    let subject = |number: u32| &review.appeals[number as usize - 1].subject;
    let is_over = |at: usize| {
        let mut since = (at..review.events.len()).map(|end| Review::of(review.events[..=end].to_vec()));
        since.any(|then| then.open_appeals().next().is_none())
    };
    let own = review.events.iter().enumerate().filter(|(_, event)| event.actor == person);
    own.into_iter().any(|(at, event)| {
        matches!(event.what, What::Submitted { .. })
            || matches!(event.what, What::Handled { number: own, .. } if is_over(at) || subject(own) == subject(number))
    })
}

proptest! {
    #[test]
    fn every_path_keeps_its_history_and_its_rules(tries in tries()) {
        let mut review = Review::default();
        for (minutes, step) in (0_i64..).zip(&tries) {
            let before = review.clone();
            let taken = take(&review, step, minutes);
            if before.state() == ReviewState::Closed {
                prop_assert!(taken.as_ref().map_or(true, Vec::is_empty), "closed stays closed: {taken:?}");
            }
            if let (Try::Handle(number, who, ..), Err(ReviewError::NotAllowed { .. })) = (step, &taken) {
                prop_assert!(*who < 2 || is_barred(&before, &format!("p{who}"), *number), "p{who} may answer it");
            }
            let Ok(events) = taken else { continue };
            for event in events {
                if let What::Handled { number, .. } = event.what {
                    prop_assert!(!is_barred(&before, &event.actor, number), "{} decided before", event.actor);
                    prop_assert!(!["p0", "p1"].contains(&event.actor.as_str()), "the agent");
                }
                if let What::Decided { .. } = event.what {
                    prop_assert!(!["p0", "p1"].contains(&event.actor.as_str()), "the agent");
                }
                review.apply(event);
            }
            for (rule_id, stands) in &before.decisions {
                let now = review.decisions.get(rule_id).map(|one| one.slot);
                if stands.slot == Slot::Appeal {
                    prop_assert_eq!(now, Some(Slot::Appeal), "only an appeal goes over an appeal");
                }
            }
            if review.waiting.contains(&Slot::Decider) && review.state() == ReviewState::Queued {
                let disputed = review.disputed.iter();
                let choices = disputed.map(|rule| (rule.as_str(), Verb::Change(Verdict::Hit))).collect::<Vec<_>>();
                let said = Submission { comment: "听过".to_owned(), ..submission("p9", &choices) };
                let ended = review.submit(&scene(), &said, Slot::Decider, None, at(minutes));
                prop_assert!(ended.is_ok(), "a third can always end it: {ended:?}");
            }
            prop_assert!(review.events.starts_with(&before.events), "history grows");
            let open = review.open_appeals().count() > 0;
            prop_assert_eq!(open, review.state() == ReviewState::Appealed);
            prop_assert_eq!(open, review.waiting.contains(&Slot::Appeal));
            if review.is_blind() {
                prop_assert!(review.decisions.values().all(|one| one.slot == Slot::Appeal), "{:?}", review.decisions);
            }
            // What is written is all there is.
            prop_assert_eq!(&Review::of(review.events.clone()), &review);
            let json = serde_json::to_string(&review.events).expect("it can be written");
            let events: Vec<Event> = serde_json::from_str(&json).expect("it can be read");
            prop_assert_eq!(&events, &review.events);
        }
    }
}
