//! A month of a call centre with a known truth: what is planted is found, and nothing else is claimed.
//!
//! Small here; `scripts/month.sh` runs it with the agents of a large centre and prints what was found.

use std::collections::{BTreeMap, BTreeSet};

use diting::app::simulate;
use diting::proto::v1;
use diting::proto::v1::insight_service_client::InsightServiceClient;
use diting::proto::v1::review_service_client::ReviewServiceClient;
use diting::proto::v1::topic_service_client::TopicServiceClient;
use diting::simulation::{Planted, SimulatedCall, Simulation, SimulationConfig};
use diting::types::SpeakerRole;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prost_types::Timestamp;
use tonic::transport::Channel;

use super::sandbox::Sandbox;

const NUM_DAYS: usize = 30;
/// Reviewed calls with a hit of each of these.
const REVIEWED: [&str; 4] = ["L10", "L02", "B04", "B12"];
const NUM_REVIEWED: u32 = 40;

struct Month {
    sandbox: Sandbox,
    planted: Option<Planted>,
    calls: BTreeMap<String, (usize, SimulatedCall)>,
    first_day: Date,
}

fn midnight(day: Date) -> Timestamp {
    let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
    let at = day.to_zoned(zone).expect("a time").timestamp();
    Timestamp { seconds: at.as_second(), nanos: 0 }
}

impl Month {
    async fn fill(num_agents: usize, is_planted: bool) -> Self {
        let config = SimulationConfig { num_agents, is_planted, ..SimulationConfig::default() };
        let (first_day, simulation) = (config.first_day, Simulation::new(config));
        let sandbox = Sandbox::start_with(|config| {
            simulate(config, &simulation, NUM_DAYS, &mut |_, _| {}).expect("it is filled");
        })
        .await;
        let all = (0..NUM_DAYS).flat_map(|day| simulation.day(day).into_iter().map(move |call| (day, call)));
        let calls: BTreeMap<_, _> = all.map(|(day, call)| (call.id.to_string(), (day, call))).collect();
        let planted = simulation.planted().cloned();
        println!("{num_agents} agents, {} calls, planted: {is_planted}", calls.len());
        Self { sandbox, planted, calls, first_day }
    }

    fn day(&self, offset: i64) -> Timestamp {
        use jiff::ToSpan as _;
        midnight(self.first_day.checked_add(offset.days()).expect("a day"))
    }

    fn planted(&self) -> &Planted {
        self.planted.as_ref().expect("it is planted")
    }

    fn period(&self) -> v1::CallFilter {
        v1::CallFilter {
            started_from: Some(self.day(0)),
            started_before: Some(self.day(30)),
            ..v1::CallFilter::default()
        }
    }

    async fn insight(&self) -> InsightServiceClient<Channel> {
        InsightServiceClient::new(self.sandbox.channel().await)
    }
}

/// Hot spots of the second half of the month against the first.
async fn second_half(month: &Month) -> v1::ListHotSpotsResponse {
    let request = v1::ListHotSpotsRequest {
        scope: Some(v1::CallFilter { started_from: Some(month.day(14)), ..month.period() }),
        baseline_days: 14,
        time_zone: "Asia/Shanghai".to_owned(),
        ..v1::ListHotSpotsRequest::default()
    };
    let answer = month.insight().await.list_hot_spots(request).await.expect("it answers").into_inner();
    println!(
        "hot spots: {} claimed of {} tested, {}",
        answer.hot_spots.len(),
        answer.num_tested,
        answer.statistic
    );
    answer
}

