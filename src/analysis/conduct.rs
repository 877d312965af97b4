//! Judges a condition on how people talk, measured over sentences: length, counts, shares, fillers, 您, mood.
//!
//! What cannot be measured is said so, with the reason; it is never a hit.

use super::acoustic::{Outcome, View};
use super::found::Measured;
use super::mood::{self, Mood};
use super::normalize::is_mark;
use super::operator::{Density, Limits, Operator, Sentiment, SentimentTest};
use super::rule::RoleScope;
use super::script::Sentence;
use crate::types::{Millis, TimeSpan};

/// Judges the condition; conditions on anything else are never met here.
pub(super) fn judge(view: &View<'_>) -> Outcome {
    match &view.condition.operator {
        Operator::Duration(limits) => duration(view, limits),
        Operator::SentenceCount(least, most) => sentence_count(view, *least, *most),
        Operator::TalkShare(limits) => talk_share(view, limits),
        Operator::Density(density) => filler_density(view, density),
        Operator::PoliteShare(limits, min_uses) => polite_share(view, limits, *min_uses),
        Operator::Sentiment(sentiment) => judge_mood(view, sentiment),
        Operator::Keyword(_)
        | Operator::Regex(_)
        | Operator::Similar(_)
        | Operator::Repeat(_)
        | Operator::Entity(_)
        | Operator::Silence(_)
        | Operator::SilenceShare(_)
        | Operator::Pace(_)
        | Operator::Overlap(_)
        | Operator::FirstResponse { .. }
        | Operator::ResponseTime(_)
        | Operator::Loudness(_)
        | Operator::HangUp(_)
        | Operator::FlowBroken(_)
        | Operator::WrongAnswer(_)
        | Operator::PastCalls(_)
        | Operator::Metadata(_)
        | Operator::Rule(_) => Outcome::NotMet(String::new()),
    }
}

/// A fact of the whole call, or of the sentence that shows it best.
fn whole(view: &View<'_>, best: Option<u32>, limit: String, shown: String, value: f64) -> Outcome {
    let sentence = best.and_then(|index| view.script.sentences.get(index as usize));
    Outcome::Met(vec![Measured {
        turn: sentence.map(|sentence| sentence.turn),
        sentence: best,
        between: false,
        span: sentence.and_then(|sentence| sentence.span),
        limit,
        shown,
        value,
    }])
}

fn limit_text(what: &str, limits: &Limits, unit: &str) -> String {
    match (limits.over, limits.under) {
        (Some(over), Some(under)) => format!("{what}在 {under} 与 {over} {unit}之间"),
        (Some(over), None) => format!("{what}不超过 {over} {unit}"),
        (None, Some(under)) => format!("{what}不少于 {under} {unit}"),
        (None, None) => what.to_owned(),
    }
}

fn duration(view: &View<'_>, limits: &Limits) -> Outcome {
    let length = view.dialogue.timing.duration;
    if length == Millis::ZERO {
        return Outcome::Unmeasured("no_audio");
    }
    let (seconds, shown) = (length.as_secs_f64(), format!("通话 {:.0} 秒", length.as_secs_f64()));
    if !limits.passed_by(seconds) {
        return Outcome::NotMet(shown);
    }
    Outcome::Met(vec![Measured {
        turn: None,
        sentence: None,
        between: false,
        span: Some(TimeSpan::new(view.dialogue.timing.start, view.dialogue.timing.end())),
        limit: limit_text("通话", limits, "秒"),
        shown,
        value: seconds,
    }])
}

/// The sentences with words that the condition hears where it looks; an error where only times could tell.
fn in_scope<'a>(view: &View<'a>) -> Result<Vec<(u32, &'a Sentence)>, &'static str> {
    let mut found = Vec::new();
    for (index, sentence) in view.script.sentences.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if !view.condition.hears(sentence.role) || !has_words(view, sentence) {
            continue;
        }
        match view.reach.admits_sentence(index) {
            Some(true) => found.push((index, sentence)),
            Some(false) => {}
            None => return Err("no_audio"),
        }
    }
    Ok(found)
}

