//! The dialogue as a whole: named failures and properties.

use crate::audio::{AudioProfile, ChannelLayout, ChannelProfile};
use crate::speech::{Segment, Transcript, Unheard, Word};
use crate::types::{CallMetadata, ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan};

use super::*;

pub(super) fn word(text: &str, start: u64, end: u64) -> Word {
    Word { text: text.to_owned(), span: TimeSpan { start: Millis(start), end: Millis(end) }, confidence: 0.9 }
}

pub(super) fn segment_of(channel: u16, words: Vec<Word>) -> Segment {
    let span = words.iter().map(|word| word.span).reduce(TimeSpan::union).unwrap_or_default();
    let text = words.iter().map(|word| word.text.as_str()).collect();
    Segment { channel: ChannelIndex(channel), span, text, words, confidence: 0.9 }
}

pub(super) fn segment(channel: u16, start: u64, end: u64, text: &str) -> Segment {
    let span = TimeSpan::new(Millis(start), Millis(end));
    Segment {
        channel: ChannelIndex(channel),
        span,
        text: text.to_owned(),
        words: Vec::new(),
        confidence: 0.9,
    }
}

pub(super) fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript { segments, ..Transcript::default() }
}

pub(super) fn profile(channels: &[u16], duration: Millis) -> AudioProfile {
    let channel = |index: &u16| ChannelProfile {
        channel: ChannelIndex(*index),
        rms_dbfs: -25.0,
        peak_dbfs: -3.0,
        clipped: 0.0,
        silent: false,
        envelope_dbfs: vec![-25; usize::try_from(duration.0 / 100).unwrap_or(0)],
    };
    AudioProfile {
        container: "wav".to_owned(),
        codec: "pcm_alaw".to_owned(),
        rate_hz: 8_000,
        num_channels: u16::try_from(channels.len()).unwrap_or(u16::MAX),
        duration,
        layout: if channels.len() == 2 { ChannelLayout::Stereo } else { ChannelLayout::Mono },
        channels: channels.iter().map(channel).collect(),
        warnings: Vec::new(),
    }
}

/// A call of two separated channels, one segment each `(channel, start, end, text)`.
fn call(said: &[(u16, u64, u64, &str)], metadata: &CallMetadata) -> Dialogue {
    let segments = said.iter().map(|(channel, start, end, text)| segment(*channel, *start, *end, text));
    let audio = profile(&[0, 1], Millis(60_000));
    build(&transcript(segments.collect()), None, &audio, metadata, &DialogueConfig::default())
}

fn roles(dialogue: &Dialogue) -> Vec<SpeakerRole> {
    dialogue.turns.iter().map(|turn| turn.role).collect()
}

const GREETING: &str = "您好，工号8023很高兴为您服务，请问有什么可以帮您？";

#[test]
fn an_opening_phrase_tells_who_the_agent_is() {
    let said = [(1, 0, 4_000, GREETING), (0, 4_500, 7_000, "我想查一下我的信用卡账单")];
    let dialogue = call(&said, &CallMetadata::default());
    assert_eq!(roles(&dialogue), [SpeakerRole::Agent, SpeakerRole::Customer]);
    assert_eq!(dialogue.role_source, RoleSource::Evidence);
    assert!(dialogue.role_confidence > 0.9, "{}", dialogue.role_confidence);
}

#[test]
fn swapped_roles_are_kept_as_declared_but_lose_their_confidence() {
    let said = [(1, 0, 4_000, GREETING), (0, 4_500, 7_000, "我想查一下我的信用卡账单")];
    let mut metadata = CallMetadata::default();
    metadata.channel_roles.insert(ChannelIndex(0), SpeakerRole::Agent);
    let swapped = call(&said, &metadata);
    assert_eq!(roles(&swapped), [SpeakerRole::Customer, SpeakerRole::Agent]);
    assert_eq!(swapped.role_source, RoleSource::Metadata);
    assert!(swapped.role_confidence < 0.2, "{}", swapped.role_confidence);

    metadata.channel_roles.insert(ChannelIndex(0), SpeakerRole::Customer);
    let right = call(&said, &metadata);
    assert_eq!(roles(&right), [SpeakerRole::Agent, SpeakerRole::Customer], "the other one is inferred");
    assert_eq!(right.role_confidence, 1.0);
}

