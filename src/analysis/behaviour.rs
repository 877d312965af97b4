//! Turns the short dialogues that rules carry as tests into dialogues, and runs them.
//!
//! A turn is `客服: 您好` or, with seconds, `客服@1.5-3.2: 您好`. Timing facts are derived from the times as the dialogue
//! stage would see them; a turn is one sentence. Needs no audio.

use super::rule::RuleTest;
use super::{RuleSet, Verdict};
use crate::audio::ChannelLayout;
use crate::dialogue::{Dialogue, Gap, Overlap, Timing, Turn, Utterance};
use crate::types::{CallMetadata, ChannelIndex, Media, Millis, RoleSource, RuleId, SpeakerRole, TimeSpan};

/// Shorter silences are not recorded, as in [`Timing::gaps`].
const MIN_GAP: Millis = Millis(1_000);

/// Fewer characters do not make a mean pace.
const MIN_PACE_CHARS: u64 = 10;

/// A turn as written in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenTurn {
    role: SpeakerRole,
    span: Option<TimeSpan>,
    text: String,
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
    let role = match name.trim() {
        "客服" | "座席" | "agent" => SpeakerRole::Agent,
        "客户" | "customer" => SpeakerRole::Customer,
        "机器人" | "bot" => SpeakerRole::Bot,
        "未知" | "unknown" => SpeakerRole::Unknown,
        other => return Err(format!("unknown speaker `{other}`: 客服, 客户, 机器人 or 未知")),
    };
    let span = times.map(parse_span).transpose()?;
    Ok(WrittenTurn { role, span, text: text.trim().to_owned() })
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
    let mut dialogue =
        Dialogue { role_source: RoleSource::Metadata, role_confidence: 1.0, ..Dialogue::default() };
    for (index, written) in turns.iter().enumerate() {
        let turn = parse_turn(written.as_ref())?;
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
    dialogue.timing = timing(&dialogue.turns, mono);
    Ok(dialogue)
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
        loudness_dbfs: None,
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
        loudness_dbfs: None,
    }
}

fn pace(num_chars: u64, span: TimeSpan) -> Option<f32> {
    let millis = span.duration().0;
    (millis > 0).then(|| (num_chars * 60_000) as f32 / millis as f32)
}

fn timing(turns: &[Turn], mono: bool) -> Timing {
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
    timing.agent_chars_per_min = mean_pace(turns, SpeakerRole::Agent);
    timing.customer_chars_per_min = mean_pace(turns, SpeakerRole::Customer);
    timing
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

/// How one of a rule's own tests ended.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule_name: String,
    /// The text the test stands in.
    pub source_name: String,
    /// The test's line there, from 1.
    pub line: usize,
    /// The verdict that was expected.
    pub expected: Verdict,
    /// What is wrong, as a sentence; `None` when the test passed.
    pub failure: Option<String>,
}

impl RuleSet {
    /// Runs the tests that the rules carry, in the order of the rules.
    #[must_use]
    pub fn run_tests(&self) -> Vec<TestOutcome> {
        let mut outcomes = Vec::new();
        for rule in self.rules() {
            for test in &rule.tests {
                outcomes.push(TestOutcome {
                    rule_id: rule.id.clone(),
                    rule_name: rule.name.clone(),
                    source_name: rule.source_name.clone(),
                    line: test.line,
                    expected: test.expect,
                    failure: self.run_test(&rule.id, test),
                });
            }
        }
        outcomes
    }

    fn run_test(&self, id: &RuleId, test: &RuleTest) -> Option<String> {
        let dialogue = match dialogue_of(&test.turns, test.mono) {
            Ok(dialogue) => dialogue,
            Err(problem) => return Some(problem),
        };
        let metadata = CallMetadata { media: Media::Voice, ..CallMetadata::default() };
        let analysis = self.evaluate(&dialogue, &metadata);
        let finding = analysis.findings.iter().find(|finding| finding.rule_id == *id)?;
        let turns = test.turns.join(" / ");
        if finding.verdict != test.expect {
            let (wanted, found) = (name(test.expect), name(finding.verdict));
            return Some(format!("expected {wanted}, found {found}: {turns} ({})", finding.explanation));
        }
        if let Some(reason) = &test.reason
            && finding.not_applicable_reason.as_ref() != Some(reason)
        {
            let found = finding.not_applicable_reason.as_deref().unwrap_or("none");
            return Some(format!("expected the reason `{reason}`, found `{found}`: {turns}"));
        }
        if let Some(text) = &test.text
            && !finding.evidence.iter().any(|evidence| evidence.text == *text)
        {
            let found: Vec<_> = finding.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
            return Some(format!("expected `{text}` as evidence, found `{}`: {turns}", found.join("`, `")));
        }
        None
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hit => "hit",
        Verdict::Miss => "no hit",
        Verdict::NotApplicable => "not applicable",
    }
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
