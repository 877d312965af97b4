//! Turns dialogues that somebody wrote down into dialogues as the dialogue stage would give them.
//!
//! A turn is `客服: 您好` or, with seconds and loudness, `客服@1.5-3.2 -20dB: 您好`. Timing facts are derived from the
//! times; a turn is one sentence. Needs no audio.

use super::history::History;
use crate::audio::ChannelLayout;
use crate::dialogue::{
    Chat, ChatError, Dialogue, Gap, Message, MessageKind, Overlap, Sent, Timing, Turn, Utterance, of_chat,
};
use crate::types::{CallMetadata, ChannelIndex, Media, Millis, RoleSource, SpeakerRole, TimeSpan};

/// Shorter silences are not recorded, as in [`Timing::gaps`].
const MIN_GAP: Millis = Millis(1_000);

/// Fewer characters do not make a mean pace.
const MIN_PACE_CHARS: u64 = 10;

/// A turn that somebody wrote down.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenTurn {
    /// Who says it.
    pub role: SpeakerRole,
    /// When, if that is known.
    pub span: Option<TimeSpan>,
    /// How loud, in dB relative to full scale, if that is known.
    pub loudness_dbfs: Option<f32>,
    /// What is said.
    pub text: String,
}

/// A call that somebody wrote down, as the tests of a pack have it.
#[derive(Debug, Clone, Default)]
pub struct WrittenCall {
    /// Its turns, each as [`dialogue_of`] reads it.
    pub turns: Vec<String>,
    /// Whether both speak on one channel.
    pub mono: bool,
    /// Length of the call, when it is longer than its last turn.
    pub length: Option<Millis>,
    /// What the sender declared.
    pub metadata: CallMetadata,
    /// Earlier calls of the same customer; `None`: nobody knows.
    pub history: Option<History>,
}

impl WrittenCall {
    /// The dialogue that its turns stand for.
    ///
    /// # Errors
    /// The first turn that cannot be read, as a sentence.
    pub fn dialogue(&self) -> Result<Dialogue, String> {
        let turns: Result<Vec<_>, _> = self.turns.iter().map(|turn| parse_turn(turn)).collect();
        if self.metadata.media == Media::Chat {
            let chat = chat_from(turns?, &self.metadata).map_err(|error| error.to_string())?;
            return Ok(of_chat(&chat, &self.metadata));
        }
        Ok(dialogue_from(turns?, self.mono, self.length))
    }
}

/// The chat that written turns stand for: a message for each, sent when it begins.
///
/// # Errors
/// [`ChatError`] when they are no one chat.
pub fn chat_from(turns: Vec<WrittenTurn>, metadata: &CallMetadata) -> Result<Chat, ChatError> {
    let message = |turn: WrittenTurn| {
        let sent = turn.span.map_or(Sent::Unknown, |span| Sent::After(span.start));
        (Message { role: turn.role, text: turn.text, ..Message::default() }, sent)
    };
    Chat::new(turns.into_iter().map(message).collect(), metadata.started_at)
}

/// Reads one written turn.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn parse_turn(written: &str) -> Result<WrittenTurn, String> {
    let (speaker, text) = written
        .split_once([':', '：'])
        .ok_or_else(|| format!("the turn `{written}` does not say who speaks"))?;
    let (name, times) = match speaker.split_once('@') {
        Some((name, times)) => (name, Some(times)),
        None => (speaker, None),
    };
    let (times, loudness) = match times.and_then(|times| times.trim().split_once(' ')) {
        Some((times, loudness)) => (Some(times), Some(loudness)),
        None => (times, None),
    };
    let role = parse_role(name)
        .ok_or_else(|| format!("unknown speaker `{}`: 客服, 客户, 机器人 or 未知", name.trim()))?;
    let loudness_dbfs = loudness.map(parse_loudness).transpose()?;
    let span = times.map(parse_span).transpose()?;
    Ok(WrittenTurn { role, span, loudness_dbfs, text: text.trim().to_owned() })
}

/// The role that a name means.
#[must_use]
pub fn parse_role(name: &str) -> Option<SpeakerRole> {
    Some(match name.trim() {
        "客服" | "座席" | "坐席" | "agent" | "SPEAKER_ROLE_AGENT" => SpeakerRole::Agent,
        "客户" | "customer" | "SPEAKER_ROLE_CUSTOMER" => SpeakerRole::Customer,
        "机器人" | "语音菜单" | "bot" | "SPEAKER_ROLE_BOT" => SpeakerRole::Bot,
        "未知" | "unknown" | "SPEAKER_ROLE_UNKNOWN" => SpeakerRole::Unknown,
        _ => return None,
    })
}

