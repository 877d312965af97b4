//! Chats as data and as dialogues.

use proptest::prelude::*;

use super::*;
use crate::dialogue::{Dialogue, DialogueConfig, excerpt};
use crate::types::{CallMetadata, TimeSpan};

fn said(id: &str, sender: &str, at: u64, text: &str) -> (Message, Sent) {
    let message = Message {
        id: Some(id.to_owned()),
        sender: sender.to_owned(),
        text: text.to_owned(),
        ..Message::default()
    };
    (message, Sent::After(Millis(at * 1_000)))
}

fn of_kind(kind: MessageKind, (message, sent): (Message, Sent)) -> (Message, Sent) {
    (Message { kind, ..message }, sent)
}

fn recall(id: &str, sender: &str, at: u64, target: &str) -> (Message, Sent) {
    let (message, sent) = of_kind(MessageKind::Recall, said(id, sender, at, ""));
    (Message { recalls: Some(target.to_owned()), ..message }, sent)
}

fn dialogue(messages: Vec<(Message, Sent)>) -> Dialogue {
    let mut chat = Chat::new(messages, None).expect("it is a chat");
    let patterns = |text: &str| vec![AccountPattern::parse(text).expect("a pattern")];
    chat.assign(&Accounts { agents: patterns("kf*"), bots: patterns("bot"), ..Accounts::default() });
    of_chat(&chat, &CallMetadata::default())
}

fn seen(dialogue: &Dialogue) -> Vec<(SpeakerRole, &str)> {
    dialogue.turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect()
}

#[test]
fn messages_become_turns_in_the_order_of_their_times() {
    let dialogue = dialogue(vec![
        said("2", "kf1", 10, "您好"),
        said("1", "wm1", 0, "在吗"),
        of_kind(MessageKind::Image, said("3", "wm1", 12, "")),
        of_kind(MessageKind::File, said("4", "kf1", 15, "说明.pdf")),
        said("2", "kf1", 99, "您好"),
    ]);
    assert_eq!(
        seen(&dialogue),
        [
            (SpeakerRole::Customer, "在吗"),
            (SpeakerRole::Agent, "您好"),
            (SpeakerRole::Customer, "[图片]"),
            (SpeakerRole::Agent, "[文件] 说明.pdf"),
        ]
    );
    assert_eq!(dialogue.timing.duration, Millis(15_000));
    assert!(dialogue.turns.iter().enumerate().all(|(position, turn)| turn.index as usize == position));
}

#[test]
fn what_was_taken_back_is_noted_and_not_said() {
    let dialogue = dialogue(vec![
        said("1", "kf1", 0, "保本保息"),
        recall("2", "kf1", 30, "1"),
        recall("3", "wm1", 40, "never"),
    ]);
    assert!(dialogue.turns.is_empty());
    let recalls = dialogue.chat.expect("it is a chat").recalls;
    assert_eq!((recalls[0].role, recalls[0].sender.as_str()), (SpeakerRole::Agent, "kf1"));
    assert_eq!((recalls[0].said_at, recalls[0].at), (Some(Millis(0)), Some(Millis(30_000))));
    assert_eq!((recalls[1].role, recalls[1].said_at), (SpeakerRole::Customer, None));
}

#[test]
fn a_customer_waits_from_the_first_message_that_nobody_answered() {
    let dialogue = dialogue(vec![
        said("1", "wm1", 0, "在吗"),
        said("2", "bot", 1, "正在为您转接"),
        said("3", "wm1", 20, "喂"),
        said("4", "kf1", 31, "您好"),
        said("5", "kf1", 32, "请讲"),
        said("6", "wm1", 40, "查账单"),
        said("7", "wm1", 50, "信用卡的"),
        said("8", "kf1", 60, "好的"),
        said("9", "wm1", 70, "还有呢"),
        of_kind(MessageKind::Event, said("10", "system", 100, "会话结束")),
    ]);
    let chat = dialogue.chat.as_ref().expect("it is a chat");
    let waits: Vec<_> =
        chat.responses.iter().map(|one| (one.asked, one.answer, one.wait.0 / 1_000)).collect();
    assert_eq!(waits, [(0, Some(3), 30), (5, Some(7), 20), (8, None, 30)]);
    assert_eq!(chat.first_response(), Some(Millis(30_000)));
    assert_eq!(chat.mean_response(), Some(Millis(25_000)));
    assert_eq!(chat.max_response(), Some(Millis(30_000)));
    assert_eq!(dialogue.turns[9].role, SpeakerRole::Bot);
    assert_eq!(dialogue.timing.silence, Millis::ZERO);

    let part = excerpt(&dialogue, TimeSpan::new(Millis(40_000), Millis(65_000)), &DialogueConfig::default());
    assert_eq!(part.turns.len(), 3);
    assert_eq!(part.chat.and_then(|chat| chat.first_response()), Some(Millis(20_000)));
}

