//! Late metadata gives the same dialogue as metadata that came with the call.

use proptest::prelude::*;

use super::*;
use crate::dialogue::build;
use crate::dialogue::properties::transcripts;
use crate::dialogue::tests::{profile, segment, transcript};
use crate::speech::Transcript;
use crate::types::TimeSpan;

const DURATION: Millis = Millis(40_000);

fn built(transcript: &Transcript, layout: ChannelLayout, metadata: &CallMetadata) -> Dialogue {
    let audio = crate::audio::AudioProfile { layout, ..profile(&[0, 1], DURATION) };
    build(transcript, None, &audio, metadata, &DialogueConfig::default())
}

/// What rules see of the turns.
fn seen(dialogue: &Dialogue) -> Vec<(SpeakerRole, ChannelIndex, Option<TimeSpan>, String)> {
    dialogue.turns.iter().map(|turn| (turn.role, turn.channel, turn.span, turn.text.clone())).collect()
}

/// Loudness is kept by the energy of utterances, so its last digits may change.
fn without_loudness(mut dialogue: Dialogue) -> Dialogue {
    for turn in &mut dialogue.turns {
        assert!(turn.loudness_dbfs.is_none_or(|level| (level + 25.0).abs() < 0.01));
        turn.loudness_dbfs = None;
        for utterance in &mut turn.utterances {
            utterance.loudness_dbfs = None;
        }
    }
    dialogue
}

fn late(metadata: &CallMetadata, dialogue: &Dialogue) -> Dialogue {
    relabel(dialogue, metadata, &DialogueConfig::default())
}

/// Declared roles, the end of the menu, and holds.
fn metadata() -> impl Strategy<Value = CallMetadata> {
    let role = prop::sample::select(vec![SpeakerRole::Agent, SpeakerRole::Customer, SpeakerRole::Unknown]);
    let roles = prop::collection::btree_map((0..2_u16).prop_map(ChannelIndex), role, 0..3);
    let menu_end = prop::option::of((0..40_000_u64).prop_map(Millis));
    let holds = prop::collection::vec((1..9_000_u64, 1..6_000_u64), 0..3).prop_map(|lengths| {
        let mut at = 0;
        let hold = |(pause, length): (u64, u64)| {
            let start = at + pause;
            at = start + length;
            TimeSpan::new(Millis(start), Millis(at))
        };
        lengths.into_iter().map(hold).collect::<Vec<_>>()
    });
    (roles, menu_end, holds).prop_map(|(channel_roles, ivr_end, holds)| CallMetadata {
        channel_roles,
        ivr_end,
        holds,
        ..CallMetadata::default()
    })
}

proptest! {
    #[test]
    fn late_roles_and_menus_make_what_early_ones_make(
        transcript in transcripts(),
        before in metadata(),
        after in metadata(),
        layout in prop::sample::select(vec![ChannelLayout::Stereo, ChannelLayout::DualMono]),
    ) {
        let before = CallMetadata { holds: Vec::new(), ..before };
        let told = built(&transcript, layout, &after);
        let updated = late(&after, &built(&transcript, layout, &before));
        prop_assert_eq!(seen(&updated), seen(&told));
        prop_assert_eq!(updated.role_source, told.role_source);
        prop_assert_eq!(&updated.timing, &told.timing);
        prop_assert_eq!(&without_loudness(late(&after, &updated)), &without_loudness(updated));
        prop_assert_eq!(without_loudness(late(&after, &told)), without_loudness(told));
    }

    #[test]
    fn nothing_is_said_in_a_hold_and_the_time_adds_up(
        transcript in transcripts(), metadata in metadata(),
    ) {
        let dialogue = built(&transcript, ChannelLayout::Stereo, &metadata);
        for word in dialogue.turns.iter().flat_map(|turn| &turn.words) {
            for hold in &metadata.holds {
                prop_assert_eq!(word.span.overlap(*hold), Millis::ZERO);
                prop_assert!(word.span.start < hold.start || word.span.start >= hold.end);
            }
        }
        for utterance in dialogue.turns.iter().flat_map(|turn| &turn.utterances) {
            for hold in &metadata.holds {
                prop_assert_eq!(utterance.span.overlap(*hold), Millis::ZERO);
            }
        }
        let early = |turn: &&Turn| {
            metadata.ivr_end.is_some_and(|end| turn.span.is_some_and(|span| span.start < end))
        };
        for turn in dialogue.turns.iter().filter(early) {
            prop_assert!(matches!(turn.role, SpeakerRole::Customer | SpeakerRole::Bot));
        }
        let menu_end = metadata.ivr_end.unwrap_or_default();
        let quiet = (menu_end.0.min(DURATION.0)..DURATION.0).filter(|time| {
            let at = TimeSpan::new(Millis(*time), Millis(time + 1));
            let said = dialogue.turns.iter().flat_map(|turn| &turn.utterances);
            said.map(|one| one.span).chain(metadata.holds.iter().copied()).all(|span| span.overlap(at) == Millis::ZERO)
        });
        prop_assert_eq!(dialogue.timing.silence, Millis(quiet.count() as u64));
    }
}

