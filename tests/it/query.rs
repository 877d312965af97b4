//! Questions over many calls: filters in any mix, orders, pages, masks, totals, words; the same after a rebuild.

use diting::proto::v1;
use prost_types::{FieldMask, Timestamp};
use tonic::Code;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Client, Sandbox, ended, field, reason};

const START: i64 = 1_772_413_200;

struct Said {
    id: &'static str,
    agent: &'static str,
    team: &'static str,
    product: &'static str,
    direction: v1::Direction,
    texts: &'static [(&'static str, &'static str)],
}

const CALLS: [Said; 5] = [
    Said {
        id: "promise",
        agent: "1001",
        team: "一组",
        product: "理财",
        direction: v1::Direction::Outbound,
        texts: &[("kf", "您好，这款产品保本保息"), ("wm", "好的"), ("kf", "感谢您的咨询，再见")],
    },
    Said {
        id: "repay",
        agent: "1002",
        team: "一组",
        product: "房贷",
        direction: v1::Direction::Inbound,
        texts: &[("wm", "我想，提前 还款"), ("kf", "您好，提前还款要预约"), ("wm", "好")],
    },
    Said {
        id: "threat",
        agent: "1002",
        team: "一组",
        product: "理财",
        direction: v1::Direction::Inbound,
        texts: &[("wm", "我要到银保监会投诉你们"), ("kf", "非常抱歉")],
    },
    Said {
        id: "again",
        agent: "2001",
        team: "二组",
        product: "理财",
        direction: v1::Direction::Inbound,
        texts: &[("kf", "这个理财保本的"), ("wm", "真的吗")],
    },
    Said {
        id: "quiet",
        agent: "2002",
        team: "二组",
        product: "房贷",
        direction: v1::Direction::Inbound,
        texts: &[("wm", "利率多少"), ("kf", "您好，请稍等")],
    },
];

/// Calls of one day, an hour apart, the first latest.
async fn filled() -> (Sandbox, Client) {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    for (index, said) in CALLS.iter().enumerate() {
        let started = START - 3600 * index as i64;
        let messages = said.texts.iter().enumerate().map(|(at, (sender, text))| v1::ChatMessage {
            message_id: format!("m{at}"),
            sender: (*sender).to_owned(),
            text: (*text).to_owned(),
            time: Some(Timestamp { seconds: started + 10 * at as i64, nanos: 0 }),
            ..Default::default()
        });
        let metadata = v1::CallMetadata {
            started_at: Some(Timestamp { seconds: started, nanos: 0 }),
            agent_id: said.agent.to_owned(),
            team: said.team.to_owned(),
            product: said.product.to_owned(),
            direction: said.direction.into(),
            ..Default::default()
        };
        let accounts = v1::ChatAccounts { agents: vec!["kf".to_owned()], ..Default::default() };
        let request = v1::ImportChatRequest {
            call_id: said.id.to_owned(),
            metadata: Some(metadata),
            messages: messages.collect(),
            accounts: Some(accounts),
        };
        client.import_chat(request).await.expect("it is taken");
        assert_eq!(ended(&mut client, said.id).await.state(), v1::CallState::Done);
    }
    (sandbox, client)
}

async fn list(client: &mut Client, request: v1::ListCallsRequest) -> v1::ListCallsResponse {
    loop {
        let page = client.list_calls(request.clone()).await.expect("it lists").into_inner();
        // The words of the last calls are looked at within a second.
        if page.text_current_to == page.last_change {
            assert_eq!(page.text_num_indexed, page.text_num_calls, "all that are done");
            return page;
        }
    }
}

