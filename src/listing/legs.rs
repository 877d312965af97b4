//! The two sides of a call in two files: `X-in.wav` and `X-out.wav`.
//!
//! Telephone systems name legs by the line that was recorded, not by who speaks: `-in` is what came in from that line,
//! `-out` what was sent to it. Asterisk records the line that called, so that in an inbound call `-in` is
//! the customer, and in an outbound call the agent. Where the direction is not known, neither are the roles: the words
//! then tell them, as in any stereo recording.

use std::fmt;
use std::str::FromStr;

use crate::types::{Direction, SpeakerRole};

/// Endings of names, before the extension, that mark the two sides of one call; in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegSuffixes {
    /// What came in from the line that was recorded: `-in`, `_rx`, `-r`.
    pub incoming: String,
    /// What was sent to it: `-out`, `_tx`, `-t`.
    pub outgoing: String,
}

impl Default for LegSuffixes {
    fn default() -> Self {
        Self { incoming: "-in".to_owned(), outgoing: "-out".to_owned() }
    }
}

impl fmt::Display for LegSuffixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.incoming, self.outgoing)
    }
}

impl FromStr for LegSuffixes {
    type Err = String;

    /// Reads `-in,-out`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (incoming, outgoing) = text.split_once(',').unwrap_or_default();
        let (incoming, outgoing) = (incoming.trim().to_owned(), outgoing.trim().to_owned());
        let ends = |long: &str, short: &str| long.to_lowercase().ends_with(&short.to_lowercase());
        if incoming.is_empty() || outgoing.is_empty() || text.contains(['/', '\\']) {
            return Err(format!("`{text}` does not read like -in,-out: two endings of names"));
        }
        if ends(&incoming, &outgoing) || ends(&outgoing, &incoming) {
            return Err(format!("`{text}`: one of two endings must not end like the other"));
        }
        Ok(Self { incoming, outgoing })
    }
}

/// Who is heard on which leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum LegRoles {
    /// The direction of the call says it; unknown without.
    #[default]
    ByDirection,
    /// The line of the agent was recorded: `-in` is the agent.
    InIsAgent,
    /// The line of the customer was recorded: `-in` is the customer.
    InIsCustomer,
}

impl LegRoles {
    /// Whether `-in` is the agent in a call of `direction`; nothing when that is not known.
    pub(super) fn in_is_agent(self, direction: Option<Direction>) -> Option<bool> {
        match (self, direction) {
            (Self::InIsAgent, _) | (Self::ByDirection, Some(Direction::Outbound)) => Some(true),
            (Self::InIsCustomer, _) | (Self::ByDirection, Some(Direction::Inbound)) => Some(false),
            (Self::ByDirection, Some(Direction::Internal) | None) => None,
        }
    }
}

/// A side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Incoming,
    Outgoing,
}

impl LegSuffixes {
    /// The side that `stem`, a name without its extension, is, and the name of the call.
    fn side<'a>(&self, stem: &'a str) -> Option<(Side, &'a str)> {
        let cut = |suffix: &str| {
            let start = stem.len().checked_sub(suffix.len())?;
            let (call, end) = (stem.get(..start)?, stem.get(start..)?);
            let is_one =
                end.to_lowercase() == suffix.to_lowercase() && !call.is_empty() && !call.ends_with('/');
            is_one.then_some(call)
        };
        cut(&self.incoming)
            .map(|call| (Side::Incoming, call))
            .or_else(|| cut(&self.outgoing).map(|call| (Side::Outgoing, call)))
    }

    /// The ending of the other side.
    pub(super) fn other(&self, side: Side) -> &str {
        match side {
            Side::Incoming => &self.outgoing,
            Side::Outgoing => &self.incoming,
        }
    }
}

/// The side that `stem` is by the first of `all` that fits, its suffixes, and the name of the call.
pub(super) fn side_of<'a>(all: &'a [LegSuffixes], stem: &'a str) -> Option<(Side, &'a LegSuffixes, &'a str)> {
    all.iter().find_map(|suffixes| suffixes.side(stem).map(|(side, call)| (side, suffixes, call)))
}

/// The name of the call of which `name` is a leg, with its extension; `name` itself when it does not end like a leg.
pub(super) fn call_name(all: &[LegSuffixes], name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    side_of(all, stem).map_or_else(|| name.to_owned(), |(_, _, call)| format!("{call}.{extension}"))
}

/// Roles of `-in` and `-out`.
pub(super) fn roles(in_is_agent: bool) -> (SpeakerRole, SpeakerRole) {
    if in_is_agent {
        (SpeakerRole::Agent, SpeakerRole::Customer)
    } else {
        (SpeakerRole::Customer, SpeakerRole::Agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_told_by_its_ending_in_any_case() {
        let all = [LegSuffixes::default(), "_rx,_tx".parse().expect("two endings")];
        let side = |stem: &'static str| side_of(&all, stem).map(|(side, _, call)| (side, call.to_owned()));
        assert_eq!(side("a/77-in"), Some((Side::Incoming, "a/77".to_owned())));
        assert_eq!(side("77-OUT"), Some((Side::Outgoing, "77".to_owned())));
        assert_eq!(side("77_tx"), Some((Side::Outgoing, "77".to_owned())));
        assert_eq!(side("a/-in"), None, "a call needs a name");
        assert_eq!(side("入in"), None);
        assert_eq!(side("main"), None);
    }

    #[test]
    fn endings_that_cannot_be_told_apart_are_refused() {
        for text in ["", "-in", "-in,", "-in,-in", "in,-in", "a/b,c"] {
            assert!(text.parse::<LegSuffixes>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_direction_says_who_is_heard_where() {
        let by_direction = LegRoles::ByDirection;
        assert_eq!(by_direction.in_is_agent(Some(Direction::Inbound)), Some(false));
        assert_eq!(by_direction.in_is_agent(Some(Direction::Outbound)), Some(true));
        assert_eq!(by_direction.in_is_agent(None), None);
        assert_eq!(LegRoles::InIsAgent.in_is_agent(None), Some(true));
        assert_eq!(LegRoles::InIsCustomer.in_is_agent(Some(Direction::Outbound)), Some(false));
    }
}
