//! The shapes of files, line by line.

use proptest::prelude::*;

use super::*;

fn read(lines: &str, options: &ReadOptions) -> Vec<(usize, Result<TextCall, TextCallError>)> {
    read_text_calls(lines.as_bytes(), options).map(|next| next.expect("memory is read")).collect()
}

fn seen(call: &TextCall) -> Vec<(SpeakerRole, Option<u64>, &str)> {
    let turns = call.dialogue.turns.iter();
    turns.map(|turn| (turn.role, turn.span.map(|span| span.start.0 / 1_000), turn.text.as_str())).collect()
}

const TICKET: &str = r#"{"tid": "20111101-1", "fileName": "x", "dialogue": [
 {"role": "客服", "identity": "小王", "words": "您好", "beginTime": "2026-03-02 09:00:00"},
 {"role": "客户", "identity": "张", "words": "查账单", "beginTime": "2026-03-02 09:00:12"},
 {"role": "系统", "words": "会话结束", "beginTime": "2026-03-02 09:05:00"}]}"#;

#[test]
fn a_ticket_has_roles_by_name_and_local_times() {
    let calls = read(&TICKET.replace('\n', ""), &ReadOptions::default());
    let (1, Ok(call)) = &calls[0] else { panic!("{calls:?}") };
    assert_eq!(call.id.as_deref(), Some("20111101-1"));
    assert_eq!(
        seen(call),
        [
            (SpeakerRole::Agent, Some(0), "您好"),
            (SpeakerRole::Customer, Some(12), "查账单"),
            (SpeakerRole::Bot, Some(300), "[通知] 会话结束"),
        ]
    );
    assert_eq!(
        call.metadata.started_at,
        "2026-03-02T01:00:00Z".parse().ok(),
        "a time without a zone is China's"
    );
    assert_eq!((call.metadata.media, call.metadata.agent_id.as_deref()), (Media::Chat, Some("小王")));
    let offsets =
        r#"{"tid": 7, "dialogue": [{"role": "客户", "words": "在吗", "begin": 1000, "end": 1200}]}"#;
    let calls = read(offsets, &ReadOptions::default());
    assert_eq!(
        seen(calls[0].1.as_ref().expect("it is a ticket")),
        [(SpeakerRole::Customer, Some(1), "在吗")]
    );
}

#[test]
fn messages_have_roles_by_account_unless_they_say_their_own() {
    let line = r#"{"id": "c1", "metadata": {"team": "三组"}, "messages": [
        {"id": "1", "sender": "wm1", "text": "在吗", "time": "2026-03-02T09:00:00+08:00"},
        {"id": "2", "sender": "kf_1", "text": "保本", "time": 1772413210000},
        {"id": "3", "sender": "kf_1", "kind": "recall", "recalls": "2", "time": 1772413215000},
        {"id": "4", "sender": "kf_2", "role": "bot", "text": "自动回复", "time": 1772413216000},
        {"id": "5", "sender": "wm1", "kind": "image", "time": 1772413220000}]}"#;
    let agents = vec![crate::dialogue::AccountPattern::parse("kf_*").expect("a pattern")];
    let accounts = Accounts { agents, ..Accounts::default() };
    let options = ReadOptions { accounts, ..ReadOptions::default() };
    let calls = read(&line.replace('\n', ""), &options);
    let call = calls[0].1.as_ref().expect("it is a chat");
    assert_eq!(
        seen(call),
        [
            (SpeakerRole::Customer, Some(0), "在吗"),
            (SpeakerRole::Bot, Some(16), "自动回复"),
            (SpeakerRole::Customer, Some(20), "[图片]"),
        ]
    );
    assert_eq!(call.metadata.team.as_deref(), Some("三组"));
    assert_eq!(call.dialogue.chat.as_ref().map(|chat| chat.recalls.len()), Some(1));
}

/// A line of an archive.
fn archived(id: &str, from: &str, to: &str, room: &str, minutes: i64, rest: &str) -> String {
    let at = 1_772_413_200_000 + minutes * 60_000;
    format!(
        r#"{{"msgid":"{id}","action":"send","from":"{from}","tolist":["{to}"],"roomid":"{room}","msgtime":{at},{rest}}}"#
    )
}