/// The team that got worse is found, with the rules that its omission breaks, and no other hot spot is claimed.
async fn hot_spots(month: &Month) {
    let worse = &month.planted().worsening;
    let answer = second_half(month).await;
    let team_of: BTreeMap<&str, &str> = month
        .calls
        .values()
        .filter_map(|(_, call)| Some((call.metadata.agent_id.as_deref()?, call.metadata.team.as_deref()?)))
        .collect();
    let mut found = BTreeSet::new();
    for spot in &answer.hot_spots {
        let (rule, subject) =
            (spot.rule.clone().unwrap_or_default(), spot.subject.clone().unwrap_or_default());
        println!(
            "hot spot: {} {} {} {:?} q {:.2e} rise {:.3} since {:?}",
            rule.rule_id,
            rule.name,
            subject.value,
            subject.group(),
            spot.q_value,
            spot.rise,
            spot.since.as_ref().map(|since| since.day)
        );
        let own =
            subject.value == worse.team || team_of.get(subject.value.as_str()) == Some(&worse.team.as_str());
        let expected = [worse.rule_id.as_str(), worse.also.as_str()].contains(&rule.rule_id.as_str());
        assert!(own && expected, "nothing else got worse: {} of {}", rule.rule_id, subject.value);
        if subject.value == worse.team {
            found.insert(rule.rule_id);
        }
    }
    assert!(found.contains(worse.rule_id.as_str()), "the team that got worse is found");
}

/// The agent who was coached improved; of those who were not, few are said to have changed.
async fn improvements(month: &Month) {
    let coaching = &month.planted().coaching;
    let agents: BTreeSet<&str> =
        month.calls.values().filter_map(|(_, call)| call.metadata.agent_id.as_deref()).collect();
    let mut client = month.insight().await;
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let others = agents.iter().filter(|agent| **agent != coaching.agent_id).take(100);
    for agent in others.copied().chain([coaching.agent_id.as_str()]) {
        let improvement = v1::Improvement {
            title: format!("coaching of {agent}"),
            rules: vec![coaching.rule_id.to_string()],
            agents: vec![agent.to_owned()],
            action: "one hour about patience".to_owned(),
            at: Some(midnight(coaching.on)),
            before_days: 11,
            after_days: 19,
            created_by: "lead".to_owned(),
            ..v1::Improvement::default()
        };
        let request = v1::CreateImprovementRequest { improvement: Some(improvement) };
        let effect = client.create_improvement(request).await.expect("it is kept").into_inner().effect;
        let effect = effect.expect("it is judged");
        if agent == coaching.agent_id {
            println!("improvement of the coached: {} {:?}", effect.words, effect.treated);
            assert_eq!(effect.outcome(), v1::ImprovementOutcome::Improved);
        } else {
            let name = match effect.outcome() {
                v1::ImprovementOutcome::Improved => "improved",
                v1::ImprovementOutcome::Worse => "worse",
                v1::ImprovementOutcome::Unspecified
                | v1::ImprovementOutcome::NoEvidence
                | v1::ImprovementOutcome::TooFew => "no evidence or too few",
            };
            *outcomes.entry(name).or_default() += 1;
        }
    }
    println!("improvements of the others: {outcomes:?}");
    let wrong: usize = ["improved", "worse"].iter().filter_map(|name| outcomes.get(name)).sum();
    let all: usize = outcomes.values().sum();
    // Intervals of 95 %: one in twenty is wrong by chance, and twice as many would be a defect.
    assert!(wrong * 10 <= all, "{outcomes:?}");
}

