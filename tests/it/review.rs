//! Reviews on the running service: sample, lease, review, appeal, re-review, final judgement; and the figures from it.

use diting::proto::v1;
use diting::proto::v1::review_service_client::ReviewServiceClient;
use diting::proto::v1::submit_appeal_request::Subject;
use prost_types::Timestamp;
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Client, Sandbox, ended, reason};

type Reviews = ReviewServiceClient<Channel>;

const START: i64 = 1_772_413_200;

/// A chat of an agent with what they say in the middle.
async fn import(client: &mut Client, call_id: &str, agent: &str, said: &str) {
    let message = |id: &str, sender: &str, at: i64, text: &str| v1::ChatMessage {
        message_id: id.to_owned(),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: START + at, nanos: 0 }),
        ..Default::default()
    };
    let request = v1::ImportChatRequest {
        call_id: call_id.to_owned(),
        metadata: Some(v1::CallMetadata {
            agent_id: agent.to_owned(),
            team: "一组".to_owned(),
            ..Default::default()
        }),
        messages: vec![
            message("m1", "wm1", 0, "你好，我想了解一下理财"),
            message("m2", agent, 10, "您好，很高兴为您服务，请问有什么可以帮您？"),
            message("m3", "wm1", 20, "这款产品怎么样"),
            message("m4", agent, 30, said),
            message("m5", agent, 40, "感谢您的咨询，再见"),
        ],
        accounts: Some(v1::ChatAccounts { agents: vec![agent.to_owned()], ..Default::default() }),
    };
    client.import_chat(request).await.expect("it is taken");
    assert_eq!(ended(client, call_id).await.state(), v1::CallState::Done);
}

const PROMISE: &str = "这款产品保本保息，您放心";

fn choice(rule_id: &str, verb: v1::ReviewVerb) -> v1::ReviewChoice {
    v1::ReviewChoice { rule_id: rule_id.to_owned(), verb: verb.into(), ..Default::default() }
}

async fn lease(reviews: &mut Reviews, reviewer: &str) -> Option<v1::ReviewTask> {
    let request = v1::LeaseReviewTaskRequest { reviewer: reviewer.to_owned(), ..Default::default() };
    reviews.lease_review_task(request).await.expect("it answers").into_inner().task
}

async fn report(client: &mut Client, call_id: &str) -> v1::CallReport {
    let request = v1::GetCallReportRequest { call_id: call_id.to_owned() };
    client.get_call_report(request).await.expect("it is done").into_inner().report.expect("a report")
}

fn finding<'a>(report: &'a v1::CallReport, rule: &str) -> &'a v1::Finding {
    report.findings.iter().find(|finding| finding.rule_id == rule).expect("it was judged")
}

