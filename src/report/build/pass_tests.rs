//! Calls that were passed on count in reports as they do in every other figure.

use std::sync::Arc;

use jiff::civil::date;

use super::pass;
use crate::analysis::{Level, RuleKind, Verdict};
use crate::catalog::{
    AgentFacts, Annotations, CallFacts, Catalog, DimensionInfo, FinalVerdict, Judgement, ReviewFacts,
    ReviewState, RuleInfo, RuleTable, Stage,
};
use crate::report::model::Scope;
use crate::report::period::{Period, Unit};
use crate::types::{CallId, Media, RuleId, Score};

fn judgement(table: &RuleTable, verdict: Verdict, points: i32) -> Judgement {
    Judgement {
        table: table.id(),
        verdicts: [Some(verdict)].into_iter().collect(),
        score: Some(Score::from_points(points)),
        vetoed: false,
        dimensions: vec![Score::from_points(points)].into(),
    }
}

/// A call that two agents of one team had, in which nobody broke the rule until a reviewer said so; and one that has no
/// score.
fn catalog() -> Catalog {
    let rule = RuleId::try_new("R1").expect("an id");
    let table = RuleTable {
        scheme: "s".to_owned(),
        revision: "1".to_owned(),
        full: Score::from_points(100),
        dimensions: vec![DimensionInfo { name: "甲".to_owned(), full: Score::from_points(100) }],
        rules: vec![RuleInfo {
            id: rule.clone(),
            name: "一".to_owned(),
            kind: RuleKind::Required,
            level: Level::S3,
            dimension: "甲".to_owned(),
        }],
    };
    let agent = |id: &str, own: Option<Judgement>| AgentFacts {
        agent_id: Some(id.into()),
        agent_name: None,
        team: Some(Arc::from("一组")),
        skill_group: None,
        own,
    };
    let at = "2026-03-10T03:00:00Z".parse().expect("a time");
    let call = |number: u32, agents: Vec<AgentFacts>, judgement: Judgement| CallFacts {
        number,
        change: 1 + u64::from(number),
        result: 1,
        id: CallId::try_new(format!("c{number}")).expect("an id"),
        received_at: at,
        started_at: at,
        duration: None,
        stage: Stage::Done,
        media: Media::Voice,
        direction: None,
        business: None,
        product: None,
        agents,
        judgement: Some(judgement),
        annotations: Annotations::default(),
    };
    let own = |points| Some(judgement(&table, Verdict::Miss, points));
    let mut passed_on =
        call(0, vec![agent("1", own(60)), agent("2", own(80))], judgement(&table, Verdict::Miss, 90));
    passed_on.annotations.review = Some(Box::new(ReviewFacts {
        state: ReviewState::Reviewed,
        finals: vec![FinalVerdict { rule_id: rule, verdict: Verdict::Hit }],
        ..ReviewFacts::default()
    }));
    let unscored = Judgement { score: None, ..judgement(&table, Verdict::NotApplicable, 0) };
    let mut catalog = Catalog::default();
    catalog.add_table(table.clone());
    catalog.put(passed_on);
    catalog.put(call(1, vec![agent("1", None)], unscored));
    catalog
}

#[test]
fn what_a_reviewer_adds_lies_on_no_agent_and_a_call_gives_one_score() {
    let catalog = catalog();
    let month = Period::new(Unit::Month, date(2026, 3, 1), "+08:00").expect("a month");
    let of = |scope: Scope| pass::over(&catalog, &scope, &month);
    let centre = of(Scope::Centre);
    assert_eq!((centre.num_done, centre.num_hit, centre.num_unscored), (2, 1, 1));
    assert_eq!(centre.scores, [9_000]);
    let team = of(Scope::Team("一组".to_owned()));
    assert_eq!(
        (team.num_done, team.num_hit, team.num_unscored),
        (2, 0, 1),
        "added for the call, not for a team"
    );
    assert_eq!(team.scores, [7_000], "the mean of the parts");
    let agent = of(Scope::Agent("2".to_owned()));
    assert_eq!((agent.num_hit, agent.scores.clone()), (0, vec![8_000]));
}