fn parse_loudness(text: &str) -> Result<f32, String> {
    let number = text.trim().strip_suffix("dB").and_then(|number| number.trim().parse::<f32>().ok());
    number
        .filter(|level| (-120.0..=0.0).contains(level))
        .ok_or_else(|| format!("`{}` is not a loudness: write -20dB, between -120dB and 0dB", text.trim()))
}

fn parse_span(times: &str) -> Result<TimeSpan, String> {
    let wrong = || format!("`{times}` is not a time: write 1.5-3.2, in seconds, at most a day");
    let (start, end) = times.split_once('-').ok_or_else(wrong)?;
    let millis = |text: &str| match text.trim().parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(super::read::millis(seconds)),
        Ok(_) | Err(_) => Err(wrong()),
    };
    let (start, end) = (millis(start)?, millis(end)?);
    if end <= start { Err(wrong()) } else { Ok(TimeSpan::new(start, end)) }
}

/// The dialogue that written turns stand for; agent on channel 0, customer on 1, or all on 0 when `mono`.
///
/// # Errors
/// The first turn that cannot be read, as a sentence.
pub fn dialogue_of<S: AsRef<str>>(turns: &[S], mono: bool) -> Result<Dialogue, String> {
    let turns: Result<Vec<_>, _> = turns.iter().map(|turn| parse_turn(turn.as_ref())).collect();
    Ok(dialogue_from(turns?, mono, None))
}

/// The dialogue of `turns`; the call ends with its last turn unless it is longer.
#[must_use]
pub fn dialogue_from(turns: Vec<WrittenTurn>, mono: bool, length: Option<Millis>) -> Dialogue {
    let mut dialogue =
        Dialogue { role_source: RoleSource::Metadata, role_confidence: 1.0, ..Dialogue::default() };
    for (index, turn) in turns.into_iter().enumerate() {
        if turn.role == SpeakerRole::Unknown {
            dialogue.role_source = RoleSource::Unknown;
        }
        dialogue.turns.push(build_turn(u32::try_from(index).unwrap_or(u32::MAX), turn, mono));
    }
    let timed = dialogue.turns.iter().any(|turn| turn.span.is_some());
    dialogue.layout = match (timed, mono) {
        (_, true) => Some(ChannelLayout::Mono),
        (true, false) => Some(ChannelLayout::Stereo),
        (false, false) => None,
    };
    dialogue.timing = timing(&dialogue.turns, mono, length);
    dialogue
}

fn build_turn(index: u32, turn: WrittenTurn, mono: bool) -> Turn {
    let channel = match turn.role {
        SpeakerRole::Customer if !mono => ChannelIndex(1),
        SpeakerRole::Customer | SpeakerRole::Agent | SpeakerRole::Bot | SpeakerRole::Unknown => {
            ChannelIndex(0)
        }
    };
    let num_chars = turn.text.chars().count();
    let chars_per_min =
        turn.span.and_then(|span| pace(super::normalize::bare(&turn.text).len() as u64, span));
    let utterances = turn.span.map(|span| Utterance {
        span,
        word_from: 0,
        word_to: 0,
        char_from: 0,
        char_to: u32::try_from(num_chars).unwrap_or(u32::MAX),
        chars_per_min,
        loudness_dbfs: turn.loudness_dbfs,
    });
    Turn {
        index,
        channel,
        speaker: None,
        speaker_confidence: None,
        role: turn.role,
        span: turn.span,
        text: turn.text,
        words: Vec::new(),
        utterances: utterances.into_iter().collect(),
        confidence: None,
        chars_per_min,
        loudness_dbfs: turn.loudness_dbfs,
        kind: MessageKind::Text,
        sender: None,
        told_role: None,
    }
}

fn pace(num_chars: u64, span: TimeSpan) -> Option<f32> {
    let millis = span.duration().0;
    (millis > 0).then(|| (num_chars * 60_000) as f32 / millis as f32)
}

