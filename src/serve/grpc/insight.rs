//! `diting.v1.InsightService`: checks a request, counts over the rows, converts the answer.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::improvements;
use crate::archive::Jobs;
use crate::catalog::{CallQuery, Catalog, Stage, TimeRange};
use crate::insight::{
    HotSpotQuery, Limits, Period, ProblemQuery, ReportQuery, TallyQuery, add_moments, add_team_moments,
    agent_report, agents, common_problems, hot_spots, snapshot, tally, team_report,
};
use crate::proto::v1::insight_service_server::InsightService;
use crate::proto::{ConvertError, convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;
use crate::types::{time_zone, zone_name};

/// Days looked back when a request does not say.
const DEFAULT_DAYS: i64 = 30;
/// Days of a window of hot spots, and of its baseline.
const WINDOW_DAYS: (i64, u32) = (7, 21);
/// Longest baseline.
const MAX_DAYS: u32 = 366;

/// The service over the rows of one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct InsightApi {
    jobs: Arc<Jobs>,
    /// Copies of rows take memory: few at a time.
    turns: Arc<Semaphore>,
}

/// Questions that are counted at the same time; others wait.
const MAX_AT_ONCE: usize = 2;

impl InsightApi {
    /// Counts over the calls of `jobs`.
    pub(in crate::serve) fn new(jobs: Arc<Jobs>) -> Self {
        Self { jobs, turns: Arc::new(Semaphore::new(MAX_AT_ONCE)) }
    }

    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Jobs) -> Result<T, RequestError> + Send + 'static,
    {
        let jobs = Arc::clone(&self.jobs);
        // An error would say that it is closed, which it never is.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        let work = move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work(&jobs)
        };
        blocking(work).await
    }

    /// The zone of that name; that of the scheme without one.
    fn zone(&self, name: &str) -> Result<TimeZone, RequestError> {
        if name.is_empty() {
            return Ok(self.jobs.calls().rules().scheme().time_zone());
        }
        let problem = || {
            let name: String = name.chars().take(64).collect();
            ConvertError::new("time_zone", format!("`{name}` is no zone: write Asia/Shanghai or +08:00"))
        };
        Ok(time_zone(name).ok_or_else(problem)?)
    }
}

fn back(before: Timestamp, days: i64) -> Timestamp {
    before.checked_sub(SignedDuration::from_hours(days.saturating_mul(24))).unwrap_or(Timestamp::MIN)
}

/// The rows of a time, copied: what is counted long must not keep writers waiting.
fn rows(jobs: &Jobs, period: Period) -> Catalog {
    snapshot(jobs.calls().store(), period)
}

/// The time asked for; `days` before its end, or now, where it is open.
fn period(range: TimeRange, days: i64) -> Result<Period, RequestError> {
    let before = range.before.unwrap_or_else(Timestamp::now);
    let from = range.from.unwrap_or_else(|| back(before, days));
    if from >= before {
        return Err(ConvertError::new("from", "the time ends before it begins").into());
    }
    Ok(Period { from, before })
}

fn period_from_wire(
    from: Option<prost_types::Timestamp>,
    before: Option<prost_types::Timestamp>,
) -> Result<Period, RequestError> {
    let time =
        |name: &str, time: Option<_>| time.map(|time| convert::timestamp_from_wire(name, time)).transpose();
    period(TimeRange { from: time("from", from)?, before: time("before", before)? }, DEFAULT_DAYS)
}

/// `asked`, or `default` when it is 0, and never more than 500.
fn limit(asked: u32, default: usize) -> Result<usize, RequestError> {
    if asked == 0 { Ok(default) } else { size_of(asked) }
}

/// The size of a page.
fn size_of(asked: u32) -> Result<usize, RequestError> {
    Ok(page_size(asked)?)
}

/// The position that a page token of a list names.
pub(super) fn offset(token: &str) -> Result<usize, RequestError> {
    if token.is_empty() {
        return Ok(0);
    }
    Ok(token.parse().map_err(|_| ConvertError::new("page_token", "it is not of this list"))?)
}

/// The token of the page after, when there is one.
pub(super) fn next_token(first: usize, size: usize, total: usize) -> String {
    let next = first.saturating_add(size);
    if next < total { next.to_string() } else { String::new() }
}

