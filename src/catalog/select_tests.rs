//! The bitmaps held to the naive question over every row, whatever came and went; pages held to a sort.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::analysis::{Level, RuleKind, Verdict};
use crate::types::{CallId, Direction, Media, Millis, RuleId, Score};

const NAMES: [&str; 4] = ["甲", "乙", "丙", "丁"];
const RULES: [&str; 4] = ["A1", "B1", "C1", "D1"];
const LEVELS: [Level; 3] = [Level::S1, Level::S2, Level::S3];
const DIMENSIONS: [&str; 2] = ["合规", "服务"];
const KINDS: [RuleKind; 2] = [RuleKind::Forbidden, RuleKind::Required];
const VERDICTS: [Verdict; 3] = [Verdict::Hit, Verdict::Miss, Verdict::NotApplicable];
const REVIEWS: [ReviewState; 3] = [ReviewState::None, ReviewState::Queued, ReviewState::Reviewed];
const STAGES: [Stage; 3] = [Stage::Accepted, Stage::Done, Stage::Failed];
const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];
const MEDIA: [Media; 2] = [Media::Voice, Media::Chat];

fn rule_id(text: &str) -> RuleId {
    RuleId::try_new(text).expect("valid")
}

/// Two revisions: the second moves rules to other levels and dimensions.
fn table(revision: usize) -> RuleTable {
    let rules = RULES.iter().enumerate().map(|(index, id)| RuleInfo {
        id: rule_id(id),
        name: format!("{id}.{revision}"),
        kind: KINDS[index % 2],
        level: LEVELS[(index + revision) % 3],
        dimension: DIMENSIONS[(index / 2 + revision) % 2].to_owned(),
    });
    RuleTable {
        scheme: "bank".to_owned(),
        revision: revision.to_string(),
        full: Score::from_points(100),
        dimensions: Vec::new(),
        rules: rules.collect(),
    }
}

fn name() -> impl Strategy<Value = Option<Arc<str>>> {
    prop::option::weighted(0.8, select(&NAMES[..]).prop_map(Arc::from))
}

fn names() -> impl Strategy<Value = Vec<Arc<str>>> {
    subsequence(&NAMES[..], 0..3).prop_map(|names| names.into_iter().map(Arc::from).collect())
}

fn agent() -> impl Strategy<Value = AgentFacts> {
    (name(), name(), name(), judgement()).prop_map(|(agent_id, team, skill_group, own)| AgentFacts {
        agent_id,
        agent_name: None,
        team,
        skill_group,
        own,
    })
}

fn judgement() -> impl Strategy<Value = Option<Judgement>> {
    let verdicts = prop::collection::vec(prop::option::weighted(0.9, select(&VERDICTS[..])), RULES.len());
    let judged = (0..2_usize, verdicts, prop::option::of(0..5_i32), prop::bool::weighted(0.3));
    prop::option::weighted(
        0.8,
        judged.prop_map(|(revision, verdicts, score, vetoed)| Judgement {
            table: table(revision).id(),
            verdicts: verdicts.into_iter().collect(),
            score: score.map(|points| Score::from_points(points * 20)),
            vetoed,
            dimensions: Box::default(),
        }),
    )
}

fn review() -> impl Strategy<Value = Option<Box<ReviewFacts>>> {
    let finals = prop::collection::btree_map(select(&RULES[..]), select(&VERDICTS[..]), 0..3);
    let parts = prop::collection::btree_map(0..2_u16, prop::bool::ANY, 0..2);
    let review = (select(&REVIEWS[..]), finals, prop::option::of(0..5_i32), parts);
    let card = |score, vetoed| FinalCard { score, vetoed, dimensions: Box::default() };
    prop::option::weighted(
        0.4,
        review.prop_map(move |(state, finals, score, parts)| {
            let finals = finals.into_iter();
            Box::new(ReviewFacts {
                state,
                finals: finals.map(|(id, verdict)| FinalVerdict { rule_id: rule_id(id), verdict }).collect(),
                card: score.map(|points| card(Some(Score::from_points(points * 20)), points == 0)),
                part_cards: parts
                    .into_iter()
                    .map(|(agent, vetoed)| PartCard { agent, card: card(None, vetoed) })
                    .collect(),
                hands: Vec::new(),
            })
        }),
    )
}

