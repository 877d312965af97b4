//! Results are masked, come back whole, and stay masked whatever is told of their calls later.

use super::*;
use crate::analysis::{RuleSet, dialogue_of};
use crate::audio::ChannelLayout;
use crate::dialogue::{DialogueConfig, Utterance, relabel};
use crate::ingest::{CallState, Origin, Recording};
use crate::masking::MaskKind;
use crate::pipeline::judge;
use crate::speech::Word;
use crate::types::{AudioDeclaration, ChannelIndex, ContentHash, Millis, SpeakerRole, TimeSpan};

fn record(id: &str) -> CallRecord {
    CallRecord {
        id: CallId::try_new(id).expect("a valid id"),
        metadata: CallMetadata { customer_name: Some("陈大文".to_owned()), ..CallMetadata::default() },
        recording: Recording {
            hash: ContentHash::new([0; 32]),
            num_bytes: 0,
            declaration: AudioDeclaration::default(),
        },
        received_at: jiff::Timestamp::UNIX_EPOCH,
        state: CallState::Done,
        num_attempts: 1,
        duration: None,
        origin: Origin::Upload,
    }
}

/// A call judged by the bank pack, not masked yet.
fn judged() -> CallResult {
    let turns = ["客服: 陈大文您好，您的手机是13912345678吗，这款产品保本保息", "客户: 对，验证码是472981"];
    let dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
    let analysis = RuleSet::bank().evaluate(&dialogue, &CallMetadata::default());
    let (parts, masking) = (Vec::new(), Masking::default());
    CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking }
}

fn privacy(config: &MaskingConfig) -> (tempfile::TempDir, Privacy) {
    let folder = tempfile::tempdir().expect("a folder");
    let privacy = Privacy::open(config, folder.path()).expect("a key is made");
    (folder, privacy)
}

#[test]
fn a_result_is_masked_in_every_text_and_comes_back_whole() {
    let (_folder, privacy) = privacy(&MaskingConfig::default());
    let (before, record) = (judged(), record("c1"));
    assert!(format!("{before:?}").contains("13912345678"));
    let masked = privacy.mask(before.clone(), &record).expect("it is masked");
    // What is sealed is digits by chance too.
    let mut shown = masked.clone();
    shown.masking.sealed = None;
    let text = serde_json::to_string(&shown).expect("it is JSON");
    for secret in ["91234", "472981", "大文"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(masked.masking.masked && masked.masking.sealed.is_some());
    assert_eq!(privacy.unseal(&masked, &record).expect("it opens"), before.dialogue);
    assert_eq!(privacy.mask(masked.clone(), &record).expect("once is enough"), masked);
}

#[test]
fn judging_again_sees_what_was_said() {
    let (_folder, privacy) = privacy(&MaskingConfig::default());
    let (before, record) = (judged(), record("c1"));
    let masked = privacy.mask(before.clone(), &record).expect("it is masked");
    let again = privacy.judge_again(masked.clone(), &record, |dialogue, _| {
        assert_eq!(*dialogue, before.dialogue);
        let analysis = RuleSet::bank().evaluate(dialogue, &CallMetadata::default());
        Judgement { analysis, parts: Vec::new() }
    });
    let again = again.expect("it is judged");
    assert_eq!((&again.dialogue, &again.analysis), (&masked.dialogue, &masked.analysis));
    assert_eq!(again.masking.spans, masked.masking.spans);
}

#[test]
fn without_the_original_the_masked_text_is_judged() {
    let (_folder, privacy) = privacy(&MaskingConfig { keep_original: false, ..MaskingConfig::default() });
    let record = record("c1");
    let masked = privacy.mask(judged(), &record).expect("it is masked");
    assert!(matches!(privacy.unseal(&masked, &record), Err(MaskingError::NotKept)));
    let again = privacy.judge_again(masked.clone(), &record, |dialogue, _| {
        assert_eq!(*dialogue, masked.dialogue);
        let analysis = RuleSet::bank().evaluate(dialogue, &CallMetadata::default());
        Judgement { analysis, parts: Vec::new() }
    });
    assert_eq!(again.expect("it is judged").masking, masked.masking);
}

#[test]
fn the_customers_name_is_kept_sealed_with_the_record() {
    let (_folder, privacy) = privacy(&MaskingConfig::default());
    let mut record = record("c1");
    let whole = record.metadata.clone();
    record.metadata = privacy.seal_name(whole.clone(), &record.id, record.received_at).expect("it is sealed");
    assert_eq!(record.metadata.customer_name.as_deref(), Some("陈**"));
    assert!(!format!("{record:?}").contains("大文"));
    assert_eq!(privacy.metadata(&record).expect("it opens"), whole);
}

/// A judged call of two channels: one word for each character, 100 ms each, one turn after another.
fn spoken(turns: &[(u16, &str)]) -> CallResult {
    let mut clock = 0;
    let turn = |(index, (channel, text)): (usize, &(u16, &str))| {
        let from = clock;
        let word = |char: char| {
            clock += 100;
            let span = TimeSpan::new(Millis(clock - 100), Millis(clock));
            Word { text: char.to_string(), span, confidence: 1.0 }
        };
        let words: Vec<Word> = text.chars().map(word).collect();
        let (num, span) = (words.len() as u32, TimeSpan::new(Millis(from), Millis(clock)));
        let utterance = Utterance {
            span,
            word_from: 0,
            word_to: num,
            char_from: 0,
            char_to: num,
            chars_per_min: None,
            loudness_dbfs: None,
        };
        Turn {
            index: index as u32,
            channel: ChannelIndex(*channel),
            span: Some(span),
            text: (*text).to_owned(),
            words,
            utterances: vec![utterance],
            ..Turn::default()
        }
    };
    let turns = turns.iter().enumerate().map(turn).collect();
    let mut dialogue = Dialogue { turns, layout: Some(ChannelLayout::Stereo), ..Dialogue::default() };
    dialogue.timing.duration = Millis(clock + 1_000);
    let dialogue = relabel(&dialogue, &roles(0), &DialogueConfig::default());
    let analysis = RuleSet::bank().evaluate(&dialogue, &roles(0));
    let (parts, masking) = (Vec::new(), Masking::default());
    CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking }
}

