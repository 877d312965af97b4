//! What each kind of receiver gets, byte for byte, and that it never gets too much.

use jiff::tz::Offset;
use proptest::prelude::*;

use super::*;
use crate::alert::fixture;
use crate::alert::model::{AlertCall, AlertRule, CloseReason, Digest, EventKind, Sample};
use crate::types::{CallId, Millis, RuleId, SpeakerRole};

fn at(text: &str) -> Timestamp {
    text.parse().expect("it is a time")
}

fn rule(id: &str) -> RuleId {
    RuleId::try_new(id).expect("it is an id")
}

fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

fn alert(number: u64, call_id: &str, quote: &str) -> Alert {
    let call = AlertCall {
        started_at: at("2026-03-02T01:00:00Z"),
        agent_id: Some("8021".to_owned()),
        agent_name: Some("张敏".to_owned()),
        team: Some("理财一组".to_owned()),
        business: Some("wealth".to_owned()),
        customer_ref: Some("c0ffee".to_owned()),
        ..fixture::call(CallId::try_new(call_id).expect("it is an id"), at("2026-03-02T01:05:00Z"))
    };
    Alert {
        call: Some(call),
        risk_id: "R2".to_owned(),
        risk_name: "监管、媒体、聚集".to_owned(),
        at: Some(Millis(160_000)),
        rules: vec![AlertRule { id: rule("W01"), name: "监管投诉升级".to_owned() }],
        samples: vec![Sample {
            rule_id: rule("W01"),
            role: SpeakerRole::Customer,
            turn: 4,
            at: Some(Millis(160_000)),
            text: "银保监会".to_owned(),
            quote: quote.to_owned(),
        }],
        raised_at: at("2026-03-02T01:05:02Z"),
        open_since: at("2026-03-02T01:05:02Z"),
        ..fixture::alert(number)
    }
}

fn event(alert: &Alert, kind: EventKind, time: &str) -> Event {
    Event {
        number: 40 + alert.number,
        alert: alert.number,
        at: at(time),
        kind,
        actor: String::new(),
        note: String::new(),
        state: alert.state,
        assignee: None,
        close_reason: None,
    }
}

fn item(alert: Alert, kind: EventKind, time: &str) -> Item {
    Item { event: event(&alert, kind, time), alert }
}

fn one() -> Vec<Item> {
    let alert = alert(17, "20260302-0017", "我要到【银保监会】投诉你们，电话138****1234 <@all>");
    vec![item(alert, EventKind::Raised, "2026-03-02T01:05:02Z")]
}

fn escalated() -> Vec<Item> {
    one().into_iter().map(|one| item(one.alert, EventKind::Escalated, "2026-03-02T01:20:02Z")).collect()
}

fn digest() -> Vec<Item> {
    let digest = Digest {
        alerts: (21..=480).collect(),
        num_quiet: 12,
        num_too_many: 3,
        num_storm: 445,
        since: at("2026-03-02T01:05:03Z"),
        until: at("2026-03-02T01:14:59Z"),
    };
    let alert = Alert {
        call: None,
        samples: Vec::new(),
        rules: Vec::new(),
        digest: Some(digest),
        ..alert(481, "x", "")
    };
    vec![item(alert, EventKind::Raised, "2026-03-02T01:15:03Z")]
}

fn closed() -> Vec<Item> {
    let mut items = one();
    for item in &mut items {
        item.event = Event {
            kind: EventKind::Closed,
            actor: "王芳".to_owned(),
            note: "已回访客户".to_owned(),
            close_reason: Some(CloseReason::Handled),
            ..item.event.clone()
        };
    }
    items
}

fn several(number: u64) -> Vec<Item> {
    let alerts = (1..=number).map(|number| {
        let level = if number % 3 == 0 { Level::S2 } else { Level::S1 };
        Alert { level, ..alert(number, &format!("call-{number}"), "我要到【银保监会】投诉你们") }
    });
    alerts.map(|alert| item(alert, EventKind::Raised, "2026-03-02T01:05:02Z")).collect()
}

const KINDS: [ReceiverKind; 4] =
    [ReceiverKind::Json, ReceiverKind::Wecom, ReceiverKind::Dingtalk, ReceiverKind::Feishu];

fn of(kind: ReceiverKind, items: &[Item]) -> Payload {
    let secret = (kind != ReceiverKind::Wecom).then_some("SECtest");
    payload(kind, "risk", "risk-57-57", items, secret, &zone(), at("2026-03-02T01:05:03Z"))
}

/// The body for a person, with its line ends as line ends.
fn shown(kind: ReceiverKind, items: &[Item]) -> String {
    let payload = of(kind, items);
    let value: Value = serde_json::from_slice(&payload.body).expect("it is JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("it is JSON").replace("\\n", "\n");
    let headers: Vec<String> =
        payload.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{}?{}\n{pretty}", headers.concat(), payload.query)
}

#[test]
fn every_kind_of_message_reads_as_it_must() {
    let mut all = String::new();
    for kind in KINDS {
        let messages = [
            ("one alert", one()),
            ("an escalation", escalated()),
            ("a digest", digest()),
            ("closed", closed()),
            ("three alerts", several(3)),
            ("a test", Vec::new()),
        ];
        for (name, items) in messages {
            // For programs the form is the same whatever happened.
            if kind == ReceiverKind::Json && !["one alert", "a test"].contains(&name) {
                continue;
            }
            all.push_str(&format!("== {kind:?}: {name}\n{}\n\n", shown(kind, &items)));
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("alert_messages", all));
}

#[test]
fn many_alerts_go_into_messages_that_groups_take() {
    let items = several(60);
    for kind in KINDS {
        let mut rest = &items[..];
        let mut num_messages = 0;
        while !rest.is_empty() {
            let number = num_fitting(kind, rest, &zone());
            let (now, later) = rest.split_at(number);
            let body = String::from_utf8(of(kind, now).body).expect("it is UTF-8");
            assert!(!body.contains("…\""), "nothing is cut: {body}");
            for item in now {
                assert!(body.contains(&format!("call-{}", item.alert.number)), "{kind:?}");
            }
            assert!(kind != ReceiverKind::Wecom || body.len() < 5_000);
            (rest, num_messages) = (later, num_messages + 1);
        }
        assert!(num_messages < 10, "{kind:?}: {num_messages}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_text_makes_a_message_too_large(text in "\\PC{0,200}", number in 1_u64..30) {
        let mut items = several(number);
        for item in &mut items {
            item.alert.risk_name = text.clone();
            for sample in &mut item.alert.samples {
                sample.quote = text.clone();
            }
        }
        for kind in KINDS {
            let number = num_fitting(kind, &items, &zone());
            prop_assert!((1..=items.len()).contains(&number));
            let payload = of(kind, &items[..number]);
            let value: Value = serde_json::from_slice(&payload.body).expect("it is JSON");
            let content = match kind {
                ReceiverKind::Json => continue,
                ReceiverKind::Wecom => &value["markdown"]["content"],
                ReceiverKind::Dingtalk => &value["markdown"]["text"],
                ReceiverKind::Feishu => &value["card"]["elements"][0]["content"],
            };
            prop_assert!(content.as_str().expect("it is text").len() <= max_bytes(kind));
            prop_assert!(kind != ReceiverKind::Feishu || payload.body.len() <= 20_480);
        }
    }
}
