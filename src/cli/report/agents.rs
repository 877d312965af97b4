//! The part of a report that shows what each agent's own part of a call came to.

use unicode_width::UnicodeWidthStr;

use crate::proto::v1;

use super::label;
use super::layout::{Page, Tone, pad, pad_left, piece};

/// Writes a line for each agent; nothing for a call with one.
pub(super) fn write(page: &mut Page<'_>, parts: &[v1::AgentPart]) {
    if parts.is_empty() {
        return;
    }
    page.heading("各座席");
    let names: Vec<String> =
        parts.iter().map(|part| format!("{} {}", part.agent_name, part.agent_id).trim().to_owned()).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (part, name) in parts.iter().zip(&names) {
        let span = part.span.unwrap_or_default();
        let (start, end) = (label::millis(span.start.as_ref()), label::millis(span.end.as_ref()));
        let times = format!("{} – {}", page.times().at(start), page.times().at(end));
        let scorecard = part.scorecard.clone().unwrap_or_default();
        let (score, tone) = if !scorecard.scored {
            let why = label::unscored(&scorecard.unscored_reason).unwrap_or(&scorecard.unscored_reason);
            (format!("未评分（{why}）"), Tone::Notice)
        } else {
            let score = format!("{} / {}", label::number(scorecard.score), label::number(scorecard.full));
            let veto = if scorecard.vetoed { "  一票否决" } else { "" };
            let tone = if scorecard.vetoed || scorecard.score < scorecard.full * 0.6 {
                Tone::Bad
            } else if scorecard.score < scorecard.full {
                Tone::Notice
            } else {
                Tone::Good
            };
            (format!("{score}{veto}"), tone)
        };
        let counts = |card: &v1::ScorecardResult| {
            let veto = if scorecard.vetoed && !card.vetoed { "，一票否决已撤销" } else { "" };
            format!("  人工复核后 {}{veto}", label::number(card.score))
        };
        let counts = part.final_scorecard.as_ref().map_or_else(String::new, counts);
        let hits = part.findings.iter().filter(|finding| finding.verdict() == v1::Verdict::Hit);
        let hits: Vec<&str> = hits.map(|finding| finding.rule_id.as_str()).collect();
        let hits = if hits.is_empty() { String::new() } else { format!("  命中 {}", hits.join("、")) };
        let line = [
            piece(format!("  {}", pad(name, widest)), Tone::Strong),
            piece(format!("{}  ", pad_left(&times, 22)), Tone::Faint),
            piece(score, tone),
            piece(counts, Tone::Strong),
            piece(hits, Tone::Plain),
        ];
        page.line(&line, widest + 4);
    }
}