#[test]
fn without_evidence_roles_stay_unknown() {
    let said = [(0, 0, 2_000, "您好"), (1, 2_500, 4_000, "您好"), (0, 4_500, 6_000, "那就这样吧")];
    let dialogue = call(&said, &CallMetadata::default());
    assert!(roles(&dialogue).iter().all(|role| *role == SpeakerRole::Unknown));
    assert_eq!((dialogue.role_source, dialogue.role_confidence), (RoleSource::Unknown, 0.0));
    assert_eq!(dialogue.timing.agent_talk, Millis::ZERO);
}

#[test]
fn the_same_mix_on_both_channels_has_no_roles_and_no_overlaps() {
    let mut metadata = CallMetadata::default();
    metadata.channel_roles.insert(ChannelIndex(0), SpeakerRole::Agent);
    metadata.channel_roles.insert(ChannelIndex(1), SpeakerRole::Customer);
    let audio = AudioProfile { layout: ChannelLayout::DualMono, ..profile(&[0, 1], Millis(20_000)) };
    let said = transcript(vec![segment(0, 0, 3_000, GREETING), segment(0, 4_000, 6_000, "我要投诉")]);
    let dialogue = build(&said, None, &audio, &metadata, &DialogueConfig::default());
    assert_eq!(dialogue.layout, Some(ChannelLayout::DualMono));
    assert_eq!(roles(&dialogue), [SpeakerRole::Unknown, SpeakerRole::Unknown]);
    assert_eq!(dialogue.role_source, RoleSource::Unknown);
    assert!(dialogue.timing.overlaps.is_empty());
}

#[test]
fn a_mono_recording_of_one_side_may_be_declared_and_a_mix_may_not() {
    let said = transcript(vec![segment(0, 0, 3_000, GREETING)]);
    let mut metadata = CallMetadata::default();
    metadata.channel_roles.insert(ChannelIndex(0), SpeakerRole::Agent);
    let audio = profile(&[0], Millis(5_000));
    let one_side = build(&said, None, &audio, &metadata, &DialogueConfig::default());
    assert_eq!(roles(&one_side), [SpeakerRole::Agent]);
    metadata.channel_roles.insert(ChannelIndex(1), SpeakerRole::Customer);
    let mix = build(&said, None, &audio, &metadata, &DialogueConfig::default());
    assert_eq!(roles(&mix), [SpeakerRole::Unknown]);
}

#[test]
fn speech_that_could_not_be_made_out_is_no_silence() {
    let audio = profile(&[0, 1], Millis(20_000));
    let mut said = transcript(vec![segment(0, 12_000, 16_000, GREETING)]);
    let span = TimeSpan::new(Millis(500), Millis(9_000));
    said.unheard.push(Unheard { channel: ChannelIndex(0), span, reason: "speech.loop".to_owned() });
    let dialogue = build(&said, None, &audio, &CallMetadata::default(), &DialogueConfig::default());
    let gaps: Vec<_> = dialogue.timing.gaps.iter().map(|gap| (gap.span.start.0, gap.span.end.0)).collect();
    assert_eq!(gaps, [(9_000, 12_000), (16_000, 20_000)]);
    assert_eq!(dialogue.timing.silence, Millis(7_500));
    assert_eq!(dialogue.unheard.len(), 1);
}

#[test]
fn a_silent_channel_is_reported_and_the_other_keeps_its_role() {
    let mut audio = profile(&[0, 1], Millis(20_000));
    audio.channels[1].silent = true;
    let said = transcript(vec![segment(0, 1_000, 5_000, GREETING)]);
    let dialogue = build(&said, None, &audio, &CallMetadata::default(), &DialogueConfig::default());
    assert_eq!(dialogue.silent_channels, [ChannelIndex(1)]);
    assert_eq!(roles(&dialogue), [SpeakerRole::Agent]);
    assert_eq!(dialogue.timing.silence, Millis(16_000));
}

#[test]
fn a_call_in_which_nobody_speaks_is_one_gap() {
    let dialogue = call(&[], &CallMetadata::default());
    assert!(dialogue.turns.is_empty());
    let whole = TimeSpan::new(Millis::ZERO, Millis(60_000));
    assert_eq!(dialogue.timing.gaps, [Gap { span: whole, turn_before: None, turn_after: None }]);
    assert_eq!(dialogue.timing.silence, Millis(60_000));
}