fn time() -> impl Strategy<Value = jiff::Timestamp> {
    // Some share a microsecond, some a bucket, some neither.
    (0..4_i64, 0..3_i64, 0..3_i64).prop_map(|(day, minute, micro)| {
        let micros = 1_780_000_000_000_000 + day * 86_400_000_000 * 7 + minute * 60_000_000 + micro;
        jiff::Timestamp::from_microsecond(micros).expect("within range")
    })
}

fn call() -> impl Strategy<Value = CallFacts> {
    let when = (0..40_u32, time(), time(), prop::option::of(0..40_000_u64));
    let what = (
        select(&STAGES[..]),
        select(&MEDIA[..]),
        prop::option::of(select(&DIRECTIONS[..])),
        name(),
        name(),
        prop::collection::vec(agent(), 1..3),
    );
    let said = (judgement(), review(), names(), names());
    (when, what, said).prop_map(|((number, received_at, started_at, millis), what, said)| CallFacts {
        number,
        change: 0,
        id: CallId::try_new(format!("c{number}")).expect("valid"),
        received_at,
        started_at,
        duration: millis.map(Millis),
        stage: what.0,
        media: what.1,
        direction: what.2,
        business: what.3,
        product: what.4,
        agents: what.5,
        result: 1,
        judgement: said.0,
        annotations: Annotations { review: said.1, topics: said.2, demands: said.3 },
    })
}

/// A list that sets nothing most of the time.
fn wanted<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> BoxedStrategy<Vec<T>> {
    prop_oneof![4 => Just(Vec::new()), 1 => subsequence(values, 1..=values.len().min(2))].boxed()
}

fn texts(values: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    wanted(values).prop_map(|texts| texts.into_iter().map(str::to_owned).collect())
}

fn finding() -> impl Strategy<Value = FindingQuery> {
    (texts(&RULES), texts(&DIMENSIONS), wanted(&LEVELS), wanted(&KINDS), wanted(&VERDICTS), wanted(&VERDICTS))
        .prop_map(|(rules, dimensions, levels, kinds, verdicts, machine_verdicts)| FindingQuery {
            rules: rules.iter().map(|id| rule_id(id)).collect(),
            dimensions,
            levels,
            kinds,
            verdicts,
            machine_verdicts,
        })
}

fn range() -> impl Strategy<Value = TimeRange> {
    let end = || prop::option::weighted(0.2, time());
    (end(), end()).prop_map(|(from, before)| TimeRange { from, before })
}

fn query() -> impl Strategy<Value = CallQuery> {
    let points =
        || prop::option::weighted(0.2, (0..6_i32).prop_map(|points| Score::from_points(points * 20)));
    let millis = || prop::option::weighted(0.2, (0..40_000_u64).prop_map(Millis));
    let of_agent = (texts(&NAMES), texts(&NAMES), texts(&NAMES));
    let of_call = (texts(&NAMES), texts(&NAMES), wanted(&DIRECTIONS), wanted(&MEDIA), wanted(&STAGES));
    let ranges = (range(), range(), points(), points(), millis(), millis());
    let said = (finding(), wanted(&REVIEWS), texts(&NAMES), texts(&NAMES), prop::bool::weighted(0.2));
    (of_agent, of_call, ranges, said).prop_map(|(agent, call, ranges, said)| CallQuery {
        started: ranges.0,
        received: ranges.1,
        agents: agent.0,
        teams: agent.1,
        skill_groups: agent.2,
        businesses: call.0,
        products: call.1,
        directions: call.2,
        media: call.3,
        stages: call.4,
        score: ScoreRange { min: ranges.2, max: ranges.3 },
        vetoed: said.4,
        min_duration: ranges.4,
        max_duration: ranges.5,
        finding: said.0,
        reviews: said.1,
        topics: said.2,
        demands: said.3,
    })
}