fn typed(text: &str) -> String {
    format!(r#""msgtype":"text","text":{{"content":"{text}"}}"#)
}

#[test]
fn an_archive_is_parted_by_people_rooms_and_pauses() {
    let lines = [
        archived("a1", "zhang", "wm1", "", 0, &typed("您好")),
        archived("b1", "wm2", "li", "", 1, &typed("在吗")),
        archived("a2", "wm1", "zhang", "", 2, r#""msgtype":"image","image":{"md5sum":"x"}"#),
        archived("r1", "wm1", "zhang", "room1", 3, &typed("群里说")),
        archived("b2", "li", "wm2", "", 4, &typed("保本保息")),
        archived("b3", "li", "wm2", "", 5, r#""msgtype":"revoke","revoke":{"pre_msgid":"b2"}"#),
        r#"{"msgid":"s1","action":"switch","time":1772413200000,"user":"zhang"}"#.to_owned(),
        "{\"msgid\":\"x1\",\"action\":\"send\"}".to_owned(),
        archived("a3", "wm1", "zhang", "", 3 + 6 * 60, &typed("第二天")),
        archived("a4", "wbrobot", "wm1", "room1", 8, &typed("机器人")),
        archived("r2", "zhang", "wm1", "room1", 8, &typed("撤回我")),
        archived("r2", "zhang", "wm1", "room1", 8, r#""msgtype":"revoke""#).replace("send", "recall"),
        archived(
            "a5",
            "zhang",
            "wm1",
            "room1",
            9,
            r#""msgtype":"mixed","mixed":{"item":[{"type":"text","content":"{\"content\":\"好的\"}"},{"type":"image","content":"{}"}]}"#,
        ),
    ];
    let calls = read(&lines.join("\n"), &ReadOptions::default());
    let mut told = Vec::new();
    for (line, call) in &calls {
        match call {
            Ok(call) => told.push((*line, seen(call))),
            Err(error) => assert_eq!((*line, error.problem.as_str()), (8, "`from` is missing or no text")),
        }
    }
    assert_eq!(
        told,
        [
            (1, vec![(SpeakerRole::Agent, Some(0), "您好"), (SpeakerRole::Customer, Some(120), "[图片]")]),
            (2, vec![(SpeakerRole::Customer, Some(0), "在吗")]),
            (
                4,
                vec![
                    (SpeakerRole::Customer, Some(0), "群里说"),
                    (SpeakerRole::Bot, Some(300), "机器人"),
                    (SpeakerRole::Agent, Some(360), "好的"),
                ]
            ),
            (9, vec![(SpeakerRole::Customer, Some(0), "第二天")]),
        ]
    );
    let ids = |calls: &[(usize, Result<TextCall, TextCallError>)]| {
        calls.iter().filter_map(|(_, call)| call.as_ref().ok()?.id.clone()).collect::<Vec<_>>()
    };
    let mut reversed = lines.to_vec();
    reversed.reverse();
    let again = read(&reversed.join("\n"), &ReadOptions::default());
    let (mut one, mut other) = (ids(&calls), ids(&again));
    one.sort();
    other.sort();
    assert_eq!(one, other, "the order of lines says nothing");
}

#[test]
fn mistakes_are_told_with_their_line_and_the_others_go_on() {
    let lines = [
        r#"{"messages": [{"text": "a", "role": "王"}]}"#,
        r#"{"messages": [{"kind": "song"}]}"#,
        r#"{"messages": [{"kind": "recall"}]}"#,
        r#"{"messages": [{"text": "a", "time": "昨天"}]}"#,
        r#"{"messages": 7}"#,
        r#"{"dialogue": [{"role": "王", "words": "a"}]}"#,
        r#"{"dialogue": [{"role": "客服"}]}"#,
        r#"{"msgid": "1", "from": "a", "msgtime": 1, "msgtype": "text", "text": {"content": "a"}}"#,
        r#"{"turns": [{"role": "agent", "text": "您好"}], "metadata": {"media": "MEDIA_CHAT"}}"#,
    ];
    let calls = read(&lines.join("\n"), &ReadOptions::default());
    let wanted = [
        "unknown role `王`",
        "unknown kind `song`",
        "`recalls` is missing",
        "`time` must be",
        "no list",
        "unknown role `王`",
        "`words` is missing",
        "names nobody",
    ];
    assert_eq!(calls.len(), wanted.len() + 1);
    for ((line, call), wanted) in calls.iter().zip(wanted) {
        let error = call.as_ref().expect_err(wanted);
        assert!(error.problem.contains(wanted), "{line}: {error}");
    }
    let last = calls.last().expect("there are calls").1.as_ref().expect("it is a chat");
    assert!(last.chat.is_some());
}

#[test]
fn chats_without_an_id_are_told_apart_by_folder_file_and_line() {
    let line = r#"{"messages": [{"role": "agent", "text": "您好"}]}"#;
    let named = |id: &str| line.replacen('{', &format!("{{\"id\": \"{id}\", "), 1);
    let calls = read(
        &[line.to_owned(), line.to_owned(), named("7"), named("工单1"), named("工单2")].join("\n"),
        &ReadOptions::default(),
    );
    let ids = |way: &str| -> Vec<String> {
        let id = |(line, call): &(usize, Result<TextCall, TextCallError>)| {
            text_call_id(way, *line, call.as_ref().expect("it is a chat")).to_string()
        };
        calls.iter().map(id).collect()
    };
    assert_eq!(ids("20260301/chats")[..3], ["20260301:chats:1", "20260301:chats:2", "7"]);
    let mut all: Vec<_> =
        ["a/chats", "b/chats", "客服一/chats", "客服二/chats", "-"].into_iter().flat_map(ids).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 5 * 2 + 3, "{all:?}");
}

/// A JSON value of what exports hold, right and wrong.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "text",
            "recall",
            "revoke",
            "客服",
            "agent",
            "wm1",
            "2026-03-02 09:00:00",
            "9999-99-99",
            "",
        ])
        .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(inner).prop_map(Value::Object),
        ]
    })
}

fn fields(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop::sample::select(vec![
        "id",
        "tid",
        "msgid",
        "action",
        "from",
        "tolist",
        "roomid",
        "msgtime",
        "msgtype",
        "text",
        "content",
        "revoke",
        "pre_msgid",
        "dialogue",
        "role",
        "words",
        "begin",
        "beginTime",
        "messages",
        "sender",
        "time",
        "offset_ms",
        "kind",
        "recalls",
        "mixed",
        "item",
        "turns",
        "metadata",
        "transcript",
    ]);
    prop::collection::vec((name.prop_map(str::to_owned), inner), 0..8)
        .prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    #[test]
    fn no_export_makes_it_fail(objects in prop::collection::vec(fields(value()), 1..6)) {
        let lines: Vec<String> = objects.into_iter().map(|object| Value::Object(object).to_string()).collect();
        for (line, call) in read(&lines.join("\n"), &ReadOptions::default()) {
            prop_assert!((1..=lines.len()).contains(&line));
            if let Ok(call) = call {
                prop_assert!(text_call_id("a/文件", line, &call).as_str().len() <= 128);
                if let Some(chat) = call.chat {
                    prop_assert!(chat.to_json().is_ok());
                }
            }
        }
    }
}
