//! Tracking, reports on people and common problems over a real server, from chats to the command line.

use diting::proto::v1;
use diting::proto::v1::insight_service_client::InsightServiceClient;
use prost_types::Timestamp;
use tonic::Code;
use tonic::transport::Channel;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Client, Sandbox, ended, reason};

const DAY: i64 = 86_400;
/// 2026-03-02 09:00 in Shanghai.
const START: i64 = 1_772_413_200;
const PROMISE: &str = "这款产品保本保息";
const HARMLESS: &str = "这款产品有风险，不保证收益";

type Insight = InsightServiceClient<Channel>;

fn at(day: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: START - 9 * 3600 + day * DAY, nanos: 0 })
}

async fn chat(client: &mut Client, agent: &str, day: i64, number: i64, says: &str) -> String {
    let call_id = format!("{agent}-{day}-{number}");
    let message = |id: &str, role: v1::SpeakerRole, seconds: i64, text: &str| v1::ChatMessage {
        message_id: id.to_owned(),
        sender: format!("{role:?}"),
        role: role.into(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: START + day * DAY + number * 600 + seconds, nanos: 0 }),
        ..Default::default()
    };
    let request = v1::ImportChatRequest {
        call_id: call_id.clone(),
        metadata: Some(v1::CallMetadata {
            agent_id: agent.to_owned(),
            agent_name: format!("座席{agent}"),
            team: "一组".to_owned(),
            ..Default::default()
        }),
        messages: vec![
            message("1", v1::SpeakerRole::Customer, 0, "这个产品怎么样"),
            message("2", v1::SpeakerRole::Agent, 10, "您好，很高兴为您服务，我来给您介绍一下。"),
            message("3", v1::SpeakerRole::Agent, 20, says),
        ],
        ..Default::default()
    };
    client.import_chat(request).await.expect("it is taken");
    call_id
}

/// Chats of the days: agent A promises before day ten, agent B from day ten on.
async fn fill(client: &mut Client, days: std::ops::Range<i64>) {
    let mut ids = Vec::new();
    for day in days {
        for number in 0..4 {
            let says = if day < 10 { PROMISE } else { HARMLESS };
            ids.push(chat(client, "A", day, number, says).await);
        }
        for number in 0..6 {
            let says = if day < 10 { HARMLESS } else { PROMISE };
            ids.push(chat(client, "B", day, number, says).await);
        }
    }
    for id in ids {
        assert_eq!(ended(client, &id).await.state(), v1::CallState::Done);
    }
}

fn scope(from: i64, before: i64) -> Option<v1::CallFilter> {
    Some(v1::CallFilter {
        started_from: at(from),
        started_before: at(before),
        rule_ids: vec!["S01".to_owned()],
        ..Default::default()
    })
}

async fn opened(calls: &mut Client, figure: &v1::InsightFigure) -> (u64, Vec<String>) {
    let request = v1::ListCallsRequest { filter: figure.calls.clone(), page_size: 500, ..Default::default() };
    let answer = calls.list_calls(request).await.unwrap().into_inner();
    let ids = answer.calls.into_iter().filter_map(|listed| listed.call).map(|call| call.call_id);
    (answer.total_size, ids.collect())
}

