//! The part of a report that shows who said what when, with hit words marked and long silences and overlaps in place.

use crate::proto::v1;

use super::chat;
use super::findings::LOW_CONFIDENCE;
use super::label;
use super::layout::{Page, Piece, Tone, pad, pad_left, piece};
use super::marks::Marks;

/// Silences from this length on are shown.
const SHOWN_GAP_MS: u64 = 3_000;

/// Silences from this length on stand out.
const LOUD_GAP_MS: u64 = 10_000;

/// Overlaps from this length on are shown; shorter ones are how people talk.
const SHOWN_OVERLAP_MS: u64 = 1_000;

/// Columns before what is said: `  3    1:02.3  客服      `.
const INDENT: usize = 24;

/// Columns of the number of a turn, by which evidence names it.
const NUMBER_COLUMNS: usize = 4;

/// Writes all turns. A turn with a long silence inside is shown in two parts around it.
pub(super) fn write(page: &mut Page<'_>, transcript: &v1::Transcript, findings: &[v1::Finding]) {
    if transcript.turns.is_empty() {
        page.line(&[piece("没有识别到话语。", Tone::Notice)], 0);
        return;
    }
    let marks = Marks::new(findings);
    let timing = transcript.timing.clone().unwrap_or_default();
    let mut parts: Vec<Part<'_>> =
        transcript.turns.iter().flat_map(|turn| parts(turn, &timing.gaps)).collect();
    parts.sort_by_key(|part| (part.start, part.turn.index));
    let mut gaps = timing.gaps.iter().filter(|gap| gap_length(gap) >= SHOWN_GAP_MS).peekable();
    let mut unheard = transcript.unheard.iter().peekable();
    let mut holds = timing.holds.iter().peekable();
    let chat = transcript.chat.clone().unwrap_or_default();
    let mut recalls = chat.recalls.iter().peekable();
    for part in &parts {
        while let Some(recall) = recalls
            .next_if(|recall| recall.at.is_some() && Some(label::millis(recall.at.as_ref())) < part.start)
        {
            write_recall(page, recall);
        }
        while let Some(hold) = holds.next_if(|hold| Some(label::millis(hold.start.as_ref())) < part.start) {
            write_hold(page, hold);
        }
        while let Some(gap) = gaps.next_if(|gap| Some(label::millis(gap.start.as_ref())) < part.start) {
            write_gap(page, gap);
        }
        while let Some(next) = unheard.next_if(|next| Some(label::millis(next.start.as_ref())) < part.start) {
            write_unheard(page, next);
        }
        write_part(page, part, &marks);
        if part.from == 0 {
            write_overlaps(page, part.turn, transcript, &timing.overlaps);
        }
    }
    for recall in recalls {
        write_recall(page, recall);
    }
    for hold in holds {
        write_hold(page, hold);
    }
    for gap in gaps {
        write_gap(page, gap);
    }
    for rest in unheard {
        write_unheard(page, rest);
    }
}

/// What is shown under one time: a turn, or what of it lies between two long silences.
#[derive(Debug)]
struct Part<'a> {
    turn: &'a v1::Turn,
    /// Absent in a chat.
    start: Option<u64>,
    from: usize,
    to: usize,
}

fn parts<'a>(turn: &'a v1::Turn, gaps: &[v1::Gap]) -> Vec<Part<'a>> {
    let whole = Part {
        turn,
        start: turn.start.as_ref().map(|start| label::millis(Some(start))),
        from: 0,
        to: turn.text.chars().count(),
    };
    let mut parts = vec![whole];
    for utterance in turn.utterances.iter().skip(1) {
        let start = label::millis(utterance.start.as_ref());
        let inside =
            |gap: &v1::Gap| gap.turn_before == Some(turn.index) && gap.turn_after == Some(turn.index);
        let follows =
            |gap: &v1::Gap| label::millis(gap.end.as_ref()) == start && gap_length(gap) >= SHOWN_GAP_MS;
        let Some(last) = parts.last_mut().filter(|_| gaps.iter().any(|gap| inside(gap) && follows(gap)))
        else {
            continue;
        };
        let border = utterance.char_from as usize;
        let rest = Part { turn, start: Some(start), from: border, to: last.to };
        last.to = border;
        parts.push(rest);
    }
    parts
}

