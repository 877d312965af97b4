//! The calls behind a number, as the command that lists them and as words for a person.
//!
//! **Invariant**: two origins of the same calls give the same command.

use std::fmt::Write;

use super::model::Origin;
use crate::analysis::{RuleKind, Verdict};
use crate::catalog::{CallQuery, FindingQuery, ReviewState, Stage};
use crate::types::{Direction, Media};

impl Origin {
    /// The command that lists the calls, for any shell of Unix.
    #[must_use]
    pub fn command(&self) -> String {
        self.after("diting calls list")
    }

    /// The command that lists the findings that the calls are chosen by, each one on a line: as many as there are hits.
    #[must_use]
    pub fn findings_command(&self) -> String {
        self.after("diting findings list")
    }

    fn after(&self, command: &str) -> String {
        let mut command = command.to_owned();
        let said = (!self.said.is_empty()).then(|| ("text", self.said.clone()));
        if self.query.vetoed {
            command.push_str(" --vetoed");
        }
        for (flag, value) in flags(&self.query).into_iter().chain(said) {
            // Writing into a text cannot fail.
            write!(command, " --{flag} {}", quoted(&value)).ok();
        }
        command
    }
}

/// Every filter that is set, as a flag of `diting calls list` and its value.
fn flags(query: &CallQuery) -> Vec<(&'static str, String)> {
    let mut flags = Vec::new();
    let mut add = |flag, value: Option<String>| flags.extend(value.map(|value| (flag, value)));
    add("since", query.started.from.map(|at| at.to_string()));
    add("before", query.started.before.map(|at| at.to_string()));
    add("received-since", query.received.from.map(|at| at.to_string()));
    add("received-before", query.received.before.map(|at| at.to_string()));
    add("min-score", query.score.min.map(|score| score.to_string()));
    add("max-score", query.score.max.map(|score| score.to_string()));
    add("min-duration", query.min_duration.map(|length| (length.0 / 1000).to_string()));
    add("max-duration", query.max_duration.map(|length| (length.0 / 1000).to_string()));
    let mut all = |flag, values: Vec<String>| flags.extend(values.into_iter().map(|value| (flag, value)));
    all("agent", query.agents.clone());
    all("team", query.teams.clone());
    all("skill-group", query.skill_groups.clone());
    all("business", query.businesses.clone());
    all("product", query.products.clone());
    all("call-type", query.directions.iter().map(|one| direction(*one).to_owned()).collect());
    all("media", query.media.iter().map(|one| media(*one).to_owned()).collect());
    all("state", query.stages.iter().map(|one| stage(*one).to_owned()).collect());
    all("review", query.reviews.iter().map(|one| review(*one).to_owned()).collect());
    all("topic", query.topics.clone());
    all("demand", query.demands.clone());
    let FindingQuery { rules, dimensions, levels, kinds, verdicts, machine_verdicts } = &query.finding;
    all("rule", rules.iter().map(ToString::to_string).collect());
    all("dimension", dimensions.clone());
    all("level", levels.iter().map(|one| one.name().to_owned()).collect());
    all("kind", kinds.iter().map(|one| kind(*one).to_owned()).collect());
    all("verdict", verdicts.iter().map(|one| verdict(*one).to_owned()).collect());
    all("machine-verdict", machine_verdicts.iter().map(|one| verdict(*one).to_owned()).collect());
    flags
}

/// A value that a shell takes as it is, whatever is in it.
pub(super) fn quoted(value: &str) -> String {
    let plain =
        !value.is_empty() && value.chars().all(|one| one.is_ascii_alphanumeric() || "-_.:/@+".contains(one));
    if plain {
        return value.to_owned();
    }
    if super::model::clean(value) == value {
        return format!("'{}'", value.replace('\'', r"'\''"));
    }
    // As bash and zsh read it: what would steer the page is told by its number.
    let mut text = "$'".to_owned();
    for one in value.chars() {
        let seen = super::model::clean(&one.to_string()) == one.to_string();
        match one {
            '\'' | '\\' => text.extend(['\\', one]),
            one if seen => text.push(one),
            one => text.push_str(&format!("\\u{:04x}", u32::from(one))),
        }
    }
    text.push('\'');
    text
}

/// The name of a verdict in exports and commands.
#[must_use]
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hit => "hit",
        Verdict::Miss => "miss",
        Verdict::NotApplicable => "na",
    }
}

/// The name of a kind of rules in exports and commands.
#[must_use]
pub(super) fn kind(kind: RuleKind) -> &'static str {
    match kind {
        RuleKind::Required => "required",
        RuleKind::Forbidden => "forbidden",
        RuleKind::Acoustic => "acoustic",
        RuleKind::Process => "process",
        RuleKind::Watch => "watch",
    }
}

/// The name of a direction in exports and commands.
#[must_use]
pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

/// The name of a medium in exports and commands.
#[must_use]
pub(super) fn media(media: Media) -> &'static str {
    match media {
        Media::Voice => "voice",
        Media::Chat => "chat",
        Media::Video => "video",
    }
}

/// The name of a stage in exports and commands.
#[must_use]
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Decoding => "decoding",
        Stage::Transcribing => "transcribing",
        Stage::Scoring => "scoring",
        Stage::Done => "done",
        Stage::Failed => "failed",
    }
}

/// The name of a state of review in exports and commands.
#[must_use]
pub(super) fn review(state: ReviewState) -> &'static str {
    match state {
        ReviewState::None => "none",
        ReviewState::Queued => "queued",
        ReviewState::Reviewed => "reviewed",
        ReviewState::Appealed => "appealed",
        ReviewState::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::RuleId;

    #[test]
    fn what_steers_is_told_by_its_number() {
        assert_eq!(quoted("a\u{202e}'b"), r"$'a\u202e\'b'");
    }

    #[test]
    fn a_command_says_every_filter_and_no_name_leaves_its_quotes() {
        let query = CallQuery {
            teams: vec!["一组'; rm -rf /".to_owned()],
            finding: FindingQuery {
                rules: vec![RuleId::try_new("S01").expect("an id")],
                verdicts: vec![Verdict::NotApplicable],
                ..FindingQuery::default()
            },
            ..CallQuery::default()
        };
        assert_eq!(
            Origin { query, said: "客服:您的地址".to_owned() }.command(),
            r"diting calls list --team '一组'\''; rm -rf /' --rule S01 --verdict na --text '客服:您的地址'"
        );
    }
}