async fn metrics_and_hot_spots(client: &mut Insight, calls: &mut Client) {
    let request = v1::QueryMetricsRequest {
        scope: scope(0, 20),
        group_by: vec![v1::InsightGroup::Agent.into(), v1::InsightGroup::Rule.into()],
        step: v1::InsightStep::Week.into(),
        time_zone: "Asia/Shanghai".to_owned(),
    };
    let answer = client.query_metrics(request).await.unwrap().into_inner();
    let total = answer.total.unwrap();
    assert_eq!((total.num_calls, total.num_hits, total.num_checked), (200, 100, 200));
    assert_eq!((total.rate, answer.revisions.len()), (Some(0.5), 1));
    // Days 0 to 6 are the first week.
    let cell = &answer.cells[0];
    let keys: Vec<_> = cell.keys.iter().map(|key| (key.value.as_str(), key.name.as_str())).collect();
    assert_eq!(keys[0], ("A", "座席A"));
    assert_eq!((keys[1].0, keys[1].1.is_empty()), ("S01", false));
    let figure = cell.figure.as_ref().unwrap();
    assert_eq!((figure.num_hits, figure.num_checked, cell.others_rate), (28, 28, Some(0.0)));
    let (total, ids) = opened(calls, figure).await;
    assert_eq!((total, ids.len()), (28, 28));
    assert!(ids[0].starts_with("A-6-") && ids[27].starts_with("A-0-"), "{ids:?}");

    let request = v1::ListHotSpotsRequest {
        scope: scope(10, 20),
        baseline_days: 10,
        with_unclaimed: true,
        ..Default::default()
    };
    let answer = client.list_hot_spots(request).await.unwrap().into_inner();
    let spot = &answer.hot_spots[0];
    assert_eq!(spot.subject.as_ref().unwrap().value, "B");
    assert!(spot.is_claimed && spot.q_value < 1e-6 && answer.statistic.contains("Fisher"));
    assert_eq!(spot.since.as_ref().unwrap().day, at(10));
    assert_eq!(answer.hot_spots.iter().filter(|spot| spot.is_claimed).count(), 1);
    assert_eq!(opened(calls, spot.window.as_ref().unwrap()).await.0, 60);
}

