//! Marks the words of a turn that rules hit: 这款产品【保本保息】S01，您放心.

use std::collections::BTreeMap;

use crate::proto::v1;

use super::label;
use super::layout::{Piece, Tone, piece};

/// A stretch of a turn's text that rules hit, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    from: usize,
    to: usize,
    rule_ids: Vec<String>,
    tone: Tone,
}

/// Every hit of a call, by turn.
#[derive(Debug, Default)]
pub(super) struct Marks {
    by_turn: BTreeMap<u32, Vec<Mark>>,
}

impl Marks {
    /// Gathers the evidence of all hits. Stretches that overlap become one with the ids of all.
    pub(super) fn new(findings: &[v1::Finding]) -> Self {
        let mut marks = Self::default();
        for finding in findings.iter().filter(|finding| finding.verdict() == v1::Verdict::Hit) {
            for evidence in finding.evidence.iter().filter(|evidence| evidence.char_from < evidence.char_to) {
                marks.by_turn.entry(evidence.turn).or_default().push(Mark {
                    from: evidence.char_from as usize,
                    to: evidence.char_to as usize,
                    rule_ids: vec![finding.rule_id.clone()],
                    tone: label::level(finding.level()).1,
                });
            }
        }
        for turn in marks.by_turn.values_mut() {
            turn.sort_by_key(|mark| (mark.from, mark.to));
            turn.dedup_by(|next, merged| {
                let overlaps = next.from < merged.to;
                if overlaps {
                    merged.to = merged.to.max(next.to);
                    let new = |id: &String| !merged.rule_ids.contains(id);
                    let fresh: Vec<String> = next.rule_ids.iter().filter(|id| new(id)).cloned().collect();
                    merged.rule_ids.extend(fresh);
                }
                overlaps
            });
        }
        marks
    }

    /// Characters `from..to` of a turn's text, its hit words marked.
    pub(super) fn pieces(&self, turn: u32, text: &str, from: usize, to: usize) -> Vec<Piece> {
        let chars: Vec<char> = text.chars().collect();
        let to = to.min(chars.len());
        let slice =
            |from: usize, to: usize| chars.get(from..to).unwrap_or_default().iter().collect::<String>();
        let (mut pieces, mut at) = (Vec::new(), from);
        for mark in self.by_turn.get(&turn).into_iter().flatten() {
            // A mark across a border is opened again on the other side.
            let (start, end) = (mark.from.max(at), mark.to.min(to));
            if start >= end {
                continue;
            }
            pieces.push(piece(slice(at, start), Tone::Plain));
            pieces.push(piece(format!("【{}】", slice(start, end)), mark.tone));
            pieces.push(piece(mark.rule_ids.join("+"), Tone::Faint));
            at = end;
        }
        pieces.push(piece(slice(at, to), Tone::Plain));
        pieces
    }
}

/// The words of one piece of evidence with up to `context` characters on either side.
pub(super) fn in_context(evidence: &v1::Evidence, turn: &v1::Turn, context: usize, tone: Tone) -> Vec<Piece> {
    let chars: Vec<char> = turn.text.chars().collect();
    let to = (evidence.char_to as usize).min(chars.len());
    let from = (evidence.char_from as usize).min(to);
    let (first, last) = (from.saturating_sub(context), (to + context).min(chars.len()));
    let slice = |from: usize, to: usize| chars.get(from..to).unwrap_or_default().iter().collect::<String>();
    let before = format!("{}{}", if first > 0 { "…" } else { "" }, slice(first, from));
    let after = format!("{}{}", slice(to, last), if last < chars.len() { "…" } else { "" });
    vec![
        piece(before, Tone::Plain),
        piece(format!("【{}】", slice(from, to)), tone),
        piece(after, Tone::Plain),
    ]
}
