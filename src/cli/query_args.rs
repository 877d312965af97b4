//! Flags that choose calls and findings, to the filter on the wire.

use super::clock::{Clock, Moment, in_order};
use super::exit::UsageError;
use crate::proto::v1;

/// Which calls. Everything that is given must hold; a flag that is repeated asks for one of its values. Ids and words of a
/// fixed list may be parted by commas as well, names not: a comma may be part of them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which calls")]
pub(super) struct FilterArgs {
    /// Began at or after: 2026-11-23, 2026-11-23T09:00 (by the clock of the centre) or 2026-11-23T09:00:00+08:00
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Began before
    #[arg(long, value_name = "TIME")]
    before: Option<Moment>,
    /// Acknowledged at or after
    #[arg(long, value_name = "TIME")]
    received_since: Option<Moment>,
    /// Acknowledged before
    #[arg(long, value_name = "TIME")]
    received_before: Option<Moment>,
    /// Job number of the agent; with team and skill group, all of one agent
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    agent: Vec<String>,
    /// Team
    #[arg(long, value_name = "NAME")]
    team: Vec<String>,
    /// Skill group
    #[arg(long, value_name = "NAME")]
    skill_group: Vec<String>,
    /// A finding of this rule; what is asked of findings must hold of the same one
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    rule: Vec<String>,
    /// A finding in this dimension of the scorecard
    #[arg(long, value_name = "NAME")]
    dimension: Vec<String>,
    /// A finding of this level
    #[arg(long, value_enum, ignore_case = true, value_name = "LEVEL", value_delimiter = ',')]
    level: Vec<LevelArg>,
    /// A finding of a rule of this kind
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<KindArg>,
    /// A finding with this verdict, a person's where there is one [default: hit]
    #[arg(long, value_enum, value_name = "VERDICT", value_delimiter = ',')]
    verdict: Vec<VerdictArg>,
    /// A finding where the machine said this
    #[arg(long, value_enum, value_name = "VERDICT", value_delimiter = ',')]
    machine_verdict: Vec<VerdictArg>,
    /// Scored at least this
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    min_score: Option<f64>,
    /// Scored at most this
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    max_score: Option<f64>,
    /// Only where a veto counts (一票否决)
    #[arg(long)]
    vetoed: bool,
    /// At least this long
    #[arg(long, value_name = "SECONDS")]
    min_duration: Option<u32>,
    /// At most this long
    #[arg(long, value_name = "SECONDS")]
    max_duration: Option<u32>,
    /// Who called whom
    #[arg(long, value_enum, value_delimiter = ',')]
    call_type: Vec<CallType>,
    /// Medium
    #[arg(long, value_enum, value_delimiter = ',')]
    media: Vec<MediaArg>,
    /// Line of business
    #[arg(long, value_name = "NAME")]
    business: Vec<String>,
    /// Product
    #[arg(long, value_name = "NAME")]
    product: Vec<String>,
    /// State
    #[arg(long, value_enum, value_delimiter = ',')]
    state: Vec<StateArg>,
    /// How the review stands
    #[arg(long, value_enum, value_delimiter = ',')]
    review: Vec<ReviewArg>,
    /// Topic
    #[arg(long, value_name = "NAME")]
    topic: Vec<String>,
    /// What the customer wanted
    #[arg(long, value_name = "NAME")]
    demand: Vec<String>,
}

/// The order of a list, and which part of it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Order and page")]
pub(super) struct PageArgs {
    /// `started`, `received`, `score` or `duration`, with ` desc` behind it for the highest or latest first
    #[arg(long, value_name = "ORDER", default_value = "started desc")]
    pub(super) sort: String,
    /// At most this many, 1 to 500
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) page_size: u32,
    /// The page behind another one, as that one told
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    pub(super) page_token: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    #[value(name = "S1")]
    S1,
    #[value(name = "S2")]
    S2,
    #[value(name = "S3")]
    S3,
    #[value(name = "S4")]
    S4,
    #[value(name = "S5")]
    S5,
}