fn filled(steps: &[(bool, CallFacts)]) -> (Catalog, BTreeMap<u32, CallFacts>) {
    let (mut catalog, mut naive) = (Catalog::default(), BTreeMap::new());
    catalog.add_table(table(0));
    for (index, (stays, facts)) in steps.iter().enumerate() {
        if index == steps.len() / 2 {
            // Rows may come before their table, when its file was damaged.
            catalog.add_table(table(1));
        }
        if *stays {
            catalog.put(facts.clone());
            naive.insert(facts.number, facts.clone());
        } else {
            catalog.remove(facts.number);
            naive.remove(&facts.number);
        }
    }
    (catalog, naive)
}

fn steps() -> impl Strategy<Value = Vec<(bool, CallFacts)>> {
    prop::collection::vec((prop::bool::weighted(0.85), call()), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bitmaps_choose_what_the_naive_question_chooses(steps in steps(), queries in prop::collection::vec(query(), 8)) {
        let (catalog, naive) = filled(&steps);
        prop_assert_eq!(catalog.len(), naive.len());
        for query in queries {
            let table_of = |call: &CallFacts| catalog.table_of(call).cloned();
            let matching = naive.values().filter(|call| query.matches(call, table_of(call).as_deref()));
            let expected: Vec<u32> = matching.clone().map(|call| call.number).collect();
            let set = catalog.select(&query);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected, "{:?}", query);
            prop_assert_eq!(catalog.count(&query), set.len());
            prop_assert!(catalog.chosen(&query).eq(matching.clone()));
            let num_findings: usize = matching
                .filter_map(|call| Some(query.finding.positions(call, table_of(call)?.as_ref()).count()))
                .sum();
            prop_assert_eq!(catalog.count_findings(&query.finding, &set), num_findings as u64);
        }
    }

    #[test]
    fn pages_in_every_order_are_those_of_a_sort(steps in steps(), query in query(), size in 1..7_usize) {
        let (catalog, naive) = filled(&steps);
        let set = catalog.select(&query);
        for key in [OrderKey::Started, OrderKey::Received, OrderKey::Score, OrderKey::Duration] {
            for descending in [false, true] {
                let order = CallOrder { key, descending };
                let mut expected: Vec<_> = set.iter().map(|number| (value(&naive[&number], key), number)).collect();
                expected.sort_by(|left, right| {
                    let by_place = left.cmp(right);
                    let by_place = if descending { by_place.reverse() } else { by_place };
                    left.0.is_none().cmp(&right.0.is_none()).then(by_place)
                });
                let expected: Vec<u32> = expected.into_iter().map(|(_, number)| number).collect();
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = catalog.page(&set, order, after, size);
                    let Some(last) = page.last() else { break };
                    prop_assert!(page.len() <= size);
                    after = Some(catalog.position(*last, order));
                    found.extend(page);
                }
                prop_assert_eq!(found, expected, "{:?}", order);
            }
        }
    }
}

fn value(call: &CallFacts, key: OrderKey) -> Option<i64> {
    match key {
        OrderKey::Started => Some(call.started_at.as_microsecond()),
        OrderKey::Received => Some(call.received_at.as_microsecond()),
        OrderKey::Score => call.final_score().map(Score::as_hundredths),
        OrderKey::Duration => call.duration.map(|millis| millis.0 as i64),
    }
}

#[test]
fn a_query_that_sets_nothing_chooses_all_and_gone_calls_leave_nothing_behind() {
    let call = CallFacts {
        number: 7,
        change: 1,
        id: CallId::try_new("c").expect("valid"),
        received_at: jiff::Timestamp::UNIX_EPOCH,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        duration: None,
        stage: Stage::Done,
        media: Media::Voice,
        direction: None,
        business: None,
        product: None,
        agents: Vec::new(),
        result: 0,
        judgement: None,
        annotations: Annotations::default(),
    };
    let (catalog, _) = filled(&[(true, call.clone()), (false, call)]);
    assert!(catalog.is_empty() && catalog.select(&CallQuery::default()).is_empty());
    let empty = catalog.num_index_bytes();
    assert!(empty < 1_000, "{empty} bytes are left");
}
