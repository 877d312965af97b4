//! Requests for reports and exports, and what they answer.

use super::filter::{CallChoice, call_choice};
use super::{ConvertError, known, optional_text};
use crate::catalog::CallQuery;
use crate::proto::v1;
use crate::report::{ExportFormat, Period, Report, Scope, TableKind, Unit};
use crate::types::RuleId;

/// What a request asks for: about what, when, and in which formats. The zone is checked by [`Period::new`].
///
/// # Errors
/// [`ConvertError`] that names the field.
pub fn report_request(
    wire: v1::CreateReportRequest,
) -> Result<(Scope, PeriodRequest, Vec<v1::ReportFormat>), ConvertError> {
    let v1::CreateReportRequest { scope, id, unit, date, time_zone, formats } = wire;
    let unit = match known::<v1::ReportUnit>("unit", unit)? {
        v1::ReportUnit::Unspecified => {
            return Err(ConvertError::new("unit", "say whether it is a day, a week or a month"));
        }
        v1::ReportUnit::Day => Unit::Day,
        v1::ReportUnit::Week => Unit::Week,
        v1::ReportUnit::Month => Unit::Month,
    };
    let day = |text: String| {
        text.parse::<jiff::civil::Date>()
            .map_err(|_| ConvertError::new("date", "name a day of the period, for example 2026-03-02"))
    };
    let date = optional_text("date", date)?.map(day).transpose()?;
    let id = optional_text("id", id)?;
    let named = |what: &str| id.clone().ok_or_else(|| ConvertError::new("id", format!("name the {what}")));
    let scope = match known::<v1::ReportScope>("scope", scope)? {
        v1::ReportScope::Unspecified | v1::ReportScope::Centre if id.is_some() => {
            return Err(ConvertError::new(
                "id",
                "a report on the centre has none: say of what it is with `scope`",
            ));
        }
        v1::ReportScope::Unspecified | v1::ReportScope::Centre => Scope::Centre,
        v1::ReportScope::Team => Scope::Team(named("team")?),
        v1::ReportScope::Agent => Scope::Agent(named("agent by the job number")?),
        v1::ReportScope::Rule => Scope::Rule(rule("id", &named("rule")?)?),
    };
    let formats: Result<Vec<v1::ReportFormat>, ConvertError> =
        formats.into_iter().map(|format| known::<v1::ReportFormat>("formats", format)).collect();
    let mut formats = formats?;
    if formats.contains(&v1::ReportFormat::Unspecified) || formats.len() > 2 {
        return Err(ConvertError::new("formats", "name HTML, XLSX, or both"));
    }
    if formats.is_empty() {
        formats = vec![v1::ReportFormat::Html, v1::ReportFormat::Xlsx];
    }
    let time_zone = optional_text("time_zone", time_zone)?;
    Ok((scope, PeriodRequest { unit, date, time_zone }, formats))
}

/// A period as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodRequest {
    unit: Unit,
    date: Option<jiff::civil::Date>,
    time_zone: Option<String>,
}

impl PeriodRequest {
    /// The period, where this machine knows the zone: without a zone in that of the scheme, which lies
    /// `utc_offset_minutes` east of UTC; without a day the last one that is over at `now`.
    ///
    /// # Errors
    /// As [`Period::new`].
    pub fn resolve(
        &self,
        utc_offset_minutes: i32,
        now: jiff::Timestamp,
    ) -> Result<Period, crate::report::ReportError> {
        let sign = if utc_offset_minutes < 0 { '-' } else { '+' };
        let minutes = utc_offset_minutes.unsigned_abs();
        let of_scheme = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        let zone = self.time_zone.as_deref().unwrap_or(&of_scheme);
        match self.date {
            Some(date) => Period::new(self.unit, date, zone),
            None => Ok(Period::at(self.unit, now, zone)?.previous()),
        }
    }
}

/// What an export asks for.
///
/// # Errors
/// [`ConvertError`] that names the field.
pub fn export_request(
    wire: v1::ExportTableRequest,
) -> Result<(TableKind, CallQuery, ExportFormat), ConvertError> {
    let v1::ExportTableRequest { table, filter, format, csv_bom } = wire;
    let kind = match known::<v1::ExportedTable>("table", table)? {
        v1::ExportedTable::Unspecified => return Err(ConvertError::new("table", "name calls or findings")),
        v1::ExportedTable::Calls => TableKind::Calls,
        v1::ExportedTable::Findings => TableKind::Findings,
    };
    let format = match known::<v1::ExportFormat>("format", format)? {
        v1::ExportFormat::Unspecified => return Err(ConvertError::new("format", "name CSV or Parquet")),
        v1::ExportFormat::Csv => ExportFormat::Csv { bom: csv_bom },
        v1::ExportFormat::Parquet => ExportFormat::Parquet,
    };
    Ok((kind, filter.map(query).transpose()?.unwrap_or_default(), format))
}

