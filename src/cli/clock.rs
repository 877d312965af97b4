//! The centre's clock: times as people type them to moments, and moments to times as people read them.
//!
//! **Invariant**: a time that names no zone is one of the centre's, whatever the clock of this machine says; every command reads
//! and shows times here.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::exit::UsageError;
use crate::proto::convert::timestamp;
use crate::types::zone_name;

/// Years that a typed time may lie in: each is a moment in every zone.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9998;

/// A time as people type it: with its offset, or by the centre's clock; a day begins at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// It names its zone.
    Exact(Timestamp),
    /// It names none.
    Local(DateTime),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::Exact(time));
        }
        let local = text.parse().ok().filter(|local: &DateTime| YEARS.contains(&local.year()));
        local
            .map(Self::Local)
            .ok_or_else(|| "write it like 2026-11-23 or 2026-11-23T09:00:00+08:00".to_owned())
    }
}

impl Moment {
    /// Whether it takes the clock of the centre to say when it is.
    pub(super) fn needs_clock(self) -> bool {
        matches!(self, Self::Local(_))
    }
}

/// A clock of the centre.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// A clock that goes by `zone`.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// Its zone.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What its zone is called, for the heading of a column of times.
    pub(super) fn name(&self) -> String {
        zone_name(&self.zone)
    }

    /// When `moment` was or will be.
    pub(super) fn at(&self, moment: Moment) -> Timestamp {
        match moment {
            Moment::Exact(at) => at,
            Moment::Local(local) => self
                .zone
                .to_ambiguous_timestamp(local)
                .compatible()
                .expect("the years that are read hold no time that is outside of all moments"),
        }
    }

    /// The same on the wire.
    pub(super) fn wire(&self, moment: Option<Moment>) -> Option<prost_types::Timestamp> {
        moment.map(|moment| timestamp(self.at(moment)))
    }

    /// `2026-06-01 09:05:03`, where a heading names the zone; empty when the time is not known.
    pub(super) fn second(&self, at: Option<&prost_types::Timestamp>) -> String {
        self.shown(at, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-06-01 09:05:03 +08:00`, where no heading names the zone; empty when the time is not known.
    pub(super) fn full(&self, at: Option<&prost_types::Timestamp>) -> String {
        self.shown(at, "%Y-%m-%d %H:%M:%S %:z")
    }

    fn shown(&self, at: Option<&prost_types::Timestamp>, pattern: &str) -> String {
        let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        at.map(|at| at.to_zoned(self.zone.clone()).strftime(pattern).to_string()).unwrap_or_default()
    }
}

/// Refuses values in which the lower end is over the upper one: nothing could ever be found.
pub(super) fn in_order<T: PartialOrd>(
    flags: [&str; 2],
    from: Option<T>,
    to: Option<T>,
) -> Result<(), UsageError> {
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let [from, to] = flags;
        return Err(UsageError(format!("--{from} is over --{to}: no call can be both")));
    }
    Ok(())
}

impl Clock {
    /// Refuses two times of which the first lies behind the second.
    pub(super) fn in_order(
        &self,
        flags: [&str; 2],
        from: Option<Moment>,
        to: Option<Moment>,
    ) -> Result<(), UsageError> {
        in_order(flags, from.map(|from| self.at(from)), to.map(|to| self.at(to)))
    }

    /// The same of a time that ends now where no end is typed.
    pub(super) fn begun(&self, since: Option<Moment>, before: Option<Moment>) -> Result<(), UsageError> {
        self.in_order(["since", "before"], since, before)?;
        let is_ahead = before.is_none() && since.is_some_and(|since| self.at(since) >= Timestamp::now());
        if is_ahead {
            return Err(UsageError(
                "--since lies ahead: name an earlier time, or --before as well".to_owned(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn china() -> Clock {
        Clock::new(crate::types::time_zone("+08:00").expect("a zone"))
    }

    #[test]
    fn a_time_without_a_zone_is_one_of_the_centre() {
        let read = |text: &str| china().at(text.parse().expect("a time"));
        let midnight: Timestamp = "2026-05-31T16:00:00Z".parse().expect("a time");
        for text in ["2026-06-01", "2026-06-01T00:00", "2026-06-01T00:00:00+08:00", "2026-05-31T16:00:00Z"] {
            assert_eq!(read(text), midnight, "{text}");
        }
        let elsewhere = Clock::new(TimeZone::UTC).at("2026-06-01".parse().expect("a time"));
        assert_eq!(elsewhere, "2026-06-01T00:00:00Z".parse().expect("a time"));
        for text in ["0001-01-01", "9998-12-31T23:59:59"] {
            read(text);
        }
        for wrong in ["yesterday", "2026-13-01", "", "9999-12-31T23:59", "-000001-01-01"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_shown_by_the_clock_of_the_centre() {
        let at = timestamp("2026-05-31T16:00:00Z".parse().expect("a time"));
        assert_eq!(china().second(Some(&at)), "2026-06-01 00:00:00");
        assert_eq!(china().full(Some(&at)), "2026-06-01 00:00:00 +08:00");
        assert_eq!((china().full(None).as_str(), china().name().as_str()), ("", "+08:00"));
    }
}
