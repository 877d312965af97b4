//! Days, ISO weeks and months of a time zone, as the times between which a call begins.
//!
//! **Invariant**: every moment lies in exactly one period of each unit of a zone; the period before a period ends where
//! the period begins.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use super::ReportError;
use crate::catalog::TimeRange;
use crate::types::time_zone;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first to the last.
    Month,
}

impl Unit {
    /// Its name in file names: `day`, `week` or `month`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// A day, a week or a month of a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    unit: Unit,
    first: Date,
    zone: TimeZone,
    zone_name: String,
}

impl Period {
    /// The period in which `date` lies, in the zone `zone_name`: a name such as `Asia/Shanghai` or an offset such
    /// as `+08:00`.
    ///
    /// # Errors
    /// [`ReportError::Zone`] for a zone that this machine does not know; [`ReportError::Date`] outside of the years 1970 to
    /// 9000.
    pub fn new(unit: Unit, date: Date, zone_name: &str) -> Result<Self, ReportError> {
        if !(1970..=9000).contains(&date.year()) {
            return Err(ReportError::Date { date: date.to_string() });
        }
        let first = match unit {
            Unit::Day => date,
            Unit::Week => back(date, i64::from(date.weekday().since(Weekday::Monday))),
            Unit::Month => date.first_of_month(),
        };
        Ok(Self { unit, first, zone: zone(zone_name)?, zone_name: zone_name.to_owned() })
    }

    /// The period in which the moment `at` lies.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn at(unit: Unit, at: Timestamp, zone_name: &str) -> Result<Self, ReportError> {
        Self::new(unit, zone(zone_name)?.to_datetime(at).date(), zone_name)
    }

    /// Its unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Its first day.
    #[must_use]
    pub fn first(&self) -> Date {
        self.first
    }

    /// The name of its zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// Its zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first day after it.
    #[must_use]
    pub fn end(&self) -> Date {
        let length = match self.unit {
            Unit::Day => 1.day(),
            Unit::Week => 1.week(),
            Unit::Month => 1.month(),
        };
        on(self.first, length)
    }

    /// The period before.
    #[must_use]
    pub fn previous(&self) -> Self {
        let first = match self.unit {
            Unit::Day => back(self.first, 1),
            Unit::Week => back(self.first, 7),
            Unit::Month => back(self.first, 1).first_of_month(),
        };
        Self { first, ..self.clone() }
    }

    /// Its days.
    #[must_use]
    pub fn days(&self) -> Vec<Date> {
        let end = self.end();
        std::iter::successors(Some(self.first), |day| Some(on(*day, 1.day())))
            .take_while(|day| *day < end)
            .collect()
    }

    /// The local day of a moment.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// When its calls begin.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        self.range_of(self.first, self.end())
    }

    /// When the calls of one of its days begin.
    #[must_use]
    pub fn day_range(&self, day: Date) -> TimeRange {
        self.range_of(day, on(day, 1.day()))
    }

    fn range_of(&self, first: Date, end: Date) -> TimeRange {
        let moment = |date: Date| self.zone.to_timestamp(date.at(0, 0, 0, 0)).ok();
        TimeRange { from: moment(first), before: moment(end) }
    }

    /// Its name for a person.
    #[must_use]
    pub fn title(&self) -> String {
        let first = self.first;
        match self.unit {
            Unit::Day => format!("{} {}", day_title(first), weekday(first.weekday())),
            Unit::Week => {
                let iso = first.iso_week_date();
                let last = back(self.end(), 1);
                format!("{}年第{}周（{}—{}）", iso.year(), iso.week(), day_title(first), short_day(last))
            }
            Unit::Month => format!("{}年{}月", first.year(), first.month()),
        }
    }

    /// What it is called in a title: 日报, 周报 or 月报.
    #[must_use]
    pub fn report_name(&self) -> &'static str {
        match self.unit {
            Unit::Day => "日报",
            Unit::Week => "周报",
            Unit::Month => "月报",
        }
    }

    /// What the period before is called: 前一日, 前一周 or 前一月.
    #[must_use]
    pub fn previous_name(&self) -> &'static str {
        match self.unit {
            Unit::Day => "前一日",
            Unit::Week => "前一周",
            Unit::Month => "前一月",
        }
    }

    /// Its name in file names, for example `2026-03-02`, `2026-W10` or `2026-03`.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self.unit {
            Unit::Day => self.first.to_string(),
            Unit::Week => {
                let iso = self.first.iso_week_date();
                format!("{}-W{:02}", iso.year(), iso.week())
            }
            Unit::Month => format!("{:04}-{:02}", self.first.year(), self.first.month()),
        }
    }
}