fn query(wire: v1::CallFilter) -> Result<CallQuery, ConvertError> {
    let CallChoice { query, text } = call_choice(wire)?;
    if text.is_some() {
        return Err(ConvertError::new("filter.text", "an export chooses calls by their facts, not by words"));
    }
    Ok(query)
}

fn rule(field: &str, id: &str) -> Result<RuleId, ConvertError> {
    RuleId::try_new(id).map_err(|error| ConvertError::new(field, error.to_string()))
}

/// A file of a report, and what it may be called: nothing in it leads out of a folder.
#[must_use]
pub fn report_file(report: &Report, format: v1::ReportFormat, bytes: &[u8]) -> v1::ReportFile {
    let Report { scope, period, num_calls, .. } = report;
    let ending = match format {
        v1::ReportFormat::Xlsx => "xlsx",
        v1::ReportFormat::Html | v1::ReportFormat::Unspecified => "html",
    };
    let safe = |one: char| if one.is_alphanumeric() || "-_".contains(one) { one } else { '_' };
    let id: String = scope.id().chars().map(safe).take(40).collect();
    let of = if id.is_empty() { String::new() } else { format!("-{id}") };
    v1::ReportFile {
        name: format!("report-{}{of}-{}.{ending}", scope.kind(), period.file_name()),
        format: format.into(),
        num_bytes: bytes.len() as u64,
        num_calls: Some(*num_calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> v1::CreateReportRequest {
        v1::CreateReportRequest {
            scope: v1::ReportScope::Team.into(),
            id: "../一组".to_owned(),
            unit: v1::ReportUnit::Month.into(),
            date: "2026-03-02".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        let (scope, period, formats) = report_request(request()).expect("it is sound");
        assert_eq!(formats, [v1::ReportFormat::Html, v1::ReportFormat::Xlsx]);
        let period = period.resolve(480, jiff::Timestamp::UNIX_EPOCH).expect("a period");
        let report = Report {
            title: String::new(),
            subject: String::new(),
            scope,
            period,
            num_calls: 7,
            basis: Vec::new(),
            summary: Vec::new(),
            sections: Vec::new(),
            definitions: Vec::new(),
        };
        let file = report_file(&report, v1::ReportFormat::Xlsx, b"abc");
        assert_eq!((file.name.as_str(), file.num_bytes), ("report-team-___一组-2026-03.xlsx", 3));
        assert_eq!(file.num_calls, Some(7));
    }

    #[test]
    fn what_cannot_be_taken_names_its_field() {
        let field = |wire| report_request(wire).expect_err("it is refused").field;
        assert_eq!(field(v1::CreateReportRequest { unit: 0, ..request() }), "unit");
        assert_eq!(field(v1::CreateReportRequest { date: "March".to_owned(), ..request() }), "date");
        assert_eq!(field(v1::CreateReportRequest { id: String::new(), ..request() }), "id");
        assert_eq!(field(v1::CreateReportRequest { scope: 1, ..request() }), "id");
        assert_eq!(field(v1::CreateReportRequest { scope: 9, ..request() }), "scope");
        assert_eq!(field(v1::CreateReportRequest { formats: vec![0], ..request() }), "formats");
        let export = |wire| export_request(wire).expect_err("it is refused").field;
        assert_eq!(export(v1::ExportTableRequest::default()), "table");
        assert_eq!(export(v1::ExportTableRequest { table: 1, ..Default::default() }), "format");
        let filter = Some(v1::CallFilter { text: "保本".to_owned(), ..Default::default() });
        assert_eq!(
            export(v1::ExportTableRequest { table: 1, format: 1, filter, csv_bom: false }),
            "filter.text"
        );
    }

    #[test]
    fn a_period_is_in_the_zone_of_the_scheme_and_over_unless_asked_otherwise() {
        let now = "2026-03-01T17:00:00Z".parse().expect("a time");
        let resolved = |date: Option<&str>, zone: Option<&str>, minutes| {
            let date = date.map(|date| date.parse().expect("a day"));
            let request = PeriodRequest { unit: Unit::Day, date, time_zone: zone.map(str::to_owned) };
            request.resolve(minutes, now).expect("a period")
        };
        let told = |period: Period| (period.file_name(), period.zone_name().to_owned());
        let pair = |day: &str, zone: &str| (day.to_owned(), zone.to_owned());
        assert_eq!(told(resolved(None, None, 480)), pair("2026-03-01", "+08:00"));
        assert_eq!(told(resolved(None, None, -210)), pair("2026-02-28", "-03:30"));
        assert_eq!(told(resolved(Some("2026-03-02"), Some("UTC"), 480)), pair("2026-03-02", "UTC"));
    }
}