async fn people_and_problems(client: &mut Insight, calls: &mut Client) {
    let request = v1::ListAgentsRequest { from: at(0), before: at(10), ..Default::default() };
    let agents = client.list_agents(request).await.unwrap().into_inner().agents;
    let ids: Vec<_> = agents.iter().map(|agent| agent.agent_id.as_str()).collect();
    assert_eq!(ids, ["A", "B"]);
    assert_eq!(agents[1].rank.unwrap().place, 1, "who promises loses points");

    let request = v1::GetAgentReportRequest {
        agent_id: "A".to_owned(),
        from: at(0),
        before: at(10),
        ..Default::default()
    };
    let report = client.get_agent_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!((report.team.as_str(), report.too_few), ("一组", false));
    let weak = report.weak.iter().find(|line| line.rule.as_ref().unwrap().rule_id == "S01").unwrap();
    assert_eq!((weak.own.as_ref().unwrap().num_hits, weak.moments.len()), (40, 3));
    let days: std::collections::BTreeSet<i64> =
        weak.moments.iter().map(|moment| moment.started_at.unwrap().seconds / DAY).collect();
    assert_eq!(days.len(), 3, "moments are of different days");
    assert!(weak.moments.iter().all(|moment| moment.text.contains("保本") && moment.turn.is_some()));
    assert!(report.labels.iter().any(|label| label.label == "违规承诺与误导"));
    assert!(report.hints.iter().any(|hint| hint.rules.iter().any(|rule| rule.rule_id == "S01")));
    assert_eq!(opened(calls, report.calls.as_ref().unwrap()).await.0, 40);
    let whole = &report.scores[0];
    assert!(whole.against_others.unwrap() < 0.0, "{whole:?}");

    let nobody = v1::GetAgentReportRequest { agent_id: "Z".to_owned(), ..Default::default() };
    let status = client.get_agent_report(nobody).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "insight.no_judged_calls"));

    let request = v1::GetTeamReportRequest {
        team: "一组".to_owned(),
        from: at(0),
        before: at(20),
        ..Default::default()
    };
    let team = client.get_team_report(request).await.unwrap().into_inner().report.unwrap();
    let whole = team.calls.unwrap();
    assert_eq!((team.members.len(), whole.num_calls), (2, 200));
    assert_eq!(opened(calls, &whole).await.0, whole.num_calls_hit);
    assert!(whole.num_calls_hit <= whole.num_hits, "{whole:?}");

    let request = v1::ListCommonProblemsRequest { scope: scope(0, 20), ..Default::default() };
    let problems = client.list_common_problems(request).await.unwrap().into_inner().problems;
    let [problem] = &problems[..] else { panic!("one rule is asked for: {problems:?}") };
    assert_eq!((problem.num_agents_hit, problem.num_agents_checked), (2, 2));
    assert_eq!(problem.spread(), v1::ProblemSpread::TooFew, "of two agents nothing is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_follow_the_calls_and_open_into_them() {
    let mut sandbox = Sandbox::start().await;
    let mut calls = sandbox.client().await;
    let mut client = Insight::new(sandbox.channel().await);
    fill(&mut calls, 0..10).await;

    let wanted = v1::Improvement {
        title: "合规辅导".to_owned(),
        rules: vec!["S01".to_owned()],
        agents: vec!["A".to_owned()],
        action: "一对一辅导".to_owned(),
        at: at(10),
        before_days: 10,
        after_days: 10,
        created_by: "组长".to_owned(),
        ..Default::default()
    };
    let create = |improvement| v1::CreateImprovementRequest { improvement: Some(improvement) };
    let created = client.create_improvement(create(wanted.clone())).await.unwrap().into_inner();
    let id = created.improvement.unwrap().improvement_id;
    assert_eq!(created.effect.unwrap().outcome(), v1::ImprovementOutcome::TooFew);
    let unknown = v1::Improvement { rules: vec!["NO1".to_owned()], ..wanted };
    let status = client.create_improvement(create(unknown)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "request.invalid_field"));

    // What comes in is counted when it is asked for.
    fill(&mut calls, 10..20).await;
    let get = || v1::GetImprovementRequest { improvement_id: id.clone() };
    let effect = client.get_improvement(get()).await.unwrap().into_inner().effect.unwrap();
    assert_eq!((effect.outcome(), effect.words.as_str()), (v1::ImprovementOutcome::Improved, "improved"));
    let treated = effect.treated.unwrap();
    assert_eq!(treated.difference, Some(-1.0));
    assert_eq!(opened(&mut calls, treated.before.as_ref().unwrap()).await.0, 40);
    assert!(effect.is_over && effect.others.unwrap().difference == Some(1.0));

    metrics_and_hot_spots(&mut client, &mut calls).await;
    people_and_problems(&mut client, &mut calls).await;

    let all = || v1::QueryMetricsRequest {
        scope: Some(v1::CallFilter { rule_ids: Vec::new(), ..scope(0, 20).unwrap() }),
        group_by: vec![v1::InsightGroup::Rule.into(), v1::InsightGroup::Agent.into()],
        step: v1::InsightStep::Day.into(),
        ..Default::default()
    };
    let before = client.query_metrics(all()).await.unwrap().into_inner();
    sandbox.restart().await;
    let mut client = Insight::new(sandbox.channel().await);
    // Read anew from the disk, the calls give the same answer as when they came one by one.
    assert_eq!(client.query_metrics(all()).await.unwrap().into_inner(), before);
    let request = v1::UpdateImprovementRequest {
        improvement: Some(v1::Improvement {
            improvement_id: id.clone(),
            agents: vec!["B".to_owned()],
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["agents".to_owned()] }),
    };
    let updated = client.update_improvement(request).await.unwrap().into_inner();
    assert_eq!(updated.improvement.unwrap().title, "合规辅导", "it was kept");
    assert_eq!(updated.effect.unwrap().words, "worse");

    let (server, folder) = (sandbox.url(), tempfile::tempdir().unwrap());
    let times = ["--since", "2026-03-12T00:00:00+08:00", "--before", "2026-03-22T00:00:00+08:00"];
    for (args, wanted) in [
        (&["track", "trend", "--by", "agent", "--step", "day", "--rule", "S01"][..], "B 座席B"),
        (&["track", "hotspots", "--baseline-days", "10"], "▲ 1. S01"),
        (&["track", "hotspots", "--baseline-days", "10"], "有命中的通话 60 通：diting calls list --since "),
        (&["agents", "list"], "座席A"),
        (&["agents", "show", "B"], "班组内名次 2（2–2）/ 2"),
        (&["teams", "show", "一组"], "── 成员"),
        (&["problems", "--rule", "S01"], "样本不足"),
    ] {
        let args: Vec<&str> = args.iter().chain(&times).copied().collect();
        let output = diting(&server, folder.path(), &args).await;
        assert!(stdout(&output).contains(wanted), "{args:?}\n{}{}", stdout(&output), stderr(&output));
    }
    let ahead = diting(&server, folder.path(), &["agents", "show", "A", "--since", "9000-01-01"]).await;
    assert!(ahead.status.code() != Some(0) && stderr(&ahead).contains("--since lies ahead"));
    let none = diting(&server, folder.path(), &["agents", "list", "--team", "九组"]).await;
    assert!(stdout(&none).is_empty() && stderr(&none).contains("没有座席"), "{}", stderr(&none));
    let empty = ["track", "hotspots", "--since", "2026-06-01", "--before", "2026-06-08"];
    let empty = stdout(&diting(&server, folder.path(), &empty).await);
    assert_eq!(empty.trim_end(), "这段时间没有判定完成的通话，没有什么可以检验");
    let improve = ["track", "improve", "--title", "辅导", "--rule", "S01", "--action", "对练"];
    for (flags, why) in [
        (["--team", "九组", "--at", "2026-03-12"], "no call has team `九组`; there are: 一组"),
        (["--agent", "Z", "--at", "2026-03-12"], "no call has agent `Z`; there are: A, B"),
        (["--team", "一组", "--at", "9000-01-01"], "improvement.at"),
    ] {
        let args: Vec<&str> = improve.iter().chain(&flags).copied().collect();
        let output = diting(&server, folder.path(), &args).await;
        assert!(output.status.code() != Some(0) && stderr(&output).contains(why), "{}", stderr(&output));
    }
    let json = ["track", "hotspots", "--baseline-days", "10", "--format", "json"];
    let json: Vec<&str> = json.iter().chain(&times).copied().collect();
    let spots = stdout(&diting(&server, folder.path(), &json).await);
    assert!(spots.contains("numChecked") && !spots.contains("machineChecked"), "{spots}");
    let first = ["--since", "2026-03-02T00:00:00+08:00", "--before", "2026-03-12T00:00:00+08:00"];
    let args: Vec<&str> = ["agents", "show", "A"].into_iter().chain(first).collect();
    let shown = stdout(&diting(&server, folder.path(), &args).await);
    for wanted in ["── 弱项", "── 画像", "── 培训建议", "100.0% (40/40)"] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    let output = diting(&server, folder.path(), &["track", "improvements"]).await;
    assert!(stdout(&output).contains("  变差\n"), "{}{}", stdout(&output), stderr(&output));
    let output = diting(&server, folder.path(), &["track", "improvements", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let opened = json["effect"]["treated"]["after"]["calls"].to_string();
    let list = ["calls", "list", "--of-figure", &opened, "--page-size", "500", "--format", "json"];
    let output = diting(&server, folder.path(), &list).await;
    assert_eq!(stdout(&output).lines().count(), 60, "{}", stderr(&output));

    // One that is damaged hides no other.
    sandbox.damage(diting::store::Family::Improvement, b"spoilt");
    let told = client.list_improvements(v1::ListImprovementsRequest::default()).await.unwrap().into_inner();
    assert_eq!((told.improvements.len(), told.num_damaged), (1, 1));

    let delete = || v1::DeleteImprovementRequest { improvement_id: id.clone() };
    client.delete_improvement(delete()).await.unwrap();
    let status = client.delete_improvement(delete()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "improvement.not_found"));
    let left = client.list_improvements(v1::ListImprovementsRequest::default()).await.unwrap().into_inner();
    assert!(left.improvements.is_empty());
}