/// A day of the month, for example 3月2日.
#[must_use]
pub(super) fn short_day(day: Date) -> String {
    format!("{}月{}日", day.month(), day.day())
}

fn day_title(day: Date) -> String {
    format!("{}年{}", day.year(), short_day(day))
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "周一",
        Weekday::Tuesday => "周二",
        Weekday::Wednesday => "周三",
        Weekday::Thursday => "周四",
        Weekday::Friday => "周五",
        Weekday::Saturday => "周六",
        Weekday::Sunday => "周日",
    }
}

fn on(date: Date, span: Span) -> Date {
    date.saturating_add(span)
}

fn back(date: Date, days: i64) -> Date {
    date.saturating_sub(days.days())
}

fn zone(name: &str) -> Result<TimeZone, ReportError> {
    time_zone(name).ok_or_else(|| ReportError::Zone { zone: name.chars().take(64).collect() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn period(unit: Unit, day: Date) -> Period {
        Period::new(unit, day, "Asia/Shanghai").expect("a sound period")
    }

    #[test]
    fn a_week_begins_on_monday_and_belongs_to_the_year_of_its_thursday() {
        let week = period(Unit::Week, date(2027, 1, 1));
        assert_eq!(week.first(), date(2026, 12, 28));
        assert_eq!(week.file_name(), "2026-W53");
        assert_eq!(week.title(), "2026年第53周（2026年12月28日—1月3日）");
        assert_eq!(week.days().len(), 7);
    }

    #[test]
    fn a_month_has_its_days_and_a_month_before() {
        let march = period(Unit::Month, date(2028, 3, 31));
        assert_eq!((march.days().len(), march.previous().days().len()), (31, 29));
        assert_eq!(march.previous().file_name(), "2028-02");
        assert_eq!(march.title(), "2028年3月");
    }

    #[test]
    fn a_day_lies_in_its_zone() {
        let day = period(Unit::Day, date(2026, 3, 2));
        let from = day.range().from.expect("it begins").to_string();
        assert_eq!(from, "2026-03-01T16:00:00Z");
        assert_eq!(day.title(), "2026年3月2日 周一");
        let there = Period::new(Unit::Day, date(2026, 3, 2), "-05:30").expect("an offset");
        assert_eq!(there.range().from.expect("it begins").to_string(), "2026-03-02T05:30:00Z");
        let nowhere = Period::new(Unit::Day, date(2026, 3, 2), "Nowhere/At_All");
        assert!(matches!(nowhere, Err(ReportError::Zone { .. })));
    }

    #[test]
    fn a_day_of_a_changing_clock_is_shorter() {
        let Ok(day) = Period::new(Unit::Day, date(2026, 3, 29), "Europe/Berlin") else { return };
        let range = day.range();
        let hours = range.before.expect("it ends").duration_since(range.from.expect("it begins")).as_hours();
        assert_eq!(hours, 23);
    }

    proptest! {
        #[test]
        fn periods_follow_each_other(second in 0_i64..4_000_000_000, unit in prop::sample::select(vec![Unit::Day, Unit::Week, Unit::Month])) {
            let at = Timestamp::from_second(second).expect("in range");
            let period = Period::at(unit, at, "+08:00").expect("a sound period");
            prop_assert!(period.range().contains(at));
            prop_assert_eq!(period.previous().end(), period.first());
            prop_assert_eq!(period.previous().range().before, period.range().from);
        }
    }
}
