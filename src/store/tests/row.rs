//! Rows of calls with very much about them: small enough, found all the same, and the same when they are made again.

use super::*;
use crate::catalog::{CallQuery, FinalVerdict, ReviewFacts, ReviewState};
use crate::types::AgentSegment;

/// A call of as many agents, each with texts of as many characters.
fn transferred(num_agents: usize, num_chars: usize) -> (CallRecord, CallResult) {
    let mut call = record("c1", None, 1);
    let text = |kind: &str, index: usize| Some(format!("{kind}{index:02}{}", "组".repeat(num_chars)));
    call.metadata.segments = (0..num_agents)
        .map(|index| AgentSegment {
            agent_id: text("a", index),
            agent_name: text("n", index),
            team: text("t", index),
            skill_group: text("s", index),
            ..AgentSegment::default()
        })
        .collect();
    let mut result = result(&["S1"], 80);
    result.parts = (0..num_agents)
        .map(|index| AgentPart {
            agent_id: text("a", index),
            agent_name: None,
            team: None,
            span: TimeSpan::new(Millis(0), Millis(1)),
            analysis: super::result(&["X"], i32::try_from(index).expect("few")).analysis,
        })
        .collect();
    (call, result)
}

fn num_row_bytes(store: &Store) -> usize {
    store.index.get(keys::facts(&id("c1"))).expect("reads").expect("is there").len()
}

#[test]
fn the_first_of_very_many_agents_keep_what_is_theirs() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&[transferred(20, 1)]).expect("inserts");
    let row = store.facts(&id("c1")).expect("reads").expect("is there");
    let own = row.agents.iter().map(|agent| agent.own.as_ref().and_then(|own| own.score));
    let expected = (0..16).map(|points| Some(Score::from_points(points)));
    assert_eq!(own.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn a_row_is_small_whatever_is_in_it_and_found_by_what_is_longer() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let (mut call, result) = transferred(16, 50);
    call.metadata.product = Some("款".repeat(300));
    store.insert_finished(&[(call.clone(), result)]).expect("inserts");
    assert!(num_row_bytes(&store) <= calls::MAX_VALUE_BYTES);
    let row = || store.facts(&id("c1")).expect("reads").expect("is there");
    assert!(row().agents.len() > 4);
    assert!(row().agents.iter().all(|agent| agent.own.is_some()));
    let (products, teams) = (call.metadata.product.clone(), call.metadata.segments[3].team.clone());
    let query = CallQuery {
        products: products.into_iter().collect(),
        teams: teams.into_iter().collect(),
        ..CallQuery::default()
    };
    {
        let catalog = store.catalog();
        assert_eq!(catalog.count(&query), 1);
        assert!(catalog.calls().all(|call| query.matches(call, None)));
    }

    let said = |finals: usize| -> Result<(), StoreError> {
        store.annotate(&id("c1"), |annotations, _| {
            let finals = (0..finals).map(|index| FinalVerdict {
                rule_id: rule(&format!("R{index:020}")),
                verdict: Verdict::Miss,
            });
            annotations.review = Some(Box::new(ReviewFacts {
                state: ReviewState::Reviewed,
                finals: finals.collect(),
                ..ReviewFacts::default()
            }));
            Ok(())
        })
    };
    assert!(matches!(said(1_000), Err(StoreError::ValueTooLarge { .. })));
    assert_eq!(row().annotations.review, None, "what is refused is not there");
    said(120).expect("annotates");
    assert_eq!(row().annotations.review.map(|review| review.finals.len()), Some(120));
    assert!(num_row_bytes(&store) <= calls::MAX_VALUE_BYTES);
    assert_eq!(store.reindex().expect("looks at all").num_mended, 0);
}