fn timing(turns: &[Turn], mono: bool, length: Option<Millis>) -> Timing {
    let mut timing = Timing::default();
    let mut spoken: Option<(TimeSpan, u32)> = None;
    for turn in turns {
        let Some(span) = turn.span else { continue };
        let until = spoken.map_or(Millis::ZERO, |(before, _)| before.end);
        if span.start.saturating_sub(until) >= MIN_GAP {
            let turn_before = spoken.map(|(_, index)| index);
            let gap = TimeSpan::new(until, span.start);
            timing.gaps.push(Gap { span: gap, turn_before, turn_after: Some(turn.index) });
            timing.silence = timing.silence + gap.duration();
        }
        if let Some((before, index)) = spoken
            && span.start < before.end
            && !mono
        {
            timing.overlaps.push(Overlap {
                span: TimeSpan::new(span.start, before.end.min(span.end)),
                turn: index,
                interrupting_turn: turn.index,
                spoken_before: span.start.saturating_sub(before.start),
                num_chars: u32::try_from(super::normalize::bare(&turn.text).len()).unwrap_or(u32::MAX),
            });
        }
        if spoken.is_none_or(|(before, _)| span.end > before.end) {
            spoken = Some((span, turn.index));
        }
        timing.duration = timing.duration.max(span.end);
    }
    if let (Some(length), Some((before, index))) = (length, spoken)
        && length > timing.duration
    {
        let quiet = TimeSpan::new(before.end, length);
        timing.gaps.push(Gap { span: quiet, turn_before: Some(index), turn_after: None });
        timing.silence = timing.silence + quiet.duration();
        timing.duration = length;
    }
    timing.agent_talk = talk(turns, SpeakerRole::Agent);
    timing.customer_talk = talk(turns, SpeakerRole::Customer);
    timing.agent_chars_per_min = mean_pace(turns, SpeakerRole::Agent);
    timing.customer_chars_per_min = mean_pace(turns, SpeakerRole::Customer);
    timing
}

fn talk(turns: &[Turn], role: SpeakerRole) -> Millis {
    let spans = turns.iter().filter(|turn| turn.role == role).filter_map(|turn| turn.span);
    spans.fold(Millis::ZERO, |sum, span| sum + span.duration())
}

fn mean_pace(turns: &[Turn], role: SpeakerRole) -> Option<f32> {
    let timed = turns.iter().filter(|turn| turn.role == role).filter_map(|turn| Some((turn, turn.span?)));
    let (mut num_chars, mut talk) = (0, Millis::ZERO);
    for (turn, span) in timed {
        num_chars += super::normalize::bare(&turn.text).len() as u64;
        talk = talk + span.duration();
    }
    let enough = num_chars >= MIN_PACE_CHARS;
    enough.then(|| pace(num_chars, TimeSpan::new(Millis::ZERO, talk))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_turn_says_who_when_and_what() {
        let turn = parse_turn("客服@1.5-3.2: 您好").expect("it is well formed");
        assert_eq!(turn.role, SpeakerRole::Agent);
        assert_eq!(turn.span, Some(TimeSpan::new(Millis(1_500), Millis(3_200))));
        assert_eq!(turn.text, "您好");
        assert!(parse_turn("您好").is_err());
        assert!(parse_turn("老王: 您好").is_err());
        assert!(parse_turn("客服@3-1: 您好").is_err());
        assert!(parse_turn("客服@nan-inf: 您好").is_err());
        assert_eq!(parse_turn("客服@1-2 -20dB: 您好").map(|turn| turn.loudness_dbfs), Ok(Some(-20.0)));
        assert!(parse_turn("客服@1-2 20dB: 您好").is_err());
    }

    #[test]
    fn times_give_silences_and_overlaps() {
        let turns = ["客服@0-5: 您好请讲", "客户@15-20: 我想问一下", "客服@18-22: 您先听我说完"];
        let dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
        assert_eq!(dialogue.timing.gaps.len(), 1);
        assert_eq!(dialogue.timing.gaps[0].span, TimeSpan::new(Millis(5_000), Millis(15_000)));
        assert_eq!(dialogue.timing.overlaps[0].span, TimeSpan::new(Millis(18_000), Millis(20_000)));
        assert_eq!(dialogue.timing.overlaps[0].spoken_before, Millis(3_000));
        assert!(dialogue_of(&turns, true).expect("the turns are well formed").timing.overlaps.is_empty());
    }
}