#[test]
fn a_voice_menu_on_the_agents_channel_is_not_the_agent() {
    let mut metadata = CallMetadata::default();
    metadata.channel_roles.insert(ChannelIndex(0), SpeakerRole::Agent);
    let said = [
        (0, 0, 3_000, "欢迎致电某某银行，"),
        (0, 4_000, 9_000, "个人业务请按1，公司业务请按2，人工服务请按0"),
        (0, 12_000, 15_000, GREETING),
        (1, 15_500, 18_000, "我要办一张卡"),
    ];
    for metadata in [CallMetadata::default(), metadata] {
        let dialogue = call(&said, &metadata);
        assert_eq!(roles(&dialogue), [SpeakerRole::Bot, SpeakerRole::Agent, SpeakerRole::Customer]);
        assert_eq!(dialogue.turns[1].text, GREETING);
        assert_eq!(dialogue.timing.agent_talk, Millis(3_000));
    }
}

#[test]
fn a_channel_that_holds_nothing_but_a_menu_is_a_bot() {
    let said = [
        (0, 0, 6_000, "查询余额请按1，挂失请按2，重听请按星号键"),
        (1, 7_000, 9_000, "转人工啊"),
        (0, 10_000, 14_000, "座席全忙，请稍候"),
    ];
    let dialogue = call(&said, &CallMetadata::default());
    assert_eq!(dialogue.turns[0].role, SpeakerRole::Bot);
    assert_eq!(dialogue.turns[2].role, SpeakerRole::Bot);
    assert_ne!(dialogue.turns[1].role, SpeakerRole::Agent);
}

#[test]
fn a_customer_who_quotes_the_agent_stays_the_customer() {
    let said = [
        (0, 0, 4_000, "你们客服上次说很高兴为您服务，还说有什么可以帮您，结果我的卡还是被扣钱了"),
        (1, 4_500, 8_000, "这里是某某银行客服中心，请您稍等，我帮您查询一下"),
    ];
    let dialogue = call(&said, &CallMetadata::default());
    assert_eq!(roles(&dialogue), [SpeakerRole::Customer, SpeakerRole::Agent]);
}

#[test]
fn the_declared_job_number_points_at_the_agent() {
    let said = [(0, 0, 2_000, "喂您好"), (1, 2_500, 5_000, "您好我是803377")];
    let metadata = CallMetadata { agent_id: Some("803377".to_owned()), ..CallMetadata::default() };
    assert_eq!(roles(&call(&said, &metadata)), [SpeakerRole::Customer, SpeakerRole::Agent]);
}

#[test]
fn an_interruption_says_who_over_whom_and_since_when() {
    let said = [(0, 1_000, 6_000, "这个产品的收益是这样计算的"), (1, 4_000, 8_000, "我不想听这个，别说了")];
    let dialogue = call(&said, &CallMetadata::default());
    let overlap = Overlap {
        span: TimeSpan::new(Millis(4_000), Millis(6_000)),
        turn: 0,
        interrupting_turn: 1,
        spoken_before: Millis(3_000),
        num_chars: 9,
    };
    assert_eq!(dialogue.timing.overlaps, [overlap]);
}

#[test]
fn gaps_name_the_turns_around_them_and_include_both_ends() {
    let said = [(0, 2_000, 4_000, "请稍等"), (0, 20_000, 22_000, "查到了"), (1, 22_500, 58_000, "好")];
    let gaps = call(&said, &CallMetadata::default()).timing.gaps;
    let facts: Vec<_> =
        gaps.iter().map(|gap| (gap.span.start.0, gap.span.end.0, gap.turn_before, gap.turn_after)).collect();
    let expected =
        [(0, 2_000, None, Some(0)), (4_000, 20_000, Some(0), Some(0)), (58_000, 60_000, Some(1), None)];
    assert_eq!(facts, expected);
}

#[test]
fn an_outbound_call_is_told_apart_too() {
    let said = [
        (0, 0, 1_000, "喂，你好。"),
        (1, 1_300, 6_000, "您好，请问是张先生吗？我是某某银行的小李，工号六六八"),
        (0, 6_300, 9_000, "是的，我不需要理财，我是来找你们经理投诉的"),
    ];
    let expected = [SpeakerRole::Customer, SpeakerRole::Agent, SpeakerRole::Customer];
    assert_eq!(roles(&call(&said, &CallMetadata::default())), expected);
}
