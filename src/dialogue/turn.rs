//! Turns utterances into turns: everything one speaker says until another takes the floor.
//!
//! Who only chimes in does not take the floor: an utterance that lies wholly inside another speaker's utterance, or a
//! back-channel (嗯, 好的) after which the other goes on. It becomes a short turn of its own inside the other's turn.
//! Without separated channels nobody can tell who takes the floor, so each utterance is a turn.
//!
//! **Invariant**: turns of one speaker never overlap, because each holds consecutive utterances of its speaker.

use crate::speech::Word;
use crate::types::{Millis, SpeakerRole, TimeSpan};

use super::utterance::Stretch;
use super::voice::{Party, Voice};
use super::{DialogueConfig, MessageKind, Turn, Utterance};

/// What people say to show that they listen. Longest first, so that 好的 is not read as 好 and a rest.
const BACK_CHANNELS: [&str; 22] = [
    "知道了",
    "明白了",
    "没问题",
    "是的",
    "好的",
    "对的",
    "嗯嗯",
    "好嘞",
    "行的",
    "明白",
    "知道",
    "可以",
    "嗯",
    "哦",
    "噢",
    "啊",
    "诶",
    "唉",
    "对",
    "好",
    "是",
    "行",
];

/// More characters than this are not a back-channel, even when made of nothing else.
const MAX_BACK_CHANNEL_CHARS: usize = 4;

/// A turn with what is only needed while the dialogue is made.
#[derive(Debug, Clone)]
pub(super) struct OpenTurn {
    /// The turn.
    pub(super) turn: Turn,
    /// Whether a machine says it.
    pub(super) automatic: bool,
    /// Whether it lies before the declared end of the voice menu.
    pub(super) early: bool,
}

/// Groups `stretches`, which are ordered by start, into turns.
pub(super) fn build(stretches: Vec<Stretch>, separated: bool, config: &DialogueConfig) -> Vec<OpenTurn> {
    let groups = if separated {
        group(&stretches, config)
    } else {
        (0..stretches.len()).map(|index| vec![index]).collect()
    };
    let mut stretches: Vec<Option<Stretch>> = stretches.into_iter().map(Some).collect();
    let mut turns = Vec::with_capacity(groups.len());
    for group in groups {
        let members = group.into_iter().filter_map(|index| stretches.get_mut(index).and_then(Option::take));
        turns.extend(assemble(members.collect()));
    }
    turns.sort_by_key(|open| (open.turn.span, open.turn.channel, open.turn.speaker));
    for (index, open) in turns.iter_mut().enumerate() {
        open.turn.index = u32::try_from(index).unwrap_or(u32::MAX);
    }
    turns
}

/// Who holds the floor: a machine on the agent's channel is not the agent, nor is what is heard before the agent comes.
type Speaker = (Party, bool, bool);

fn speaker(stretch: &Stretch) -> Speaker {
    (stretch.party(), stretch.automatic, stretch.early)
}

/// Positions of the utterances of each turn.
fn group(stretches: &[Stretch], config: &DialogueConfig) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut floor: Option<(Speaker, usize)> = None;
    // The last turn that only chimed in, while nobody else has begun to speak.
    let mut aside: Option<(Speaker, usize)> = None;
    let containers = containers(stretches);
    for (index, stretch) in stretches.iter().enumerate() {
        let holder = floor.filter(|(holder, _)| *holder == speaker(stretch));
        let chimes_in = containers.get(index).copied().unwrap_or(false)
            || is_back_channel_between(stretches, index, config.hold_limit);
        if let Some((_, turn)) = holder {
            push(&mut groups, turn, index);
            aside = None;
        } else if chimes_in && floor.is_some() {
            match aside.filter(|(who, _)| *who == speaker(stretch)) {
                Some((_, turn)) => push(&mut groups, turn, index),
                None => {
                    aside = Some((speaker(stretch), groups.len()));
                    groups.push(vec![index]);
                }
            }
        } else {
            floor = Some((speaker(stretch), groups.len()));
            aside = None;
            groups.push(vec![index]);
        }
    }
    groups
}

fn push(groups: &mut [Vec<usize>], turn: usize, index: usize) {
    if let Some(group) = groups.get_mut(turn) {
        group.push(index);
    }
}

/// For each utterance, whether it lies wholly inside an earlier one of another speaker.
fn containers(stretches: &[Stretch]) -> Vec<bool> {
    // The latest end so far, per speaker; there are a handful of speakers.
    let mut ends: Vec<(Party, Millis)> = Vec::new();
    let mut contained = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let who = stretch.party();
        contained.push(ends.iter().any(|(other, end)| *other != who && stretch.span.end <= *end));
        match ends.iter_mut().find(|(other, _)| *other == who) {
            Some((_, end)) => *end = stretch.span.end.max(*end),
            None => ends.push((who, stretch.span.end)),
        }
    }
    contained
}

/// Whether the utterance at `index` is a back-channel after which the other speaker simply goes on.
fn is_back_channel_between(stretches: &[Stretch], index: usize, hold_limit: Millis) -> bool {
    let Some(stretch) = stretches.get(index) else { return false };
    let before = index.checked_sub(1).and_then(|i| stretches.get(i));
    let after = stretches.get(index + 1);
    let (Some(before), Some(after)) = (before, after) else { return false };
    // A machine and a person on one channel take turns; neither listens to the other.
    before.party() != stretch.party()
        && speaker(before) == speaker(after)
        && after.span.start.saturating_sub(before.span.end) <= hold_limit
        && is_back_channel(&stretch.text())
        // 嗯 after a question is the answer, and an answer takes the floor.
        && !is_question(&before.text())
}