fn plan(plan_id: &str) -> v1::ReviewPlan {
    let selection = v1::CallFilter { levels: vec![v1::Level::S1.into()], ..Default::default() };
    v1::ReviewPlan { plan_id: plan_id.to_owned(), selection: Some(selection), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_road_from_the_sample_to_the_final_judgement() {
    let mut sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    import(&mut client, "bad", "8021", PROMISE).await;
    import(&mut client, "good", "8021", "这款产品有风险，请您留意").await;

    // Sample.
    let request = v1::CreateReviewPlanRequest { plan: Some(plan("s1")) };
    reviews.create_review_plan(request.clone()).await.expect("made");
    let status = reviews.create_review_plan(request).await.expect_err("it is there");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "review.plan_exists"));
    let request = v1::RunReviewPlanRequest { plan_id: "s1".to_owned(), ..Default::default() };
    let run = reviews.run_review_plan(request.clone()).await.expect("run").into_inner();
    assert_eq!((run.num_chosen, run.num_known, run.num_queued), (1, 0, 1));
    let run = reviews.run_review_plan(request).await.expect("run").into_inner();
    assert_eq!((run.num_known, run.num_queued), (1, 0), "once");

    // Lease.
    assert!(lease(&mut reviews, "8021").await.is_none(), "not the own call");
    let task = lease(&mut reviews, "王芳").await.expect("a task");
    assert_eq!((task.call_id.as_str(), task.level(), task.plan_id.as_str()), ("bad", v1::Level::S1, "s1"));
    assert!(lease(&mut reviews, "李敏").await.is_none(), "one person at a time");

    // Review.
    let before = report(&mut client, "bad").await;
    let own = finding(&before, "S01");
    assert_eq!((own.verdict(), own.final_verdict()), (v1::Verdict::Hit, v1::Verdict::Hit));
    assert_eq!(own.review(), v1::ReviewState::Queued);
    let request = v1::SubmitReviewRequest {
        call_id: "bad".to_owned(),
        reviewer: "王芳".to_owned(),
        choices: vec![choice("S01", v1::ReviewVerb::Confirm)],
        ..Default::default()
    };
    let mut other = request.clone();
    other.reviewer = "李敏".to_owned();
    let status = reviews.submit_review(other).await.expect_err("somebody has it");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "review.taken"));
    let review = reviews.submit_review(request).await.expect("taken").into_inner().review.expect("a review");
    assert_eq!(review.state(), v1::ReviewState::Reviewed);
    assert_eq!(review.final_score, review.machine_score);

    // Appeal.
    let appeal = v1::SubmitAppealRequest {
        call_id: "bad".to_owned(),
        agent_id: "8021".to_owned(),
        subject: Some(Subject::RuleId("S01".to_owned())),
        reason: "我在念客户的原话".to_owned(),
    };
    reviews.submit_appeal(appeal.clone()).await.expect("taken");
    let open = reviews.list_appeals(v1::ListAppealsRequest::default()).await.expect("listed").into_inner();
    assert_eq!((open.appeals.len(), open.appeals[0].reason.as_str()), (1, "我在念客户的原话"));

    // Another person decides, and that is the last word.
    let handle = v1::HandleAppealRequest {
        call_id: "bad".to_owned(),
        numbers: vec![1],
        handler: "王芳".to_owned(),
        accept: true,
        reason: "录音属实".to_owned(),
        final_judgement: true,
        ..Default::default()
    };
    let status = reviews.handle_appeal(handle.clone()).await.expect_err("their own decision");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "review.not_allowed"));
    let handle = v1::HandleAppealRequest { handler: "李敏".to_owned(), ..handle };
    let review = reviews.handle_appeal(handle).await.expect("taken").into_inner().review.expect("a review");
    assert_eq!(review.state(), v1::ReviewState::Closed);
    assert!(review.final_score > review.machine_score, "{:?}", (review.final_score, review.machine_score));
    let status = reviews.submit_appeal(appeal).await.expect_err("it is closed");
    assert_eq!(reason(&status), "review.closed");

    let after = report(&mut client, "bad").await;
    let own = finding(&after, "S01");
    assert_eq!((own.verdict(), own.final_verdict()), (v1::Verdict::Hit, v1::Verdict::Miss));
    assert_eq!((own.decision_by.as_str(), own.review()), ("李敏", v1::ReviewState::Closed));
    let final_score = after.final_scorecard.as_ref().map(|card| card.score);
    assert_eq!((&after.scorecard, final_score), (&before.scorecard, review.final_score));
    let card = after.final_scorecard.as_ref().expect("people decided");
    assert!(!card.vetoed && !own.final_veto && own.veto, "the veto is gone");
    assert_eq!(own.final_score_delta, Some(0.0));
    // As the list tells it, which never saw the report.
    let filter = v1::CallFilter {
        rule_ids: vec!["S01".to_owned()],
        verdicts: vec![v1::Verdict::Miss.into()],
        ..Default::default()
    };
    let mask = Some(prost_types::FieldMask { paths: vec!["*".to_owned()] });
    let asked = v1::ListFindingsRequest { filter: Some(filter), read_mask: mask, ..Default::default() };
    let listed = client.list_findings(asked).await.expect("listed").into_inner().findings;
    let listed = listed.iter().find(|one| one.call_id == "bad").expect("it is listed");
    assert_eq!(listed, &own.clone());
    for (vetoed, number) in [(true, 0), (false, 1)] {
        let filter = v1::CallFilter {
            vetoed,
            rule_ids: vec!["S01".to_owned()],
            verdicts: vec![v1::Verdict::Miss.into()],
            ..Default::default()
        };
        let asked = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
        let calls = client.list_calls(asked).await.expect("listed").into_inner().calls;
        assert_eq!(
            calls.iter().filter(|one| one.call.as_ref().is_some_and(|call| call.call_id == "bad")).count(),
            number
        );
        assert!(calls.iter().all(|one| !one.vetoed));
    }
    let events: Vec<_> = review.events.iter().map(v1::ReviewEvent::kind).collect();
    use v1::ReviewEventKind as Kind;
    let road = [Kind::Queued, Kind::Decided, Kind::Submitted, Kind::Appealed, Kind::Decided, Kind::Handled];
    assert_eq!(events, road);

    // It is on the disk, and outlives a change of what the sender says.
    sandbox.restart().await;
    let mut client = sandbox.client().await;
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    let update = v1::UpdateCallRequest {
        call_id: "bad".to_owned(),
        metadata: Some(v1::CallMetadata { team: "二组".to_owned(), ..Default::default() }),
        update_mask: None,
    };
    client.update_call(update).await.expect("changed");
    let request = v1::GetReviewRequest { call_id: "bad".to_owned(), viewer: String::new() };
    let again = reviews.get_review(request).await.expect("shown").into_inner().review.expect("a review");
    assert_eq!(again, review);
    let counts = reviews.get_rule_counts(v1::GetRuleCountsRequest::default()).await.expect("counted");
    let counts = counts.into_inner().rules;
    let own = counts.iter().find(|rule| rule.rule_id == "S01").expect("it was judged");
    assert_eq!((own.check_number, own.hit_number, own.review_number, own.problem_number), (2, 1, 1, 0));
    assert_eq!((own.review_accuracy_rate, own.un_review_number), (Some(0.0), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_follows_what_comes_in_and_two_get_different_calls() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    let plan = v1::ReviewPlan { continuous: true, ..plan("s1") };
    reviews.create_review_plan(v1::CreateReviewPlanRequest { plan: Some(plan) }).await.expect("made");
    for number in 0..6 {
        import(&mut client, &format!("c{number}"), "8021", PROMISE).await;
    }
    // The plan draws on a thread of its own: a call is taken as soon as it lies in the queue.
    let people = (0..3).map(|person| {
        let mut reviews = reviews.clone();
        tokio::spawn(async move {
            let (name, mut own) = (format!("r{person}"), Vec::new());
            while own.len() < 2 {
                let Some(task) = lease(&mut reviews, &name).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let request = v1::SubmitReviewRequest {
                    call_id: task.call_id.clone(),
                    reviewer: name.clone(),
                    choices: vec![choice("S01", v1::ReviewVerb::Confirm)],
                    ..Default::default()
                };
                reviews.submit_review(request).await.expect("taken");
                own.push(task.call_id);
            }
            own
        })
    });
    let mut taken: Vec<String> = Vec::new();
    for person in people.collect::<Vec<_>>() {
        taken.extend(person.await.expect("no panic"));
    }
    taken.sort();
    assert_eq!(taken, ["c0", "c1", "c2", "c3", "c4", "c5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspector_works_on_the_command_line_and_rules_are_measured_by_it() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    import(&mut client, "bad", "8021", PROMISE).await;
    import(&mut client, "quoted", "8022", PROMISE).await;
    let (server, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let run = async |args: &[&str]| {
        let output = diting(&server, folder.path(), args).await;
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        stdout(&output)
    };
    let made = run(&["review", "plans", "add", "s1", "--level", "s1", "--title", "一票否决必审"]).await;
    assert!(made.contains("s1\t按需\tS1\t全部\t-\t一票否决必审"), "{made}");
    assert!(run(&["review", "plans", "run", "s1", "--since", "2020-01-01"]).await.contains("新入队列 2 通"));
    let queue = run(&["review", "queue"]).await;
    assert!(queue.contains("S1\tbad\t初审\ts1\t") && queue.contains("共 2 项待复核"), "{queue}");

    let next = run(&["review", "next", "--as", "王芳"]).await;
    assert!(next.contains("初审 bad") && next.contains("S1 S01"), "{next}");
    assert!(next.contains("▶ 第 4 轮") && next.contains("【") && next.contains("理由："), "{next}");
    assert!(next.contains("第 3 轮") && next.contains("这款产品怎么样"), "the turns around it: {next}");
    let said = run(&["review", "submit", "bad", "--as", "王芳", "--confirm-rest", "已听录音"]).await;
    assert!(said.contains("bad：已复核") && said.contains("S01：机器命中，人工命中（王芳 初审）"), "{said}");
    let said = run(&["review", "submit", "quoted", "--as", "王芳", "--reject", "S01=念的是客户的话"]).await;
    assert!(said.contains("S01：机器命中，人工未命中"), "{said}");
    let shown = run(&["calls", "show", "quoted"]).await;
    assert!(
        shown.contains("人工改判未命中（王芳）：念的是客户的话") && shown.contains("人工复核后"),
        "{shown}"
    );

    run(&["review", "appeal", "bad", "--as", "8021", "--rule", "S01", "我没说"]).await;
    let hits = run(&["findings", "list", "--agent", "8021", "--format", "json"]).await;
    let hits: Vec<Value> = hits.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let other = hits.iter().filter_map(|hit| hit["ruleId"].as_str()).find(|rule| *rule != "S01");
    let other = other.expect("it has another hit");
    run(&["review", "appeal", "bad", "--as", "8021", "--rule", other, "也没有这回事"]).await;
    let idle = ["review", "appeal", "bad", "--as", "8021", "--rule", "S02", "我没说"];
    let idle = diting(&server, folder.path(), &idle).await;
    assert!(stderr(&idle).contains("takes nothing from the agent"), "{}", stderr(&idle));
    assert!(run(&["review", "appeals"]).await.contains("bad\t1\t"));
    let own =
        diting(&server, folder.path(), &["review", "handle", "bad", "1", "--as", "王芳", "--reject", "听过"])
            .await;
    assert_eq!(own.status.code(), Some(2));
    assert!(stderr(&own).contains("review.not_allowed"), "{}", stderr(&own));
    let handled =
        run(&["review", "handle", "bad", "1,2", "--as", "李敏", "--reject", "录音清楚", "--final"]).await;
    assert!(handled.contains("bad：已终审"), "{handled}");
    let history = run(&["review", "show", "bad"]).await;
    assert!(
        history.contains("系统 按计划 s1 送审") && history.contains("李敏 申诉 2 不成立，终审：录音清楚"),
        "{history}"
    );

    let add = diting(&server, folder.path(), &["review", "add", "bad", "--as", "组长"]).await;
    assert!(stderr(&add).contains("其余 1 通未入队列"), "{}", stderr(&add));
    let next = diting(&server, folder.path(), &["review", "next", "--as", "王芳"]).await;
    assert!(stderr(&next).contains("没有待您复核的通话"), "{}", stderr(&next));
    let missed = ["review", "submit", "quoted", "--as", "王芳", "--missed", "S02=99"];
    let missed = diting(&server, folder.path(), &missed).await;
    assert!(stderr(&missed).contains("no such turn"), "{}", stderr(&missed));

    let counts = run(&["review", "counts", "--reviewed", "--since", "2020-01-01", "--format", "json"]).await;
    let counts: Vec<Value> = counts.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let own = counts.iter().find(|rule| rule["ruleId"] == "S01").expect("it was reviewed");
    assert_eq!((&own["reviewNumber"], &own["reviewAccuracyRate"]), (&Value::from("2"), &Value::from(0.5)));
    let agreement = run(&["review", "agreement"]).await;
    assert!(agreement.contains("双人背靠背复核 0 通") && agreement.contains("王芳\t2\t"), "{agreement}");

    // Corrections are examples: the pack that is asked about has one of both right.
    let labels = run(&["review", "export"]).await;
    assert_eq!(labels.lines().count(), 2);
    assert!(!labels.contains("8021"), "no agent: {labels}");
    std::fs::write(folder.path().join("labels.jsonl"), &labels).expect("written");
    let measured = run(&["eval", "rules", "labels.jsonl", "--format", "json"]).await;
    let measured: Value = serde_json::from_str(&measured).expect("JSON");
    let own = measured["rules"].as_array().expect("rules").iter().find(|rule| rule["rule_id"] == "S01");
    let own = own.expect("it is labelled");
    assert_eq!((&own["true_hits"], &own["false_hits"], &own["missed"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(measured["mistakes"][0]["call_id"], "quoted");
    let text = run(&["eval", "rules", "--from-server", "--baseline", "bank"]).await;
    assert!(text.contains("50.0 % → 50.0 %") && text.contains("quoted S01"), "{text}");
}
