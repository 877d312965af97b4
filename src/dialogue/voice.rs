//! Gives the words of one channel to its two voices, word by word, and cuts utterances where the voice changes.
//!
//! The sound decides; text only says where a change is likely: at a pause or a punctuation mark, and after a question. The
//! recogniser's word times are off by up to 0.2 s, so without that a border would cut a word off its sentence.
//!
//! **Invariant**: every word is in exactly one piece of its utterance, in order; what is not sure has no speaker.

use crate::speaker::Voices;
use crate::types::ChannelIndex;

use super::DialogueConfig;
use super::utterance::Stretch;
use crate::speech::Word;
use crate::types::Millis;

/// Somebody who talks: a channel, or one of the voices on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Party {
    pub(super) channel: ChannelIndex,
    /// The voice, from 0; `None` where the channel has one, or nobody can tell.
    pub(super) speaker: Option<u16>,
}

/// Whose voice an utterance is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Voice {
    /// From 0; `None` where the channel has one voice, or nobody can tell.
    pub(super) speaker: Option<u16>,
    /// How sure the likeliest voice is, 0 to 1; `None` where voices were not told apart.
    pub(super) confidence: Option<f32>,
}

impl Voice {
    /// Mean confidence of `stretches` by words; `None` where voices were not told apart.
    pub(super) fn mean(stretches: &[Stretch]) -> Option<f32> {
        let (mut sum, mut count) = (0.0, 0);
        for stretch in stretches {
            sum += stretch.voice.confidence? * stretch.words.len() as f32;
            count += stretch.words.len();
        }
        (count > 0).then(|| sum / count as f32)
    }
}

/// A gap from this length on between two words is a place where the speaker may change.
const PAUSE: Millis = Millis(120);
/// Chance that the speaker changes inside a phrase, at a mark or a pause, and after a question.
const CHANGE: [f32; 3] = [0.005, 0.2, 0.4];
/// No word is surer than this by its sound alone.
const MOST: f32 = 0.98;

/// Cuts `stretches` where the voice changes, and names the voice of each piece.
pub(super) fn tell_apart(stretches: Vec<Stretch>, voices: &Voices, config: &DialogueConfig) -> Vec<Stretch> {
    let mut pieces = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let first = first_shares(&stretch.words, voices);
        let mut open: Option<(bool, f32, Stretch)> = None;
        for (word, share) in stretch.words.iter().zip(first) {
            let (is_first, sure) = (share >= 0.5, share.max(1.0 - share));
            match &mut open {
                Some((who, sum, piece)) if *who == is_first => {
                    *sum += sure;
                    piece.span = piece.span.union(word.span);
                    piece.words.push(word.clone());
                }
                Some(_) | None => {
                    let piece =
                        Stretch { span: word.span, words: vec![word.clone()], ..stretch.without_words() };
                    pieces.extend(open.replace((is_first, sure, piece)).map(|open| named(open, config)));
                }
            }
        }
        pieces.extend(open.map(|open| named(open, config)));
    }
    pieces
}

fn named((is_first, sum, mut piece): (bool, f32, Stretch), config: &DialogueConfig) -> Stretch {
    let confidence = sum / piece.words.len().max(1) as f32;
    let speaker = (confidence >= config.min_speaker_confidence).then_some(u16::from(!is_first));
    piece.voice = Voice { speaker, confidence: Some(confidence) };
    piece
}

/// How likely each word is the first voice's: by its sound, and by how likely the voice changes before it.
fn first_shares(words: &[Word], voices: &Voices) -> Vec<f32> {
    let heard: Vec<f32> =
        words.iter().map(|word| voices.first_share(word.span).clamp(1.0 - MOST, MOST)).collect();
    let mut changes = vec![0.5];
    changes.extend(
        words.windows(2).map(|pair| if let [before, after] = pair { change(before, after) } else { 0.5 }),
    );
    let mut shares = Vec::with_capacity(words.len());
    let mut forward = 0.5;
    for (heard, change) in heard.iter().zip(&changes) {
        let before = forward * (1.0 - change) + (1.0 - forward) * change;
        forward = both(before, *heard);
        shares.push(forward);
    }
    let mut backward = 0.5;
    for ((share, heard), change) in shares.iter_mut().zip(&heard).zip(&changes).rev() {
        *share = both(*share, backward);
        let here = both(backward, *heard);
        backward = here * (1.0 - change) + (1.0 - here) * change;
    }
    shares
}

/// The chance of something for which two independent witnesses give their chances.
fn both(a: f32, b: f32) -> f32 {
    let (yes, no) = (a * b, (1.0 - a) * (1.0 - b));
    yes / (yes + no).max(f32::MIN_POSITIVE)
}