/// The agent is on `channel`.
fn roles(channel: u16) -> CallMetadata {
    let roles = [(channel, SpeakerRole::Agent), (1 - channel, SpeakerRole::Customer)];
    let channel_roles = roles.map(|(channel, role)| (ChannelIndex(channel), role)).into();
    CallMetadata { channel_roles, ..CallMetadata::default() }
}

fn told(privacy: &Privacy, result: &CallResult, metadata: CallMetadata) -> CallResult {
    let record = CallRecord { metadata, ..record("c1") };
    let config = DialogueConfig::default();
    let outcome = privacy.tell(
        result.clone(),
        &record,
        |said, metadata| relabel(said, metadata, &config),
        |dialogue, metadata| judge(dialogue, metadata, None, &RuleSet::bank(), &config),
    );
    outcome.expect("it is judged")
}

/// When something is hidden, in tenths of a second.
fn silent(result: &CallResult) -> Vec<(ChannelIndex, u64)> {
    let tenths = |span: &MaskedSpan| {
        let heard = span.span.expect("a time");
        (heard.start.0 / 100..heard.end.0 / 100).map(|tenth| (span.channel, tenth)).collect::<Vec<_>>()
    };
    let mut times: Vec<_> = result.masking.spans.iter().flat_map(tenths).collect();
    times.sort_unstable();
    times.dedup();
    times
}