/// A verdict, as it is typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum VerdictArg {
    Hit,
    Miss,
    Na,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum KindArg {
    Required,
    Forbidden,
    Acoustic,
    Process,
    Watch,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CallType {
    Inbound,
    Outbound,
    Internal,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum MediaArg {
    Voice,
    Chat,
    Video,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StateArg {
    Accepted,
    Decoding,
    Transcribing,
    Scoring,
    Done,
    Failed,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReviewArg {
    None,
    Queued,
    Reviewed,
    Appealed,
    Closed,
}

impl FilterArgs {
    /// Whether a time that was typed is one of the clock of the centre.
    pub(super) fn needs_clock(&self) -> bool {
        let times = [self.since, self.before, self.received_since, self.received_before];
        times.into_iter().flatten().any(Moment::needs_clock)
    }

    /// Refuses a time that did not begin yet, where what is asked for ends now by itself.
    ///
    /// # Errors
    /// [`UsageError`] that names the flag.
    pub(super) fn begun(&self, clock: &Clock) -> Result<(), UsageError> {
        clock.begun(self.since, self.before)
    }

    /// The filter on the wire, with what is to have been said; times without a zone are those of `clock`.
    ///
    /// # Errors
    /// [`UsageError`] for ends the wrong way round.
    pub(super) fn filter(&self, text: Option<&String>, clock: &Clock) -> Result<v1::CallFilter, UsageError> {
        clock.in_order(["since", "before"], self.since, self.before)?;
        clock.in_order(["received-since", "received-before"], self.received_since, self.received_before)?;
        in_order(["min-score", "max-score"], self.min_score, self.max_score)?;
        in_order(["min-duration", "max-duration"], self.min_duration, self.max_duration)?;
        let seconds = |seconds: u32| prost_types::Duration { seconds: seconds.into(), nanos: 0 };
        let verdicts = |verdicts: &[VerdictArg]| verdicts.iter().map(|one| one.to_wire().into()).collect();
        Ok(v1::CallFilter {
            started_from: clock.wire(self.since),
            started_before: clock.wire(self.before),
            received_from: clock.wire(self.received_since),
            received_before: clock.wire(self.received_before),
            agent_ids: self.agent.clone(),
            teams: self.team.clone(),
            skill_groups: self.skill_group.clone(),
            businesses: self.business.clone(),
            products: self.product.clone(),
            rule_ids: self.rule.clone(),
            dimensions: self.dimension.clone(),
            levels: self.level.iter().map(|level| level_to_wire(*level).into()).collect(),
            kinds: self.kind.iter().map(|kind| kind_to_wire(*kind).into()).collect(),
            verdicts: verdicts(&self.verdict),
            machine_verdicts: verdicts(&self.machine_verdict),
            min_score: self.min_score,
            max_score: self.max_score,
            vetoed: self.vetoed,
            min_duration: self.min_duration.map(seconds),
            max_duration: self.max_duration.map(seconds),
            directions: self.call_type.iter().map(|call_type| direction_to_wire(*call_type).into()).collect(),
            media: self.media.iter().map(|media| media_to_wire(*media).into()).collect(),
            states: self.state.iter().map(|state| state_to_wire(*state).into()).collect(),
            reviews: self.review.iter().map(|review| review_to_wire(*review).into()).collect(),
            topics: self.topic.clone(),
            demands: self.demand.clone(),
            text: text.cloned().unwrap_or_default(),
        })
    }
}

impl VerdictArg {
    pub(super) fn to_wire(self) -> v1::Verdict {
        match self {
            Self::Hit => v1::Verdict::Hit,
            Self::Miss => v1::Verdict::Miss,
            Self::Na => v1::Verdict::NotApplicable,
        }
    }
}

fn level_to_wire(level: LevelArg) -> v1::Level {
    match level {
        LevelArg::S1 => v1::Level::S1,
        LevelArg::S2 => v1::Level::S2,
        LevelArg::S3 => v1::Level::S3,
        LevelArg::S4 => v1::Level::S4,
        LevelArg::S5 => v1::Level::S5,
    }
}

fn kind_to_wire(kind: KindArg) -> v1::RuleKind {
    match kind {
        KindArg::Required => v1::RuleKind::Required,
        KindArg::Forbidden => v1::RuleKind::Forbidden,
        KindArg::Acoustic => v1::RuleKind::Acoustic,
        KindArg::Process => v1::RuleKind::Process,
        KindArg::Watch => v1::RuleKind::Watch,
    }
}

fn direction_to_wire(call_type: CallType) -> v1::Direction {
    match call_type {
        CallType::Inbound => v1::Direction::Inbound,
        CallType::Outbound => v1::Direction::Outbound,
        CallType::Internal => v1::Direction::Internal,
    }
}

fn media_to_wire(media: MediaArg) -> v1::Media {
    match media {
        MediaArg::Voice => v1::Media::Voice,
        MediaArg::Chat => v1::Media::Chat,
        MediaArg::Video => v1::Media::Video,
    }
}

fn state_to_wire(state: StateArg) -> v1::CallState {
    match state {
        StateArg::Accepted => v1::CallState::Accepted,
        StateArg::Decoding => v1::CallState::Decoding,
        StateArg::Transcribing => v1::CallState::Transcribing,
        StateArg::Scoring => v1::CallState::Scoring,
        StateArg::Done => v1::CallState::Done,
        StateArg::Failed => v1::CallState::Failed,
    }
}

fn review_to_wire(review: ReviewArg) -> v1::ReviewState {
    match review {
        ReviewArg::None => v1::ReviewState::None,
        ReviewArg::Queued => v1::ReviewState::Queued,
        ReviewArg::Reviewed => v1::ReviewState::Reviewed,
        ReviewArg::Appealed => v1::ReviewState::Appealed,
        ReviewArg::Closed => v1::ReviewState::Closed,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn utc() -> Clock {
        Clock::new(jiff::tz::TimeZone::UTC)
    }

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        filter: FilterArgs,
    }

    #[test]
    fn a_name_keeps_its_commas_and_ids_are_parted_by_them() {
        let names =
            ["--team", "--skill-group", "--dimension", "--business", "--product", "--topic", "--demand"];
        let typed = names.iter().flat_map(|flag| [*flag, "甲,乙", flag, "丙"]);
        let typed = ["t"].into_iter().chain(typed).chain(["--agent", "1,2", "--rule", "S01,S02"]);
        let filter =
            Typed::try_parse_from(typed).expect("it is sound").filter.filter(None, &utc()).expect("no ends");
        let v1::CallFilter { teams, skill_groups, dimensions, businesses, products, topics, demands, .. } =
            filter;
        for values in [teams, skill_groups, dimensions, businesses, products, topics, demands] {
            assert_eq!(values, ["甲,乙", "丙"]);
        }
        assert_eq!((filter.agent_ids.len(), filter.rule_ids.len()), (2, 2));
    }

    #[test]
    fn only_a_time_without_a_zone_needs_the_clock_of_the_centre() {
        for flag in ["--since", "--before", "--received-since", "--received-before"] {
            for (time, needs) in [("2026-06-01", true), ("2026-06-01T00:00:00+08:00", false)] {
                let typed = Typed::try_parse_from(["t", flag, time, "--team", "一组"]).expect("it is sound");
                assert_eq!(typed.filter.needs_clock(), needs, "{flag} {time}");
            }
        }
        assert!(!FilterArgs::default().needs_clock());
    }

    #[test]
    fn ends_the_wrong_way_round_are_refused() {
        let typed = |flags: &[&str]| {
            let typed = Typed::try_parse_from(["t"].iter().chain(flags)).expect("it is sound").filter;
            (typed.filter(None, &utc()).map_err(|error| error.to_string()), typed.begun(&utc()).is_ok())
        };
        for (flags, names) in [
            (["--since", "2026-11-02", "--before", "2026-11-01"], "--since"),
            (["--received-since", "2026-11-02", "--received-before", "2026-11-01"], "--received-since"),
            (["--min-score", "90", "--max-score", "60"], "--max-score"),
            (["--min-duration", "90", "--max-duration", "60"], "--min-duration"),
        ] {
            let error = typed(&flags).0.expect_err("no call is both");
            assert!(error.contains(names), "{error}");
        }
        let sound = typed(&["--since", "2026-11-01", "--before", "2026-11-02", "--min-score", "60"]);
        assert!(sound.0.is_ok() && sound.1);
        let ahead = typed(&["--since", "9000-01-01"]);
        assert!(ahead.0.is_ok() && !ahead.1, "only what ends now is refused");
    }
}