#[tonic::async_trait]
impl InsightService for InsightApi {
    async fn query_metrics(
        &self,
        request: Request<v1::QueryMetricsRequest>,
    ) -> Result<Response<v1::QueryMetricsResponse>, Status> {
        let v1::QueryMetricsRequest { scope, group_by, step, time_zone } = request.into_inner();
        let scope = convert::scope_from_wire(scope.unwrap_or_default());
        let (mut calls, rules) = scope.map_err(RequestError::Field)?;
        let asked = period(calls.started, DEFAULT_DAYS)?;
        calls.started = asked.range();
        calls.stages = vec![Stage::Done];
        let query = TallyQuery {
            calls,
            rules,
            group_by: convert::groups_from_wire("group_by", &group_by).map_err(RequestError::Field)?,
            step: convert::step_from_wire(step).map_err(RequestError::Field)?,
            time_zone: self.zone(&time_zone)?,
        };
        let answer = self.ask(move |jobs| {
            let tally = tally(&rows(jobs, asked), &query);
            let tally = tally.map_err(|error| ConvertError::new("group_by", error.to_string()))?;
            let zone = zone_name(&query.time_zone);
            Ok(v1::QueryMetricsResponse { time_zone: zone, ..convert::tally(&tally) })
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_hot_spots(
        &self,
        request: Request<v1::ListHotSpotsRequest>,
    ) -> Result<Response<v1::ListHotSpotsResponse>, Status> {
        let request = request.into_inner();
        let scope = convert::scope_from_wire(request.scope.unwrap_or_default());
        let (calls, rules) = scope.map_err(RequestError::Field)?;
        let window = period(calls.started, WINDOW_DAYS.0)?;
        let days = if request.baseline_days == 0 { WINDOW_DAYS.1 } else { request.baseline_days };
        let wrong = |field: &str, problem: &str| RequestError::Field(ConvertError::new(field, problem));
        if days > MAX_DAYS {
            return Err(wrong("baseline_days", "at most 366 days").into());
        }
        let or = |value: f64, default: f64| if value == 0.0 { default } else { value };
        let standard = Limits::default();
        let limits = Limits {
            max_q: or(request.max_q, standard.max_q),
            min_rise: request.min_rise.unwrap_or(standard.min_rise),
            min_ratio: or(request.min_ratio, standard.min_ratio),
            ..standard
        };
        if !(limits.max_q > 0.0 && limits.max_q <= 0.5) {
            return Err(wrong("max_q", "above 0, at most 0.5").into());
        }
        if !(0.0..=1.0).contains(&limits.min_rise) || !(1.0..=1000.0).contains(&limits.min_ratio) {
            return Err(wrong("min_rise", "0 to 1, and min_ratio from 1").into());
        }
        let query = HotSpotQuery {
            calls: CallQuery { stages: vec![Stage::Done], ..calls },
            rules,
            window,
            baseline: Period { from: back(window.from, i64::from(days)), before: window.from },
            by: convert::groups_from_wire("by", &request.by).map_err(RequestError::Field)?,
            time_zone: self.zone(&request.time_zone)?,
            limits,
            max_spots: limit(request.limit, 50)?,
        };
        let time_zone = zone_name(&query.time_zone);
        let with_unclaimed = request.with_unclaimed;
        let spanned = Period { from: query.baseline.from, before: window.before };
        let found = self.ask(move |jobs| {
            let rows = rows(jobs, spanned);
            let looked_at = CallQuery { started: window.range(), ..query.calls.clone() };
            let num_calls = rows.chosen(&looked_at).filter(|call| call.judgement.is_some()).count();
            Ok((hot_spots(&rows, &query), num_calls as u64))
        });
        let (found, num_calls) = found.await?;
        let told = found.spots.iter().enumerate().filter(|(_, spot)| with_unclaimed || spot.is_claimed);
        let told = told.map(|(place, spot)| v1::HotSpot {
            parts: found.parts_of(place).into_iter().map(Into::into).collect(),
            ..spot.into()
        });
        Ok(Response::new(v1::ListHotSpotsResponse {
            hot_spots: told.collect(),
            num_tested: found.num_tested,
            statistic: found.statistic.to_owned(),
            time_zone,
            num_calls: Some(num_calls),
        }))
    }

    async fn create_improvement(
        &self,
        request: Request<v1::CreateImprovementRequest>,
    ) -> Result<Response<v1::CreateImprovementResponse>, Status> {
        let wire = request.into_inner().improvement.unwrap_or_default();
        let zone = self.zone("")?;
        let (one, effect) = self.ask(move |jobs| improvements::create(jobs, wire, &zone)).await?;
        Ok(Response::new(v1::CreateImprovementResponse { improvement: Some(one), effect: Some(effect) }))
    }

    async fn get_improvement(
        &self,
        request: Request<v1::GetImprovementRequest>,
    ) -> Result<Response<v1::GetImprovementResponse>, Status> {
        let id = request.into_inner().improvement_id;
        let zone = self.zone("")?;
        let (one, effect) = self.ask(move |jobs| improvements::get(jobs, &id, &zone)).await?;
        Ok(Response::new(v1::GetImprovementResponse { improvement: Some(one), effect: Some(effect) }))
    }

    async fn list_improvements(
        &self,
        request: Request<v1::ListImprovementsRequest>,
    ) -> Result<Response<v1::ListImprovementsResponse>, Status> {
        let v1::ListImprovementsRequest { page_size: size, page_token } = request.into_inner();
        let (size, first) = (size_of(size)?, offset(&page_token)?);
        let zone = self.zone("")?;
        Ok(Response::new(self.ask(move |jobs| improvements::list(jobs, first, size, &zone)).await?))
    }

    async fn update_improvement(
        &self,
        request: Request<v1::UpdateImprovementRequest>,
    ) -> Result<Response<v1::UpdateImprovementResponse>, Status> {
        let v1::UpdateImprovementRequest { improvement, update_mask } = request.into_inner();
        let (wire, mask) = (improvement.unwrap_or_default(), update_mask.unwrap_or_default().paths);
        let zone = self.zone("")?;
        let (one, effect) = self.ask(move |jobs| improvements::update(jobs, wire, &mask, &zone)).await?;
        Ok(Response::new(v1::UpdateImprovementResponse { improvement: Some(one), effect: Some(effect) }))
    }

    async fn delete_improvement(
        &self,
        request: Request<v1::DeleteImprovementRequest>,
    ) -> Result<Response<v1::DeleteImprovementResponse>, Status> {
        let id = request.into_inner().improvement_id;
        self.ask(move |jobs| improvements::delete(jobs, &id)).await?;
        Ok(Response::new(v1::DeleteImprovementResponse {}))
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let request = request.into_inner();
        let query = ReportQuery::new(period_from_wire(request.from, request.before)?, self.zone("")?);
        let (size, first) = (size_of(request.page_size)?, offset(&request.page_token)?);
        let mut all = self.ask(move |jobs| Ok(agents(&rows(jobs, query.period), &query))).await?;
        all.retain(|one| request.team.is_empty() || one.team.as_deref() == Some(request.team.as_str()));
        Ok(Response::new(v1::ListAgentsResponse {
            agents: all.iter().skip(first).take(size).map(Into::into).collect(),
            next_page_token: next_token(first, size, all.len()),
        }))
    }

    async fn get_agent_report(
        &self,
        request: Request<v1::GetAgentReportRequest>,
    ) -> Result<Response<v1::GetAgentReportResponse>, Status> {
        let v1::GetAgentReportRequest { agent_id, from, before, time_zone } = request.into_inner();
        let query = ReportQuery::new(period_from_wire(from, before)?, self.zone(&time_zone)?);
        let report = self.ask(move |jobs| {
            let (store, rules) = (jobs.calls().store(), jobs.calls().rules());
            let report = agent_report(&rows(jobs, query.span()), rules, &agent_id, &query);
            let mut report = report.ok_or(RequestError::NoJudgedCalls { whose: agent_id })?;
            add_moments(store, &mut report)?;
            Ok(v1::PeopleReport::from(&report))
        });
        Ok(Response::new(v1::GetAgentReportResponse { report: Some(report.await?) }))
    }

    async fn get_team_report(
        &self,
        request: Request<v1::GetTeamReportRequest>,
    ) -> Result<Response<v1::GetTeamReportResponse>, Status> {
        let v1::GetTeamReportRequest { team, from, before, time_zone } = request.into_inner();
        let query = ReportQuery::new(period_from_wire(from, before)?, self.zone(&time_zone)?);
        let report = self.ask(move |jobs| {
            let store = jobs.calls().store();
            let report = team_report(&rows(jobs, query.span()), &team, &query);
            let mut report = report.ok_or(RequestError::NoJudgedCalls { whose: team })?;
            add_team_moments(store, &mut report)?;
            Ok(v1::PeopleReport::from(&report))
        });
        Ok(Response::new(v1::GetTeamReportResponse { report: Some(report.await?) }))
    }

    async fn list_common_problems(
        &self,
        request: Request<v1::ListCommonProblemsRequest>,
    ) -> Result<Response<v1::ListCommonProblemsResponse>, Status> {
        let v1::ListCommonProblemsRequest { scope, limit: most, time_zone } = request.into_inner();
        let scope = convert::scope_from_wire(scope.unwrap_or_default());
        let (calls, rules) = scope.map_err(RequestError::Field)?;
        let query = ProblemQuery {
            period: period(calls.started, DEFAULT_DAYS)?,
            calls,
            rules,
            time_zone: self.zone(&time_zone)?,
            max_problems: limit(most, 20)?,
        };
        let time_zone = zone_name(&query.time_zone);
        let found = self.ask(move |jobs| Ok(common_problems(&rows(jobs, query.period), &query))).await?;
        let problems = found.iter().map(Into::into).collect();
        Ok(Response::new(v1::ListCommonProblemsResponse { problems, time_zone }))
    }
}