fn assert_hidden(result: &CallResult) {
    // What is sealed is digits by chance too.
    let mut shown = result.clone();
    shown.masking.sealed = None;
    let text = serde_json::to_string(&shown).expect("it is JSON");
    for secret in ["13912345678", "1234", "472981"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for turn in &result.dialogue.turns {
        for (at, _) in turn.text.chars().enumerate().filter(|(_, char)| *char == HIDDEN) {
            let at = at as u32;
            let own = result.masking.spans.iter().filter(|span| span.turn == turn.index);
            assert_eq!(
                own.filter(|span| (span.char_from..span.char_to).contains(&at)).count(),
                1,
                "{turn:?}"
            );
        }
    }
}

const CALL: [(u16, &str); 3] =
    [(0, "您好请问您的手机号是多少"), (1, "手机号是13912345678"), (0, "这款产品保本保息验证码是472981吗")];

/// The menu ends within the customer's number, so its turn becomes two.
fn in_the_number() -> CallMetadata {
    CallMetadata { ivr_end: Some(Millis(2_200)), ..roles(0) }
}

#[test]
fn without_the_original_late_metadata_leaves_hidden_what_is() {
    let (_folder, privacy) = privacy(&MaskingConfig { keep_original: false, ..MaskingConfig::default() });
    let before = privacy.mask(spoken(&CALL), &record("c1")).expect("it is masked");
    assert_hidden(&before);
    for metadata in [roles(0), roles(1), in_the_number(), CallMetadata::default()] {
        let after = told(&privacy, &before, metadata);
        assert_hidden(&after);
        assert_eq!(silent(&after), silent(&before));
        let kinds = |result: &CallResult| -> std::collections::BTreeSet<MaskKind> {
            result.masking.spans.iter().map(|span| span.kind).collect()
        };
        assert_eq!(kinds(&after), kinds(&before));
        assert!(after.masking.masked && after.masking.sealed.is_none());
        assert!(matches!(privacy.unseal(&after, &record("c1")), Err(MaskingError::NotKept)));
    }
    let parted = told(&privacy, &before, in_the_number());
    assert_ne!(parted.dialogue.turns.len(), before.dialogue.turns.len());
    assert_eq!(told(&privacy, &parted, roles(0)).dialogue.turns, before.dialogue.turns);
    assert_eq!(told(&privacy, &parted, roles(0)).masking, before.masking);
}

#[test]
fn what_another_key_sealed_stays_sealed() {
    let config = MaskingConfig::default();
    let ((_first, old), (_second, new)) = (privacy(&config), privacy(&config));
    let whole = spoken(&CALL);
    let before = old.mask(whole.clone(), &record("c1")).expect("it is masked");
    // Turns that stay can be told anew; turns that would not take back what is sealed are left.
    let swapped = told(&new, &before, roles(1));
    assert_eq!(swapped.dialogue.turns[0].role, SpeakerRole::Customer);
    let left = told(&new, &before, in_the_number());
    assert_eq!(left.dialogue, before.dialogue);
    for after in [swapped, left] {
        assert_hidden(&after);
        assert_eq!((&after.masking.sealed, silent(&after)), (&before.masking.sealed, silent(&before)));
        let back = old.unseal(&after, &record("c1")).expect("it opens");
        assert!(
            back.turns.iter().map(|turn| &turn.text).eq(whole.dialogue.turns.iter().map(|turn| &turn.text))
        );
    }
}

#[test]
fn originals_outlive_late_metadata() {
    let (folder, privacy) = privacy(&MaskingConfig::default());
    let whole = spoken(&CALL);
    let before = privacy.mask(whole.clone(), &record("c1")).expect("it is masked");
    let keeps_none = MaskingConfig { keep_original: false, ..MaskingConfig::default() };
    let keeps_none = Privacy::open(&keeps_none, folder.path()).expect("the key is there");
    for privacy in [&privacy, &keeps_none] {
        let after = told(privacy, &before, in_the_number());
        assert_hidden(&after);
        let expected = relabel(&whole.dialogue, &in_the_number(), &DialogueConfig::default());
        assert_eq!(privacy.unseal(&after, &record("c1")).expect("it opens"), expected);
    }
}

#[test]
fn what_a_late_hold_takes_away_stays_silent() {
    for keep_original in [true, false] {
        let (_folder, privacy) = privacy(&MaskingConfig { keep_original, ..MaskingConfig::default() });
        let before = privacy.mask(spoken(&CALL), &record("c1")).expect("it is masked");
        let hold = TimeSpan::new(Millis(1_200), Millis(2_800));
        let held = CallMetadata { holds: vec![hold], ..roles(0) };
        let after = told(&privacy, &before, held.clone());
        assert!(!after.dialogue.turns.iter().any(|turn| turn.text.contains("139")));
        assert_hidden(&after);
        assert_eq!(silent(&after), silent(&before));
        assert_eq!(silent(&told(&privacy, &after, held)), silent(&before));
    }
}

#[test]
fn a_name_that_is_told_late_is_hidden_from_then_on() {
    let (_folder, privacy) = privacy(&MaskingConfig { keep_original: false, ..MaskingConfig::default() });
    let call = [(0, "您好手机号是13912345678吗"), (1, "是的巴特尔在")];
    let before = privacy.mask(spoken(&call), &record("c1")).expect("it is masked");
    assert!(before.dialogue.turns[1].text.contains("巴特尔"));
    let named = CallMetadata { customer_name: Some("巴特尔".to_owned()), ..roles(0) };
    let after = told(&privacy, &before, named);
    assert_eq!(after.dialogue.turns[1].text, "是的巴**在");
    assert_hidden(&after);
    let items: Vec<u32> = after.masking.spans.iter().map(|span| span.item).collect();
    assert!(items[0] != items[1], "{items:?}");
}

#[test]
fn a_short_name_is_hidden_in_explanations_with_its_family_name() {
    let mut result = spoken(&[(0, "请问是陈大文先生吗"), (1, "我叫王芳他是我爱人")]);
    result.analysis.findings.truncate(1);
    result.analysis.findings[0].explanation = "客户陈大文，另见王芳；文大概不变".to_owned();
    let masked = mask(&Masker::new(&MaskingConfig::default()), result, &roles(0)).0;
    assert_eq!(masked.dialogue.turns[0].text, "请问是陈**先生吗");
    assert_eq!(masked.dialogue.turns[1].text, "我叫王*他是我爱人");
    assert_eq!(masked.analysis.findings[0].explanation, "客户陈**，另见王*；文大概不变");
}