fn is_back_channel(text: &str) -> bool {
    let spoken: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    if spoken.is_empty() || spoken.chars().count() > MAX_BACK_CHANNEL_CHARS {
        return false;
    }
    let mut rest = spoken.as_str();
    while !rest.is_empty() {
        match BACK_CHANNELS.iter().find_map(|token| rest.strip_prefix(token)) {
            Some(shorter) => rest = shorter,
            None => return false,
        }
    }
    true
}

fn is_question(text: &str) -> bool {
    let text = text.trim_end();
    let ends_with_mark = text.ends_with(['？', '?']);
    let spoken = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    ends_with_mark || spoken.ends_with(['吗', '呢', '吧', '么']) || spoken.ends_with("对不对")
}

/// Joins the utterances of one turn; `None` for no utterances.
fn assemble(members: Vec<Stretch>) -> Option<OpenTurn> {
    let first = members.first()?;
    let (Party { channel, speaker }, automatic, early) = speaker(first);
    let speaker_confidence = Voice::mean(&members);
    let span = members.iter().map(|member| member.span).reduce(TimeSpan::union)?;
    let (mut words, mut utterances, mut text) = (Vec::<Word>::new(), Vec::new(), String::new());
    let mut num_chars = 0;
    for member in members {
        let (word_from, char_from) = (count(words.len()), num_chars);
        let said = member.text();
        num_chars += count(said.chars().count());
        text.push_str(&said);
        words.extend(member.words);
        utterances.push(Utterance {
            span: member.span,
            word_from,
            word_to: count(words.len()),
            char_from,
            char_to: num_chars,
            chars_per_min: None,
            loudness_dbfs: None,
        });
    }
    let confidence = words.iter().map(|word| word.confidence).sum::<f32>() / words.len() as f32;
    let turn = Turn {
        index: 0,
        channel,
        speaker,
        speaker_confidence,
        role: SpeakerRole::Unknown,
        span: Some(span),
        text,
        words,
        utterances,
        confidence: confidence.is_finite().then_some(confidence),
        chars_per_min: None,
        loudness_dbfs: None,
        kind: MessageKind::Text,
        sender: None,
        told_role: None,
    };
    Some(OpenTurn { turn, automatic, early })
}

/// A count for the dialogue; recordings are limited to far fewer than 2^32 characters.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::tests::{segment, transcript};
    use crate::dialogue::utterance::collect;

    /// The turns of `(channel, start, end, text)` as `channel:text`.
    fn turns(said: &[(u16, u64, u64, &str)]) -> Vec<String> {
        let segments = said.iter().map(|(channel, start, end, text)| segment(*channel, *start, *end, text));
        let stretches = collect(&transcript(segments.collect()), Millis(60_000), Millis(700));
        let turns = build(stretches, true, &DialogueConfig::default());
        turns.iter().map(|open| format!("{}:{}", open.turn.channel, open.turn.text)).collect()
    }

    #[test]
    fn a_back_channel_inside_a_turn_does_not_split_it() {
        let said = [(0, 0, 3_000, "这款产品的期限"), (1, 3_100, 3_400, "嗯。"), (0, 3_800, 6_000, "是一年")];
        assert_eq!(turns(&said), ["0:这款产品的期限是一年", "1:嗯。"]);
    }

    #[test]
    fn an_answer_to_a_question_takes_the_floor() {
        let said =
            [(0, 0, 3_000, "您是本人吗？"), (1, 3_100, 3_400, "对。"), (0, 3_800, 6_000, "好的请稍等")];
        assert_eq!(turns(&said), ["0:您是本人吗？", "1:对。", "0:好的请稍等"]);
    }

    #[test]
    fn whoever_starts_over_the_other_and_goes_on_takes_the_floor() {
        let said = [
            (0, 0, 5_000, "我给您介绍一下"),
            (1, 4_000, 8_000, "我不需要谢谢"),
            (0, 8_200, 9_000, "好的再见"),
        ];
        assert_eq!(turns(&said), ["0:我给您介绍一下", "1:我不需要谢谢", "0:好的再见"]);
    }

    #[test]
    fn speech_wholly_inside_the_others_utterance_leaves_the_floor_with_them() {
        let said = [
            (0, 0, 5_000, "我给您介绍一下这款产品"),
            (1, 2_000, 3_500, "不用介绍了"),
            (0, 6_000, 8_000, "收益很高"),
        ];
        assert_eq!(turns(&said), ["0:我给您介绍一下这款产品收益很高", "1:不用介绍了"]);
    }

    #[test]
    fn a_phrase_split_over_two_turns_stays_in_order() {
        let said =
            [(0, 0, 1_000, "我们保证"), (1, 1_200, 2_500, "保证什么呀"), (0, 2_600, 4_000, "本金不受损失")];
        assert_eq!(turns(&said), ["0:我们保证", "1:保证什么呀", "0:本金不受损失"]);
    }

    #[test]
    fn back_channels_are_short_and_made_of_nothing_else() {
        for text in ["嗯", "嗯嗯。", "对对对", "好的，好的", "是的"] {
            assert!(is_back_channel(text), "{text}");
        }
        for text in ["好的再见", "不是", "", "。", "对对对对对", "我知道了"] {
            assert!(!is_back_channel(text), "{text}");
        }
    }
}