#[test]
fn late_metadata_tells_the_agent_of_a_chat() {
    let chat = Chat::new(vec![said("1", "8021", 0, "您好"), said("2", "x", 5, "你好")], None);
    let known = |agent_id: Option<&str>| CallMetadata {
        agent_id: agent_id.map(str::to_owned),
        ..CallMetadata::default()
    };
    let before = of_chat(&chat.expect("it is a chat"), &known(None));
    assert_eq!(before.turns[0].role, SpeakerRole::Unknown);
    let after = crate::dialogue::relabel(&before, &known(Some("8021")), &DialogueConfig::default());
    assert_eq!(after.turns[0].role, SpeakerRole::Agent);
    assert_eq!(after.turns[1].role, SpeakerRole::Unknown);
}

proptest! {
    /// Whatever was told of a chat before, what is told last counts as if it had been told at once.
    #[test]
    fn what_is_told_of_a_chat_last_counts(
        before in prop::option::of(0..90_u64), after in prop::option::of(0..90_u64), agents in (0..4_u8, 0..4_u8),
    ) {
        let told = |menu_end: Option<u64>, agent: u8| CallMetadata {
            ivr_end: menu_end.map(|secs| Millis(secs * 1_000)),
            agent_id: (agent > 0).then(|| format!("80{agent}")),
            ..CallMetadata::default()
        };
        let mut chat = Chat::new(
            vec![
                said("1", "bot", 0, "请问有什么可以帮您"),
                said("2", "wm1", 4, "转人工"),
                said("3", "801", 10, "您好"),
                said("4", "802", 20, "我来处理"),
                said("5", "kf1", 30, "已经转接"),
                of_kind(MessageKind::Event, said("6", "system", 80, "会话结束")),
            ],
            None,
        )
        .expect("it is a chat");
        chat.messages[1].role = SpeakerRole::Customer;
        chat.messages[4].role = SpeakerRole::Agent;
        let first = of_chat(&chat, &told(before, agents.0));
        let after = told(after, agents.1);
        prop_assert_eq!(crate::dialogue::relabel(&first, &after, &DialogueConfig::default()), of_chat(&chat, &after));
    }
}

#[test]
fn what_is_no_chat_is_refused() {
    for bytes in ["", "{}", "[]", "RIFF", r#"{"version":9,"messages":[]}"#] {
        assert!(matches!(Chat::from_json(bytes.as_bytes()), Err(ChatError::Unreadable { .. })), "{bytes}");
    }
    let far = vec![said("1", "a", 0, "一"), said("2", "a", 400 * 86_400, "二")];
    assert_eq!(Chat::new(far, None), Err(ChatError::TooLong { number: 2 }));
}

proptest! {
    #[test]
    fn a_chat_survives_its_bytes_and_every_message_is_a_turn_or_taken_back(
        drafts in prop::collection::vec((0..9_u8, 0..4_u8, prop::option::of(0..90_u64), ".{0,9}"), 0..20),
    ) {
        let kinds = [MessageKind::Text, MessageKind::Image, MessageKind::Recall, MessageKind::Event];
        let messages: Vec<_> = drafts.iter().enumerate().map(|(index, (target, kind, at, text))| {
            let kind = kinds[usize::from(*kind)];
            let (mut message, sent) = of_kind(kind, said(&index.to_string(), "kf1", at.unwrap_or(0), text));
            message.recalls = (kind == MessageKind::Recall).then(|| target.to_string());
            (message, if at.is_some() { sent } else { Sent::Unknown })
        }).collect();
        let chat = Chat::new(messages.clone(), None).expect("they are near");
        let again = Chat::from_json(&chat.to_json().expect("it is small")).expect("it was written");
        prop_assert_eq!(&again, &chat);
        let dialogue = of_chat(&chat, &CallMetadata::default());
        let recalls = chat.messages.iter().filter(|message| message.kind == MessageKind::Recall);
        let targets: std::collections::HashSet<_> =
            recalls.clone().filter_map(|message| message.recalls.clone()).collect();
        let kept = chat.messages.iter().filter(|message| {
            message.kind != MessageKind::Recall && !message.id.as_ref().is_some_and(|id| targets.contains(id))
        });
        prop_assert_eq!(dialogue.turns.len(), kept.count());
        prop_assert_eq!(dialogue.chat.map(|chat| chat.recalls.len()), Some(recalls.count()));
    }
}