/// What the customer says in a call, in one text.
fn heard(call: &SimulatedCall) -> String {
    let turns = call.turns.iter().filter(|turn| turn.role == SpeakerRole::Customer);
    turns.map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Mines the month; gives the bursts that are claimed.
async fn mined(month: &Month, client: &mut TopicServiceClient<Channel>) -> Vec<v1::Burst> {
    let request = v1::MineTopicsRequest {
        from: Some(month.day(0)),
        before: Some(month.day(30)),
        min_topic_calls: 50,
        ..v1::MineTopicsRequest::default()
    };
    let mut run = client.mine_topics(request).await.expect("it begins").into_inner().run.expect("a run");
    while run.state() == v1::MiningState::Running {
        let request = v1::GetMiningRunRequest { run: run.run };
        run = client.get_mining_run(request).await.expect("it answers").into_inner().run.expect("a run");
    }
    assert_eq!(run.state(), v1::MiningState::Done, "{run:?}");
    client.list_bursts(v1::ListBurstsRequest::default()).await.expect("it answers").into_inner().bursts
}

/// The topic that broke out is found as a burst, and every burst that is claimed is of that topic.
async fn topics(month: &Month) {
    let burst = &month.planted().burst;
    let mut client = TopicServiceClient::new(month.sandbox.channel().await);
    let bursts = mined(month, &mut client).await;
    let (mut is_found, zone) = (false, TimeZone::get("Asia/Shanghai").expect("a zone"));
    for one in &bursts {
        println!(
            "burst: {} {} to {}, {} calls, lift {:.1}, p {:.2e}",
            one.name, one.first_day, one.last_day, one.num_calls, one.lift, one.p_value
        );
        // What came up too often did so because of the new topic.
        let within = |call: &SimulatedCall| {
            let day = call.metadata.started_at.expect("a time").to_zoned(zone.clone()).date().to_string();
            (&one.first_day..=&one.last_day).contains(&&day)
        };
        let words: Vec<&str> = one.name.split('、').collect();
        let of_topic = month.calls.values().map(|(_, call)| call).filter(|call| call.topic == burst.topic);
        let of_topic =
            of_topic.filter(|call| within(call) && words.iter().any(|word| heard(call).contains(word)));
        let (excess, caused) = (f64::from(one.num_calls) - one.expected, of_topic.count() as f64);
        assert!(caused > 0.8 * excess, "{} did not break out: {caused} of {excess}", one.name);
        is_found |= one.name.contains(&burst.word) && one.first_day == burst.from.to_string();
    }
    assert!(is_found, "{} broke out on {}", burst.word, burst.from);
    let request = v1::ListTopicsRequest::default();
    let listed = client.list_topics(request).await.expect("it answers").into_inner();
    for topic in &listed.topics {
        println!("topic: {} ({}), {} calls", topic.name, topic.key_words.join(" "), topic.num_calls);
    }
    println!("topics: {} of {} calls unclassified", listed.num_unclassified, listed.num_calls);
    assert!(listed.topics.iter().any(|topic| topic.key_words.iter().any(|word| word.contains(&burst.word))));
}

/// What customers want is told well where they say it in plain words.
async fn demands(month: &Month) {
    let mut calls = month.sandbox.client().await;
    for demand in ["投诉", "建议", "取消退订"] {
        let filter = v1::CallFilter { demands: vec![demand.to_owned()], ..month.period() };
        let (mut told, mut page_token) = (BTreeSet::new(), String::new());
        loop {
            let request = v1::ListCallsRequest {
                filter: Some(filter.clone()),
                page_size: 500,
                page_token,
                ..v1::ListCallsRequest::default()
            };
            let page = calls.list_calls(request).await.expect("it lists").into_inner();
            told.extend(page.calls.into_iter().filter_map(|one| one.call).map(|call| call.call_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let truly: BTreeSet<&String> =
            month.calls.iter().filter(|(_, (_, call))| call.demand == demand).map(|(id, _)| id).collect();
        let right = told.iter().filter(|id| truly.contains(id)).count() as f64;
        let (precision, recall) = (right / told.len().max(1) as f64, right / truly.len().max(1) as f64);
        println!("demand {demand}: precision {precision:.2}, recall {recall:.2} of {}", truly.len());
        assert!(precision >= 0.4 && recall >= 0.8, "{demand}: {precision} {recall}");
    }
}

/// Reviewers who know the truth look at a sample; the rule that is wrong shows, and no other.
async fn reviews(month: &Month) {
    let mut client = ReviewServiceClient::new(month.sandbox.channel().await);
    for rule in REVIEWED {
        let plan = v1::ReviewPlan {
            plan_id: format!("hits-of-{rule}"),
            title: "hits of a rule".to_owned(),
            selection: Some(v1::CallFilter { rule_ids: vec![rule.to_owned()], ..month.period() }),
            mode: v1::SamplingMode::Number.into(),
            window: v1::SamplingWindow::Month.into(),
            number: NUM_REVIEWED,
            ..v1::ReviewPlan::default()
        };
        client
            .create_review_plan(v1::CreateReviewPlanRequest { plan: Some(plan) })
            .await
            .expect("it is kept");
        let request = v1::RunReviewPlanRequest {
            plan_id: format!("hits-of-{rule}"),
            started_from: Some(month.day(0)),
            started_before: Some(month.day(30)),
        };
        let run = client.run_review_plan(request).await.expect("it runs").into_inner();
        println!("plan for {rule}: {} of {} calls queued", run.num_queued, run.num_chosen);
    }
    let mut calls = month.sandbox.client().await;
    let mut num_reviews = 0;
    loop {
        let request = v1::LeaseReviewTaskRequest { reviewer: "inspector".to_owned(), ..Default::default() };
        let Some(task) = client.lease_review_task(request).await.expect("it answers").into_inner().task
        else {
            break;
        };
        let request = v1::ListFindingsRequest { call_id: task.call_id.clone(), ..Default::default() };
        let hits = calls.list_findings(request).await.expect("it answers").into_inner().findings;
        let (_, truth) = &month.calls[&task.call_id];
        let choices = hits.iter().map(|hit| {
            let is_wrong = truth.wrongly_hit.iter().any(|rule| rule.as_str() == hit.rule_id);
            let verb = if is_wrong { v1::ReviewVerb::Reject } else { v1::ReviewVerb::Confirm };
            v1::ReviewChoice { rule_id: hit.rule_id.clone(), verb: verb.into(), ..Default::default() }
        });
        let request = v1::SubmitReviewRequest {
            call_id: task.call_id.clone(),
            reviewer: "inspector".to_owned(),
            choices: choices.collect(),
            comment: "checked".to_owned(),
            ..Default::default()
        };
        client.submit_review(request).await.expect("it is kept");
        num_reviews += 1;
    }
    let request = v1::GetRuleCountsRequest { selection: Some(month.period()) };
    let rules = client.get_rule_counts(request).await.expect("it answers").into_inner().rules;
    let mut wrong = Vec::new();
    for rule in rules.iter().filter(|rule| rule.review_number >= 20) {
        println!(
            "rule {}: {} of {} reviewed hits confirmed, precision {:.2} to {:.2}",
            rule.rule_id,
            rule.confirmed_number,
            rule.review_number,
            rule.review_accuracy_low(),
            rule.review_accuracy_high()
        );
        if rule.review_accuracy_high() < 0.5 {
            wrong.push(rule.rule_id.as_str());
        } else {
            assert!(rule.review_accuracy_low() > 0.5, "{} is right more often than not", rule.rule_id);
        }
    }
    println!("reviews: {num_reviews}");
    assert_eq!(wrong, [month.planted().wrong_rule.rule_id.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_a_month_is_found_and_nothing_else_is_claimed() {
    let num_agents = std::env::var("DITING_MONTH_AGENTS").map_or(120, |text| text.parse().expect("a number"));
    let month = Month::fill(num_agents, true).await;
    hot_spots(&month).await;
    improvements(&month).await;
    topics(&month).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_who_know_the_truth_show_which_rule_is_wrong() {
    let month = Month::fill(40, true).await;
    reviews(&month).await;
    let mut client = TopicServiceClient::new(month.sandbox.channel().await);
    mined(&month, &mut client).await;
    demands(&month).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_claimed_of_a_month_in_which_nothing_changes() {
    let month = Month::fill(80, false).await;
    assert_eq!(second_half(&month).await.hot_spots, []);
    let mut client = TopicServiceClient::new(month.sandbox.channel().await);
    assert_eq!(mined(&month, &mut client).await, []);
}