fn change(before: &Word, after: &Word) -> f32 {
    let [inside, at_mark, after_question] = CHANGE;
    let last = before.text.trim_end().chars().next_back();
    if last.is_some_and(|c| matches!(c, '？' | '?')) {
        after_question
    } else if last.is_some_and(|c| !c.is_alphanumeric()) || after.span.start - before.span.end >= PAUSE {
        at_mark
    } else {
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::ChannelLayout;
    use crate::dialogue::tests::{profile, segment_of, transcript, word};
    use crate::dialogue::{Dialogue, build};
    use crate::types::{CallMetadata, RoleSource, SpeakerRole};

    /// A second of each voice in turn, from `shares` of the first.
    fn voices(shares: &[f32], sure: bool) -> Voices {
        Voices::scripted(shares.iter().flat_map(|share| std::iter::repeat_n(*share, 50)).collect(), sure)
    }

    /// A character each 250 ms from `start`.
    fn said(start: u64, text: &str) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        for c in text.chars() {
            let at = start + 250 * words.len() as u64;
            match words.last_mut().filter(|_| !c.is_alphanumeric()) {
                Some(last) => last.text.push(c),
                None => words.push(word(&c.to_string(), at, at + 250)),
            }
        }
        words
    }

    fn dialogue(words: Vec<Word>, voices: &Voices, metadata: &CallMetadata) -> Dialogue {
        let audio = profile(&[0], Millis(30_000));
        build(
            &transcript(vec![segment_of(0, words)]),
            Some(voices),
            &audio,
            metadata,
            &DialogueConfig::default(),
        )
    }

    fn turns(dialogue: &Dialogue) -> Vec<(Option<u16>, &str)> {
        dialogue.turns.iter().map(|turn| (turn.speaker, turn.text.as_str())).collect()
    }

    #[test]
    fn a_short_answer_goes_to_whoever_gives_it() {
        let words = said(0, "您是本人吗？嗯好的。请稍等");
        // The sound changes one word late: the question mark is where the voice really changed.
        let mut shares = vec![1.0; 63];
        shares.extend([0.0; 37]);
        shares.extend([1.0; 200]);
        // What the voices say later makes each somebody.
        shares.extend([0.0; 300]);
        let found = dialogue(words, &Voices::scripted(shares, true), &CallMetadata::default());
        assert_eq!(turns(&found), [(Some(0), "您是本人吗？"), (Some(1), "嗯好的。"), (Some(0), "请稍等")]);
        assert!(found.timing.overlaps.is_empty());
        assert_eq!(found.layout, Some(ChannelLayout::Mono));
    }

    #[test]
    fn roles_are_found_for_voices_and_doubtful_words_have_none() {
        let mut words = said(0, "您好，工号八零二三很高兴为您服务。");
        words.extend(said(4_500, "我想查一下我的信用卡账单。"));
        words.extend(said(9_000, "保本保息"));
        let shares = [0.99, 0.99, 0.99, 0.99, 0.01, 0.01, 0.01, 0.01, 0.01, 0.55, 0.5];
        let found = dialogue(words, &voices(&shares, true), &CallMetadata::default());
        let roles: Vec<_> = found.turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [SpeakerRole::Agent, SpeakerRole::Customer, SpeakerRole::Unknown]);
        assert_eq!(found.role_source, RoleSource::Voices);
        let separation = found.separation.expect("one was made");
        assert!(separation.separated && found.role_confidence <= separation.confidence);
        assert!(found.turns[2].speaker_confidence.is_some_and(|confidence| confidence < 0.7));
    }

    #[test]
    fn what_is_not_believed_changes_nothing_and_says_why() {
        let words = || said(0, "您好，工号八零二三很高兴为您服务。我想查一下我的信用卡账单。");
        let shares = [0.99, 0.99, 0.99, 0.99, 0.01, 0.01, 0.01, 0.01];
        let one = CallMetadata { num_speakers: Some(1), ..CallMetadata::default() };
        let three = CallMetadata { num_speakers: Some(3), ..CallMetadata::default() };
        let default = CallMetadata::default();
        for (metadata, sure, why) in
            [(&default, false, "unsure"), (&one, true, "one_speaker"), (&three, true, "many_speakers")]
        {
            let found = dialogue(words(), &voices(&shares, sure), metadata);
            assert!(
                found.turns.iter().all(|turn| turn.speaker.is_none() && turn.role == SpeakerRole::Unknown)
            );
            assert_eq!(found.turns.len(), 1, "{why}");
            assert_eq!(found.role_source, RoleSource::Unknown);
            let separation = found.separation.expect("it says why");
            assert_eq!((separation.separated, separation.reason.as_deref()), (false, Some(why)));
        }
    }
}
