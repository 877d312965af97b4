//! Measures masking on made-up calls: whose personal data is known because it was planted.
//!
//! The calls are written here, on their own, from lists of phrases, names and places; the masker knows none of them. An
//! item counts as found when every character of it that must not be seen is hidden.

mod calls;
mod decoy;
mod random;
mod scene;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::dialogue::{Dialogue, Turn};
use crate::masking::{HIDDEN, MaskKind, MaskedSpan, Masker, MaskingConfig};
use crate::types::{CallMetadata, ChannelIndex, SpeakerRole};
use random::Random;
use scene::{Planted, Scene};

/// What came of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KindFigures {
    /// Items planted.
    pub planted: usize,
    /// Items of which nothing can be seen that must not be.
    pub found: usize,
    /// Items that the masker reports as this kind.
    pub reported: usize,
    /// Of those, how many lie on a planted item of any kind.
    pub right: usize,
}

/// An item that was not wholly hidden, or something hidden that is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaskingFault {
    /// The kind planted, or reported.
    pub kind: String,
    /// How it was said; `nothing` for what was hidden and is none.
    pub style: String,
    /// The turns that it lies in, as they were said.
    pub said: Vec<String>,
    /// The same turns, masked.
    pub masked: Vec<String>,
}

/// What came of a made-up set.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MaskingReport {
    /// The seed that makes the same set again.
    pub seed: u64,
    /// Calls made up.
    pub num_calls: usize,
    /// Their turns.
    pub num_turns: usize,
    /// Characters that look like personal data and are none.
    pub decoy_chars: usize,
    /// How many of those were hidden.
    pub decoy_chars_hidden: usize,
    /// By kind.
    pub kinds: BTreeMap<String, KindFigures>,
    /// Recall by the way in which the item is said, over all kinds: planted and found.
    pub styles: BTreeMap<String, (usize, usize)>,
    /// Everything that went wrong.
    pub faults: Vec<MaskingFault>,
}

/// Makes up calls with at least `count` planted items and masks them.
#[must_use]
pub fn evaluate_masking(seed: u64, count: usize) -> MaskingReport {
    let masker = Masker::new(&MaskingConfig::default());
    let mut random = Random::new(seed);
    let mut report = MaskingReport { seed, ..MaskingReport::default() };
    let mut num_planted = 0;
    while num_planted < count {
        let scene = make_up(&mut random);
        num_planted += scene.planted.len();
        judge(&scene, &masker, &mut report);
    }
    report
}

fn make_up(random: &mut Random) -> Scene {
    let mut scene = Scene::default();
    scene.agent(&[scene::text(random.pick(&[
        "您好，请问有什么可以帮您",
        "您好，这里是信用卡中心",
        "喂您好",
        "很高兴为您服务",
    ]))]);
    for _ in 0..3 + random.below(5) {
        match random.below(14) {
            0 | 1 => calls::number(&mut scene, random, 0),
            2 | 3 => calls::number(&mut scene, random, 1),
            4 | 5 => calls::number(&mut scene, random, 2),
            6 => calls::secret(&mut scene, random),
            7 | 8 => calls::name(&mut scene, random),
            9 | 10 => calls::address(&mut scene, random),
            _ => decoy::add(&mut scene, random),
        }
        if random.chance(70) {
            decoy::add(&mut scene, random);
        }
    }
    scene
}

fn dialogue(scene: &Scene) -> Dialogue {
    let turns = scene.turns.iter().enumerate().map(|(index, (role, text))| Turn {
        index: index as u32,
        channel: ChannelIndex(u16::from(*role == SpeakerRole::Customer)),
        role: *role,
        text: text.clone(),
        ..Turn::default()
    });
    Dialogue { turns: turns.collect(), ..Dialogue::default() }
}