/// Whether anything but punctuation is left of a sentence.
fn has_words(view: &View<'_>, sentence: &Sentence) -> bool {
    let stream = view.script.streams.get(sentence.stream);
    let chars = stream.and_then(|stream| stream.chars.get(sentence.chars.0..sentence.chars.1));
    chars.unwrap_or_default().iter().any(|char| !is_mark(*char))
}

/// What a sentence says, normalised.
fn text_of(view: &View<'_>, sentence: &Sentence) -> String {
    let stream = view.script.streams.get(sentence.stream);
    let chars = stream.and_then(|stream| stream.chars.get(sentence.chars.0..sentence.chars.1));
    chars.unwrap_or_default().iter().collect()
}

fn sentence_count(view: &View<'_>, least: Option<u32>, most: Option<u32>) -> Outcome {
    let sentences = match in_scope(view) {
        Ok(sentences) => sentences,
        Err(reason) => return Outcome::Unmeasured(reason),
    };
    let who = view.condition.role;
    // Somebody whose role nobody knows may have said more.
    let unknown = who != RoleScope::Any
        && view.script.sentences.iter().any(|sentence| sentence.role == crate::types::SpeakerRole::Unknown);
    if unknown && most.is_some() {
        return Outcome::Unmeasured("role_unknown");
    }
    let count = u32::try_from(sentences.len()).unwrap_or(u32::MAX);
    let shown = format!("{}说了 {count} 句", who.chinese());
    if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
        return Outcome::NotMet(shown);
    }
    let limit = match (least, most) {
        (Some(least), None) => format!("少于 {least} 句"),
        (None, Some(most)) => format!("多于 {most} 句"),
        (_, _) => "句数不在此范围".to_owned(),
    };
    whole(view, None, limit, shown, f64::from(count))
}

fn talk_share(view: &View<'_>, limits: &Limits) -> Outcome {
    let (mut own, mut all) = (0_u64, 0_u64);
    for sentence in &view.script.sentences {
        let Some(span) = sentence.span else { continue };
        all += span.duration().0;
        if view.condition.hears(sentence.role) {
            own += span.duration().0;
        }
    }
    if all == 0 {
        return Outcome::Unmeasured("no_audio");
    }
    let percent = own as f64 * 100.0 / all as f64;
    let shown = format!("{}说话占 {percent:.0}%", view.condition.role.chinese());
    if !limits.passed_by(percent) {
        return Outcome::NotMet(shown);
    }
    whole(view, None, limit_text("说话占比", limits, "%"), shown, percent)
}

/// How often `word` stands in `text`, without overlap.
fn occurrences(text: &str, word: &str) -> usize {
    if word.is_empty() { 0 } else { text.matches(word).count() }
}

fn filler_density(view: &View<'_>, density: &Density) -> Outcome {
    let sentences = match in_scope(view) {
        Ok(sentences) => sentences,
        Err(reason) => return Outcome::Unmeasured(reason),
    };
    let (mut num_chars, mut num_fillers, mut worst) = (0_usize, 0_usize, (0_usize, None));
    for (index, sentence) in sentences {
        let text = text_of(view, sentence);
        num_chars += text.chars().filter(|char| !is_mark(*char)).count();
        let here: usize = density.words.iter().map(|word| occurrences(&text, word)).sum();
        num_fillers += here;
        if here > worst.0 {
            worst = (here, Some(index));
        }
    }
    if num_chars < density.min_chars as usize || num_chars == 0 {
        return Outcome::Unmeasured("too_short");
    }
    let per_1000 = num_fillers as f64 * 1_000.0 / num_chars as f64;
    let shown = format!("每千字口头禅 {per_1000:.0} 个（{num_fillers} 个，{num_chars} 字）");
    if per_1000 <= density.over_per_1000 {
        return Outcome::NotMet(shown);
    }
    whole(view, worst.1, format!("每千字口头禅不超过 {} 个", density.over_per_1000), shown, per_1000)
}