fn names(page: &v1::ListCallsResponse) -> Vec<&str> {
    page.calls.iter().filter_map(|summary| summary.call.as_ref()).map(|call| call.call_id.as_str()).collect()
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_mix_and_the_number_is_exact() {
    let (_sandbox, mut client) = filled().await;
    let any = v1::CallFilter::default;
    let inbound = vec![v1::Direction::Inbound.into()];
    let cases: [(v1::CallFilter, &[&str]); 11] = [
        (any(), &["promise", "repay", "threat", "again", "quiet"]),
        (v1::CallFilter { teams: texts(&["一组"]), ..any() }, &["promise", "repay", "threat"]),
        (
            v1::CallFilter { teams: texts(&["一组"]), agent_ids: texts(&["1002", "2001"]), ..any() },
            &["repay", "threat"],
        ),
        (v1::CallFilter { products: texts(&["理财"]), directions: inbound, ..any() }, &["threat", "again"]),
        (v1::CallFilter { rule_ids: texts(&["S01"]), ..any() }, &["promise", "again"]),
        (v1::CallFilter { rule_ids: texts(&["S01"]), teams: texts(&["二组"]), ..any() }, &["again"]),
        (v1::CallFilter { text: "提前还款".to_owned(), ..any() }, &["repay"]),
        (v1::CallFilter { text: "前还 -保本".to_owned(), ..any() }, &["repay"]),
        (v1::CallFilter { text: "保本".to_owned(), ..any() }, &["promise", "again"]),
        (v1::CallFilter { text: "客户:保本".to_owned(), ..any() }, &[]),
        (
            v1::CallFilter { text: "您好 客服:稍等".to_owned(), products: texts(&["房贷"]), ..any() },
            &["quiet"],
        ),
    ];
    for (filter, expected) in cases {
        let request =
            v1::ListCallsRequest { filter: Some(filter.clone()), page_size: 2, ..Default::default() };
        let page = list(&mut client, request).await;
        assert_eq!(page.total_size, expected.len() as u64, "{filter:?}");
        assert_eq!(names(&page), &expected[..expected.len().min(2)], "{filter:?}");
        assert_eq!(page.next_page_token.is_empty(), expected.len() <= 2);
    }
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let filter = v1::CallFilter {
        started_from: time(START - 7200),
        started_before: time(START),
        verdicts: vec![v1::Verdict::Hit.into()],
        ..any()
    };
    let request = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
    assert!(names(&list(&mut client, request).await).iter().all(|name| ["repay", "threat"].contains(name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_pages_hold_every_call_once_while_others_come() {
    let (_sandbox, mut client) = filled().await;
    let full = |order: &str| v1::ListCallsRequest { order_by: order.to_owned(), ..Default::default() };
    for order in ["started desc", "started", "received desc", "score", "score desc", "duration"] {
        let whole = list(&mut client, full(order)).await;
        let value = |summary: &v1::CallSummary| match order.split_whitespace().next() {
            Some("score") => summary.score,
            Some("started") => summary
                .call
                .as_ref()
                .and_then(|call| call.metadata.as_ref()?.started_at)
                .map(|at| at.seconds as f64),
            _ => None,
        };
        let values: Vec<f64> = whole.calls.iter().filter_map(value).collect();
        assert!(
            values.is_sorted_by(|left, right| if order.contains("desc") {
                left >= right
            } else {
                left <= right
            }),
            "{order}: {values:?}"
        );

        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = v1::ListCallsRequest { page_size: 2, page_token, ..full(order) };
            let page = list(&mut client, request).await;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, names(&whole), "{order}");
    }

    let request = v1::ListCallsRequest { page_size: 2, ..full("received desc") };
    let first = list(&mut client, request.clone()).await;
    assert_eq!(names(&first), ["quiet", "again"]);
    let late = v1::ImportChatRequest {
        call_id: "late".to_owned(),
        messages: vec![v1::ChatMessage {
            sender: "wm".to_owned(),
            text: "在吗".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    client.import_chat(late).await.expect("it is taken");
    let token = first.next_page_token;
    let second =
        list(&mut client, v1::ListCallsRequest { page_token: token.clone(), ..request.clone() }).await;
    assert_eq!(names(&second), ["threat", "repay"], "what comes in meanwhile moves nothing");
    assert_eq!(second.total_size, 6);

    let other = v1::ListCallsRequest { order_by: "score".to_owned(), page_token: token, ..request };
    let status = client.list_calls(other).await.expect_err("the token is of another order");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "store.page_token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_give_what_is_asked_for_and_nothing_else() {
    let (_sandbox, mut client) = filled().await;
    let mask = |paths: &[&str]| Some(FieldMask { paths: texts(paths) });
    let filter = Some(v1::CallFilter { text: "提前还款".to_owned(), ..Default::default() });
    let asked = mask(&["call.call_id", "review", "matches"]);
    let request = v1::ListCallsRequest { filter, read_mask: asked, ..Default::default() };
    let page = list(&mut client, request).await;
    let summary = page.calls.first().expect("it is found");
    let call = v1::Call { call_id: "repay".to_owned(), ..Default::default() };
    assert_eq!(summary.call.as_ref(), Some(&call));
    assert_eq!(summary.review(), v1::ReviewState::None);
    assert!(summary.hit_rule_ids.is_empty() && summary.score.is_none(), "not asked for: {summary:?}");
    let marked: Vec<_> = summary
        .matches
        .iter()
        .map(|found| {
            let range = found.ranges.first().expect("a place");
            let chars: Vec<char> = found.text.chars().collect();
            (
                found.turn,
                found.role(),
                chars[range.from as usize..range.to as usize].iter().collect::<String>(),
            )
        })
        .collect();
    assert_eq!(
        marked,
        [
            (0, v1::SpeakerRole::Customer, "提前 还款".to_owned()),
            (1, v1::SpeakerRole::Agent, "提前还款".to_owned()),
        ]
    );

    let filter = Some(v1::CallFilter { rule_ids: texts(&["S01"]), ..Default::default() });
    let plain = v1::ListFindingsRequest { filter, ..Default::default() };
    let page = client.list_findings(plain.clone()).await.expect("it lists").into_inner();
    assert_eq!(page.total_size, 2);
    let calls: Vec<_> = page.findings.iter().map(|finding| finding.call_id.as_str()).collect();
    assert_eq!(calls, ["promise", "again"]);
    for finding in &page.findings {
        assert_eq!((finding.verdict(), finding.final_verdict()), (v1::Verdict::Hit, v1::Verdict::Hit));
        assert_eq!((finding.level(), finding.review()), (v1::Level::S1, v1::ReviewState::None));
        assert!(finding.evidence.is_empty() && finding.explanation.is_empty(), "not asked for");
    }
    let request = v1::ListFindingsRequest { read_mask: mask(&["call_id", "evidence.text"]), ..plain };
    let page = client.list_findings(request).await.expect("it lists").into_inner();
    let evidence = page.findings[0].evidence.first().expect("what was said");
    assert!(evidence.text.contains("保本") && evidence.pattern.is_empty());
    assert!(page.findings[0].rule_id.is_empty());

    let wrong = v1::ListCallsRequest { read_mask: mask(&["call.agent"]), ..Default::default() };
    let status = client.list_calls(wrong).await.expect_err("there is no such field");
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "read_mask"));
    let wrong = v1::ListCallsRequest { order_by: "agent".to_owned(), ..Default::default() };
    let status = client.list_calls(wrong).await.expect_err("there is no such order");
    assert_eq!(field(&status), "order_by");
    let filter = Some(v1::CallFilter { text: "。。。".to_owned(), ..Default::default() });
    let status = client.list_calls(v1::ListCallsRequest { filter, ..Default::default() }).await;
    assert_eq!(field(&status.expect_err("nothing to look for")), "filter.text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_answers_as_what_grew_call_by_call() {
    let (mut sandbox, mut client) = filled().await;
    client.delete_call(v1::DeleteCallRequest { call_id: "again".to_owned() }).await.expect("it is deleted");
    let metadata = Some(v1::CallMetadata { team: "三组".to_owned(), ..Default::default() });
    let update_mask = Some(FieldMask { paths: texts(&["team"]) });
    let update = v1::UpdateCallRequest { call_id: "threat".to_owned(), metadata, update_mask };
    client.update_call(update).await.expect("it is updated");

    async fn answers(client: &mut Client) -> Vec<Vec<v1::CallSummary>> {
        let any = v1::CallFilter::default;
        let filters = [
            any(),
            v1::CallFilter { teams: texts(&["三组"]), ..any() },
            v1::CallFilter { text: "保本".to_owned(), ..any() },
            v1::CallFilter { text: "-保本".to_owned(), ..any() },
            v1::CallFilter { levels: vec![v1::Level::S1.into()], ..any() },
        ];
        let mut answers = Vec::new();
        for filter in filters {
            let request = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
            answers.push(list(client, request).await.calls);
        }
        answers
    }

    let before = answers(&mut client).await;
    assert!(before.iter().all(|calls| !calls.is_empty()));
    sandbox.stop().await;
    let report = diting::app::reindex(&sandbox.config).expect("it is made anew");
    assert_eq!((report.num_calls, report.num_mended, report.num_removed), (4, 0, 0), "{report:?}");
    assert_eq!((report.num_damaged, report.num_texts), (0, 4), "{report:?}");
    sandbox.resume().await;
    assert_eq!(answers(&mut sandbox.client().await).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_searches_and_reindexes() {
    let (mut sandbox, mut client) = filled().await;
    list(
        &mut client,
        v1::ListCallsRequest {
            filter: Some(v1::CallFilter { text: "您好".to_owned(), ..Default::default() }),
            ..Default::default()
        },
    )
    .await;
    let (server, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let run = |args: &'static [&'static str]| diting(&server, folder.path(), args);

    let listed = run(&["calls", "list", "--team", "一组", "--sort", "started", "--page-size", "2"]).await;
    let lines: Vec<String> = stdout(&listed).lines().map(str::to_owned).collect();
    assert!(lines.len() == 2 && lines[0].contains("\tthreat\t1002\t一组\t"), "{lines:?}");
    assert!(stderr(&listed).contains("2 of 3 calls") && stderr(&listed).contains("--page-token"));

    let found = run(&["calls", "search", "提前还款", "--call-type", "inbound"]).await;
    let text = stdout(&found);
    assert!(
        text.contains("客户  我想，【提前 还款】") && text.contains("客服  您好，【提前还款】要预约"),
        "{text}"
    );

    let findings = run(&["findings", "list", "--rule", "S01", "--level", "s1"]).await;
    let text = stdout(&findings);
    assert!(text.lines().count() == 2 && text.starts_with("promise\thit\thit\tS1\tS01\t"), "{text}");
    assert!(text.contains("保本"), "{text}");
    let json =
        run(&["calls", "list", "--fields", "call.call_id", "--format", "json", "--page-size", "1"]).await;
    assert!(stdout(&json).contains("\"callId\":\"promise\""), "{}", stdout(&json));
    // What is asked in vain is told, and nothing is passed over.
    let not_said = run(&["calls", "search", "-还款", "--page-size", "10"]).await;
    assert!(stdout(&not_said).contains("promise") && !stdout(&not_said).contains("提前"), "{not_said:?}");
    for (args, told) in [
        (&["calls", "list", "--fields", "call.call_id"][..], "--fields goes with --format json"),
        (&["calls", "list", "--fields", "foo", "--format", "json"], "fields are call, score"),
        (&["calls", "search", " "], "at least one word"),
        (&["calls", "search", "--sinse"], "there is no such flag"),
        (&["calls", "search", "经理:投诉"], "客户:词 or 客服:词"),
    ] {
        let refused = run(args).await;
        assert_ne!(refused.status.code(), Some(0), "{args:?}");
        assert!(stderr(&refused).contains(told), "{args:?}: {}", stderr(&refused));
    }
    // What finds nothing tells which value no call has.
    let none = run(&["calls", "list", "--team", "一组", "--team", "九组", "--agent", "9999"]).await;
    assert!(stderr(&none).contains("no call has team 九组"), "{}", stderr(&none));
    assert!(stderr(&none).contains("no call has agent 9999") && !stderr(&none).contains("一组:"));
    let none = run(&["findings", "list", "--rule", "B99"]).await;
    assert!(stderr(&none).contains("no call has a finding of rule B99"), "{}", stderr(&none));
    let none = run(&["calls", "list", "--rule", "S01", "--min-score", "100", "--verdict", "hit"]).await;
    assert!(stderr(&none).contains("0 of 0") && !stderr(&none).contains("no call has"), "{}", stderr(&none));
    let wrong = run(&["calls", "list", "--since", "2026-11-02", "--before", "2026-11-01"]).await;
    assert!(wrong.status.code() != Some(0) && stderr(&wrong).contains("--since"), "{}", stderr(&wrong));
    let wrong = run(&["calls", "list", "--sort", "agent"]).await;
    assert_ne!(wrong.status.code(), Some(0));
    assert!(stderr(&wrong).contains("order_by"), "{}", stderr(&wrong));

    sandbox.stop().await;
    let data = sandbox.config.store.data_dir.to_str().expect("a name").to_owned();
    let args: &'static [&'static str] = Vec::leak(vec!["store", "reindex", "--data", String::leak(data)]);
    let report = run(args).await;
    assert_eq!(
        stdout(&report),
        "calls\t5\nmended\t0\nremoved\t0\ndamaged\t0\ntext\t5\n",
        "{}",
        stderr(&report)
    );
}