fn judge(scene: &Scene, masker: &Masker, report: &mut MaskingReport) {
    let result = masker.mask(dialogue(scene), &CallMetadata::default());
    let texts: Vec<Vec<char>> =
        result.dialogue.turns.iter().map(|turn| turn.text.chars().collect()).collect();
    let is_hidden = |turn: usize, at: usize| texts.get(turn).and_then(|chars| chars.get(at)) == Some(&HIDDEN);
    report.num_calls += 1;
    report.num_turns += scene.turns.len();
    report.decoy_chars += scene.decoys.len();
    report.decoy_chars_hidden += scene.decoys.iter().filter(|(turn, at)| is_hidden(*turn, *at)).count();
    for planted in &scene.planted {
        // A piece that is wholly in the visible part says nothing.
        if !planted.chars.iter().any(|(.., hide)| *hide) {
            continue;
        }
        let seen = planted.chars.iter().any(|(turn, at, hide)| *hide && !is_hidden(*turn, *at));
        let figures = report.kinds.entry(planted.kind.to_owned()).or_default();
        figures.planted += 1;
        figures.found += usize::from(!seen);
        let style = report.styles.entry(planted.style.to_owned()).or_default();
        *style = (style.0 + 1, style.1 + usize::from(!seen));
        if seen {
            let turns = planted.chars.iter().map(|(turn, ..)| *turn).collect();
            report.faults.push(fault(scene, &result.dialogue, planted.kind, planted.style, turns));
        }
    }
    let mut items: BTreeMap<(MaskKind, u32), Vec<&MaskedSpan>> = BTreeMap::new();
    for span in &result.spans {
        items.entry((span.kind, span.item)).or_default().push(span);
    }
    for ((kind, _), spans) in items {
        let hidden = spans.iter().flat_map(|span| {
            let turn = span.turn as usize;
            (span.char_from..span.char_to).map(move |at| (turn, at as usize))
        });
        let hidden: Vec<(usize, usize)> = hidden.filter(|(turn, at)| is_hidden(*turn, *at)).collect();
        let on_item =
            hidden.iter().filter(|place| scene.planted.iter().any(|planted| holds(planted, **place))).count();
        let is_right = on_item * 2 >= hidden.len();
        let figures = report.kinds.entry(kind.name().to_owned()).or_default();
        figures.reported += 1;
        figures.right += usize::from(is_right);
        if !is_right {
            let turns = spans.iter().map(|span| span.turn as usize).collect();
            report.faults.push(fault(scene, &result.dialogue, kind.name(), "nothing", turns));
        }
    }
}

fn holds(planted: &Planted, place: (usize, usize)) -> bool {
    planted.chars.iter().any(|(turn, at, _)| (*turn, *at) == place)
}

fn fault(scene: &Scene, masked: &Dialogue, kind: &str, style: &str, mut turns: Vec<usize>) -> MaskingFault {
    turns.sort_unstable();
    turns.dedup();
    // With the question before it.
    let first = turns.first().map_or(0, |first| first.saturating_sub(1));
    let last = turns.last().map_or(0, |last| last + 1);
    MaskingFault {
        kind: kind.to_owned(),
        style: style.to_owned(),
        said: scene.turns.iter().take(last).skip(first).map(|(_, text)| text.clone()).collect(),
        masked: masked.turns.iter().take(last).skip(first).map(|turn| turn.text.clone()).collect(),
    }
}

impl fmt::Display for MaskingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>8} {:>8} {:>8} {:>9} {:>8} {:>10}",
            "kind", "planted", "found", "recall", "reported", "right", "precision"
        )?;
        let share = |part: usize, whole: usize| {
            if whole == 0 { "-".to_owned() } else { format!("{:.4}", part as f64 / whole as f64) }
        };
        for (kind, figures) in &self.kinds {
            let KindFigures { planted, found, reported, right } = *figures;
            writeln!(
                f,
                "{kind:<12} {planted:>8} {found:>8} {:>8} {reported:>9} {right:>8} {:>10}",
                share(found, planted),
                share(right, reported)
            )?;
        }
        writeln!(f)?;
        for (style, (planted, found)) in &self.styles {
            writeln!(f, "{style:<15} {planted:>6} {found:>6} {:>8}", share(*found, *planted))?;
        }
        writeln!(f)?;
        write!(
            f,
            "{} calls, {} turns, seed {}; of {} characters that must stay {} are hidden",
            self.num_calls, self.num_turns, self.seed, self.decoy_chars, self.decoy_chars_hidden
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_hidden_and_little_else() {
        let report = evaluate_masking(1, 2_000);
        for (kind, figures) in &report.kinds {
            let recall = figures.found as f64 / figures.planted as f64;
            let least = if ["name", "address"].contains(&kind.as_str()) { 0.9 } else { 0.98 };
            assert!(recall >= least, "{kind}: recall {recall}\n{report}");
            let precision = figures.right as f64 / figures.reported as f64;
            assert!(precision >= 0.97, "{kind}: precision {precision}\n{report}");
        }
        assert!(report.kinds.len() == MaskKind::ALL.len(), "{report}");
        assert_eq!(report, evaluate_masking(1, 2_000), "the same seed makes the same calls");
    }
}