fn polite_share(view: &View<'_>, limits: &Limits, min_uses: u32) -> Outcome {
    let sentences = match in_scope(view) {
        Ok(sentences) => sentences,
        Err(reason) => return Outcome::Unmeasured(reason),
    };
    let (mut polite, mut plain, mut first_plain) = (0_usize, 0_usize, None);
    for (index, sentence) in sentences {
        let text = text_of(view, sentence);
        polite += occurrences(&text, "您");
        let here = occurrences(&text, "你");
        plain += here;
        if here > 0 && first_plain.is_none() {
            first_plain = Some(index);
        }
    }
    if polite + plain < (min_uses as usize).max(1) {
        return Outcome::Unmeasured("too_short");
    }
    let percent = polite as f64 * 100.0 / (polite + plain) as f64;
    let shown = format!("“您”占 {percent:.0}%（您 {polite} 次，你 {plain} 次）");
    if !limits.passed_by(percent) {
        return Outcome::NotMet(shown);
    }
    whole(view, first_plain, limit_text("“您”占比", limits, "%"), shown, percent)
}

fn judge_mood(view: &View<'_>, sentiment: &Sentiment) -> Outcome {
    let sentences = match in_scope(view) {
        Ok(sentences) => sentences,
        Err(reason) => return Outcome::Unmeasured(reason),
    };
    let weighed: Vec<(u32, f64, Mood)> = sentences
        .into_iter()
        .map(|(index, sentence)| {
            let text = text_of(view, sentence);
            (index, mood::weigh(&text), mood::of(&text))
        })
        .collect();
    let share = |part: &[(u32, f64, Mood)], mood| {
        part.iter().filter(|one| one.2 == mood).count() as f64 * 100.0 / part.len().max(1) as f64
    };
    let extreme = |part: &[(u32, f64, Mood)], sign: f64| {
        part.iter().min_by(|one, other| (one.1 * sign).total_cmp(&(other.1 * sign))).map(|one| one.0)
    };
    match sentiment.test {
        SentimentTest::NegativeOver(limit) | SentimentTest::PositiveOver(limit) => {
            if weighed.len() < sentiment.min_sentences as usize || weighed.is_empty() {
                return Outcome::Unmeasured("too_short");
            }
            let (mood, name, sign) = match sentiment.test {
                SentimentTest::PositiveOver(_) => (Mood::Positive, "正面", -1.0),
                SentimentTest::WorseBy(_) | SentimentTest::BetterBy(_) | SentimentTest::NegativeOver(_) => {
                    (Mood::Negative, "负面", 1.0)
                }
            };
            let percent = share(&weighed, mood);
            let shown = format!("{name}语句占 {percent:.0}%");
            if percent <= limit {
                return Outcome::NotMet(shown);
            }
            whole(view, extreme(&weighed, sign), format!("{name}语句不超过 {limit}%"), shown, percent)
        }
        SentimentTest::WorseBy(limit) | SentimentTest::BetterBy(limit) => {
            // At least one sentence, so that a part is never empty; the limit below asks for more.
            let size = ((weighed.len() as f64 * sentiment.part_percent / 100.0).ceil() as usize).max(1);
            if size < sentiment.min_sentences as usize || size * 2 > weighed.len() {
                return Outcome::Unmeasured("too_short");
            }
            let first = weighed.get(..size).unwrap_or_default();
            let last = weighed.get(weighed.len() - size..).unwrap_or_default();
            let (before, after) = (share(first, Mood::Negative), share(last, Mood::Negative));
            let worse = matches!(sentiment.test, SentimentTest::WorseBy(_));
            let change = if worse { after - before } else { before - after };
            let shown = format!("负面语句由 {before:.0}% 变为 {after:.0}%");
            if change < limit {
                return Outcome::NotMet(shown);
            }
            let (name, sign) = if worse { ("升高", 1.0) } else { ("降低", -1.0) };
            whole(view, extreme(last, sign), format!("负面语句{name}少于 {limit} 个百分点"), shown, change)
        }
    }
}