fn write_part(page: &mut Page<'_>, part: &Part<'_>, marks: &Marks) {
    let role = part.turn.role();
    let at = part.start.map(|start| page.times().at(start)).unwrap_or_default();
    // A time of another day is wider than its column.
    let at = if at.len() > 9 { format!(" {at}") } else { at };
    let number = if part.from == 0 { (part.turn.index + 1).to_string() } else { String::new() };
    let mut line = vec![
        piece(format!("{}{}  ", pad_left(&number, NUMBER_COLUMNS), pad_left(&at, 9)), Tone::Faint),
        piece(pad(&speaker(part.turn), INDENT - NUMBER_COLUMNS - 11), label::role_tone(role)),
    ];
    line.extend(marks.pieces(part.turn.index, &part.turn.text, part.from, part.to));
    if let Some(confidence) = part.turn.confidence.filter(|confidence| *confidence < LOW_CONFIDENCE) {
        line.push(piece(format!(" 〔识别存疑 {confidence:.2}〕"), Tone::Notice));
    }
    let doubtful = part.turn.speaker_confidence.filter(|_| part.turn.speaker.is_none());
    if let Some(confidence) = doubtful {
        line.push(piece(format!(" 〔说话人存疑 {confidence:.2}〕"), Tone::Notice));
    }
    page.line(&line, INDENT);
}

/// Who says a turn; in a chat a robot is no voice menu.
fn speaker(turn: &v1::Turn) -> String {
    let robot = turn.role() == v1::SpeakerRole::Bot && turn.kind() != v1::MessageKind::Unspecified;
    if robot || !turn.sender.is_empty() {
        chat::role_name(turn.role()).to_owned()
    } else {
        label::speaker(turn)
    }
}

fn write_unheard(page: &mut Page<'_>, unheard: &v1::Unheard) {
    let start = label::millis(unheard.start.as_ref());
    let length = label::millis(unheard.end.as_ref()).saturating_sub(start);
    let text = format!("声道 {} 有语音未能识别 {}", unheard.channel, label::length(length));
    write_fact(page, start, &text, Tone::Notice);
}

fn write_recall(page: &mut Page<'_>, recall: &v1::ChatRecall) {
    let of = match &recall.said_at {
        Some(said_at) => format!("{} 的", page.times().at(label::millis(Some(said_at)))),
        None => String::new(),
    };
    let text = format!("{}撤回{of}一条消息", chat::role_name(recall.role()));
    write_fact(page, label::millis(recall.at.as_ref()), &text, Tone::Notice);
}

fn write_hold(page: &mut Page<'_>, hold: &v1::TimeSpan) {
    let start = label::millis(hold.start.as_ref());
    let length = label::millis(hold.end.as_ref()).saturating_sub(start);
    write_fact(page, start, &format!("通话保持 {}", label::length(length)), Tone::Faint);
}

fn write_gap(page: &mut Page<'_>, gap: &v1::Gap) {
    let millis = gap_length(gap);
    let tone = if millis >= LOUD_GAP_MS { Tone::Notice } else { Tone::Faint };
    let loud = if millis >= LOUD_GAP_MS { "长" } else { "" };
    write_fact(
        page,
        label::millis(gap.start.as_ref()),
        &format!("{loud}静音 {}", label::length(millis)),
        tone,
    );
}

fn write_overlaps(
    page: &mut Page<'_>,
    turn: &v1::Turn,
    transcript: &v1::Transcript,
    overlaps: &[v1::Overlap],
) {
    for overlap in overlaps.iter().filter(|overlap| overlap.interrupting_turn == turn.index) {
        let (start, end) = (label::millis(overlap.start.as_ref()), label::millis(overlap.end.as_ref()));
        let millis = end.saturating_sub(start);
        if millis < SHOWN_OVERLAP_MS {
            continue;
        }
        let other = transcript.turns.iter().find(|other| other.index == overlap.turn);
        let over = other.map_or("对方", |other| label::role(other.role()));
        write_fact(page, start, &format!("与{over}同时说话 {}", label::length(millis)), Tone::Notice);
    }
}

fn write_fact(page: &mut Page<'_>, at: u64, fact: &str, tone: Tone) {
    let line: [Piece; 2] = [
        piece(format!("{}  ", pad_left(&page.times().at(at), NUMBER_COLUMNS + 9)), Tone::Faint),
        piece(format!("── {fact} ──"), tone),
    ];
    page.line(&line, INDENT);
}

fn gap_length(gap: &v1::Gap) -> u64 {
    label::millis(gap.end.as_ref()).saturating_sub(label::millis(gap.start.as_ref()))
}
