//! What lies outside the talk between agent and customer: hold music, and what is heard before a person takes the call.
//!
//! **Invariant**: no word that begins in a hold is kept, and no stretch lies on both sides of the end of the voice menu or
//! of a hold.

use crate::speech::Unheard;
use crate::types::{CallMetadata, Millis, TimeSpan};

use super::utterance::Stretch;

/// Takes out of `stretches` what the call's holds hide, and cuts them where the voice menu ends.
pub(super) fn clip(stretches: Vec<Stretch>, metadata: &CallMetadata) -> Vec<Stretch> {
    let (holds, menu_end) = (&metadata.holds, metadata.ivr_end.unwrap_or(Millis::ZERO));
    if holds.is_empty() && menu_end == Millis::ZERO {
        return stretches;
    }
    let mut kept: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for mut stretch in stretches {
        let words = std::mem::take(&mut stretch.words);
        let mut open: Option<Stretch> = None;
        for mut word in words {
            let from = word.span.start;
            if holds.iter().any(|hold| hold.start <= from && from < hold.end) {
                continue;
            }
            let cut = holds.iter().map(|hold| hold.start).filter(|start| *start > from).min();
            word.span = TimeSpan::new(from, cut.map_or(word.span.end, |cut| word.span.end.min(cut)));
            let early = from < menu_end;
            let goes_on = open.as_ref().is_some_and(|open| {
                let before = open.span.end;
                open.early == early && !holds.iter().any(|hold| hold.start >= before && hold.end <= from)
            });
            match open.as_mut().filter(|_| goes_on) {
                Some(open) => {
                    open.span = open.span.union(word.span);
                    open.words.push(word);
                }
                None => {
                    let next =
                        Stretch { span: word.span, words: vec![word], early, ..stretch.without_words() };
                    kept.extend(open.replace(next));
                }
            }
        }
        kept.extend(open);
    }
    // A stretch that lost its beginning begins later than those after it.
    kept.sort_by_key(|stretch| (stretch.span.start, stretch.channel));
    kept
}

/// Speech that could not be made out, without what lies in holds: that was music.
pub(super) fn heard_outside(unheard: &[Unheard], holds: &[TimeSpan]) -> Vec<Unheard> {
    let mut left = Vec::with_capacity(unheard.len());
    for one in unheard {
        if holds.is_empty() {
            left.push(one.clone());
            continue;
        }
        let spans = without(holds, one.span).into_iter().filter(|span| span.duration() > Millis::ZERO);
        left.extend(spans.map(|span| Unheard { span, ..one.clone() }));
    }
    left.sort_by_key(|unheard| (unheard.span.start, unheard.channel));
    left
}

/// What is left of `whole` outside `spans`, which are ordered by start.
pub(super) fn without(spans: &[TimeSpan], whole: TimeSpan) -> Vec<TimeSpan> {
    let mut left = Vec::new();
    let mut from = whole.start;
    for taken in spans.iter().filter(|span| span.overlap(whole) > Millis::ZERO) {
        left.push(TimeSpan::new(from, taken.start));
        from = from.max(taken.end);
    }
    if from <= whole.end {
        left.push(TimeSpan::new(from, whole.end));
    }
    left
}

/// The parts of `spans` that lie in `whole`, without empty ones.
pub(super) fn inside(spans: &[TimeSpan], whole: TimeSpan) -> Vec<TimeSpan> {
    let cut = |span: &TimeSpan| TimeSpan::new(span.start.max(whole.start), span.end.min(whole.end));
    spans.iter().map(cut).filter(|span| span.duration() > Millis::ZERO).collect()
}