#[test]
fn the_agent_begins_where_the_menu_ends() {
    let said = transcript(vec![
        segment(0, 0, 4_000, "欢迎致电某某银行为您转接人工"),
        segment(0, 5_000, 9_000, "您好工号8023很高兴为您服务"),
        segment(1, 9_500, 12_000, "我想查一下我的信用卡账单"),
    ]);
    let metadata = CallMetadata { ivr_end: Some(Millis(4_500)), ..CallMetadata::default() };
    let dialogue = built(&said, ChannelLayout::Stereo, &metadata);
    let roles: Vec<SpeakerRole> = dialogue.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [SpeakerRole::Bot, SpeakerRole::Agent, SpeakerRole::Customer]);
    assert_eq!(dialogue.timing.agent_talk, Millis(4_000));
    assert_eq!(dialogue.timing.opening, Millis(4_500));
}

#[test]
fn a_corrected_menu_gives_written_turns_back() {
    let turn = |index: u32, role, at: u64| {
        let span = Some(TimeSpan::new(Millis(at), Millis(at + 1_000)));
        Turn { index, role, span, text: "您好".to_owned(), ..Turn::default() }
    };
    let turns = vec![
        turn(0, SpeakerRole::Bot, 0),
        turn(1, SpeakerRole::Customer, 5_000),
        turn(2, SpeakerRole::Agent, 10_000),
        turn(3, SpeakerRole::Unknown, 20_000),
    ];
    let mut written = Dialogue { turns, ..Dialogue::default() };
    written.timing.duration = DURATION;
    let ending = |secs: Option<u64>| CallMetadata {
        ivr_end: secs.map(|secs| Millis(secs * 1_000)),
        ..CallMetadata::default()
    };
    let wrong = late(&ending(Some(60)), &written);
    assert!(wrong.turns.iter().all(|turn| matches!(turn.role, SpeakerRole::Bot | SpeakerRole::Customer)));
    // What is kept in between is kept by the store.
    let wrong: Dialogue =
        serde_json::from_str(&serde_json::to_string(&wrong).expect("it is JSON")).expect("it is a dialogue");
    for secs in [Some(6), Some(15), None] {
        assert_eq!(late(&ending(secs), &wrong), late(&ending(secs), &written));
    }
    assert_eq!(seen(&late(&ending(None), &wrong)), seen(&written));
}

#[test]
fn a_hold_is_neither_silence_nor_talk() {
    let said = transcript(vec![
        segment(0, 0, 4_000, "您好工号8023很高兴为您服务"),
        segment(0, 12_000, 14_000, "不是话是音乐"),
        segment(1, 30_000, 32_000, "好的谢谢"),
    ]);
    let hold = TimeSpan::new(Millis(5_000), Millis(29_000));
    let metadata = CallMetadata { holds: vec![hold], ..CallMetadata::default() };
    let dialogue = built(&said, ChannelLayout::Stereo, &metadata);
    assert_eq!(dialogue.turns.len(), 2);
    assert_eq!((dialogue.timing.hold, &dialogue.timing.holds), (Millis(24_000), &vec![hold]));
    assert_eq!(dialogue.timing.silence, Millis(40_000 - 4_000 - 2_000 - 24_000));
    assert!(dialogue.timing.gaps.iter().all(|gap| gap.span.overlap(hold) == Millis::ZERO));
}

#[test]
fn late_facts_keep_the_voices_that_the_audio_told_apart() {
    use crate::audio::AudioProfile;
    use crate::speaker::Voices;
    let said = transcript(vec![
        segment(0, 0, 4_000, "您好工号8023很高兴为您服务"),
        segment(0, 4_000, 8_000, "我想查一下我的信用卡账单"),
        segment(0, 9_000, 12_000, "好的我帮您查询请稍等"),
    ]);
    let shares: Vec<f32> =
        [1.0, 0.0, 1.0].into_iter().flat_map(|share| std::iter::repeat_n(share, 200)).collect();
    let voices = Voices::scripted(shares, true);
    let audio = AudioProfile { layout: ChannelLayout::Mono, ..profile(&[0], DURATION) };
    let config = DialogueConfig::default();
    let plain = CallMetadata::default();
    let menu = CallMetadata { ivr_end: Some(Millis(2_000)), ..CallMetadata::default() };
    let alone = CallMetadata { num_speakers: Some(1), ..CallMetadata::default() };
    let of = |metadata| build(&said, Some(&voices), &audio, metadata, &config);
    assert!(of(&plain).turns.len() > 1, "the voices are told apart");
    for (before, after) in [(&plain, &menu), (&menu, &plain), (&plain, &alone)] {
        let (updated, told) = (late(after, &of(before)), of(after));
        assert_eq!(seen(&updated), seen(&told));
        assert_eq!(updated.role_source, told.role_source);
        assert_eq!(late(after, &updated), updated);
    }
    // Nobody listened for voices, and nobody can any more.
    let again = late(&plain, &of(&alone));
    assert_eq!(again.separation.as_ref().and_then(|one| one.reason.as_deref()), Some("one_speaker"));
}
