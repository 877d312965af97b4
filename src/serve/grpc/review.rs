//! `diting.v1.ReviewService`: checks a request, asks the reviews, converts the answer.

use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;
use tonic::{Request, Response, Status};

use super::page::Question;
use crate::proto::v1::review_service_server::ReviewService;
use crate::proto::{ConvertError, convert, v1};
use crate::review::{Handling, Load, Place, Review, Reviews, Subject, Submission, TaskFilter, TaskId};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;
use crate::store::StoreError;
use crate::types::CallId;

/// The service over the reviews of one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct ReviewApi {
    reviews: Arc<Reviews>,
}

impl ReviewApi {
    /// Serves `reviews`.
    pub(in crate::serve) fn new(reviews: Arc<Reviews>) -> Self {
        Self { reviews }
    }

    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Reviews, Timestamp) -> Result<T, RequestError> + Send + 'static,
    {
        let reviews = Arc::clone(&self.reviews);
        blocking(move || work(&reviews, now())).await
    }
}

/// Now, as exact as it is kept.
fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The review of a call as `viewer` may see it.
fn shown(
    reviews: &Reviews,
    id: &CallId,
    viewer: Option<&str>,
    now: Timestamp,
) -> Result<Option<v1::Review>, RequestError> {
    let shown = reviews.get(id, viewer, now)?;
    let items = reviews.manual_items(id)?;
    Ok(Some(convert::review(&shown, &items, now)))
}

/// A step taken in the name of `person`, and the review as they may see it then.
fn stepped(
    reviews: &Reviews,
    id: &CallId,
    person: &str,
    now: Timestamp,
    step: impl FnOnce() -> Result<Review, crate::review::ReviewError>,
) -> Result<Option<v1::Review>, RequestError> {
    step()?;
    shown(reviews, id, Some(person), now)
}

/// Where a page of a list begins, and what its token is bound to. `asked` is a request without its page.
fn page_of(list: &str, asked: &impl Message, token: &str) -> Result<(Question, Option<Place>), RequestError> {
    let question = Question::new(list, asked);
    Ok((question, question.position(token)?.map(Place::from_bytes)))
}

/// The call that stands at a position.
fn call_at(position: Vec<u8>) -> Result<CallId, RequestError> {
    let id = String::from_utf8(position).ok().and_then(|id| CallId::try_new(id).ok());
    Ok(id.ok_or(StoreError::PageToken)?)
}

/// The position of what stands at a place.
fn position(place: Place) -> Vec<u8> {
    place.as_bytes().to_vec()
}

#[tonic::async_trait]
impl ReviewService for ReviewApi {
    async fn create_review_plan(
        &self,
        request: Request<v1::CreateReviewPlanRequest>,
    ) -> Result<Response<v1::CreateReviewPlanResponse>, Status> {
        let plan = request.into_inner().plan.unwrap_or_default();
        let plan = convert::plan(plan).map_err(RequestError::from)?;
        let plan = self.ask(move |reviews, now| Ok(reviews.create_plan(plan, now)?)).await?;
        Ok(Response::new(v1::CreateReviewPlanResponse { plan: Some(plan.into()) }))
    }

    async fn update_review_plan(
        &self,
        request: Request<v1::UpdateReviewPlanRequest>,
    ) -> Result<Response<v1::UpdateReviewPlanResponse>, Status> {
        let plan = request.into_inner().plan.unwrap_or_default();
        let plan = convert::plan(plan).map_err(RequestError::from)?;
        let plan = self.ask(move |reviews, now| Ok(reviews.update_plan(plan, now)?)).await?;
        Ok(Response::new(v1::UpdateReviewPlanResponse { plan: Some(plan.into()) }))
    }

    async fn delete_review_plan(
        &self,
        request: Request<v1::DeleteReviewPlanRequest>,
    ) -> Result<Response<v1::DeleteReviewPlanResponse>, Status> {
        let id = request.into_inner().plan_id;
        self.ask(move |reviews, _| Ok(reviews.delete_plan(&id)?)).await?;
        Ok(Response::new(v1::DeleteReviewPlanResponse {}))
    }

    async fn list_review_plans(
        &self,
        _request: Request<v1::ListReviewPlansRequest>,
    ) -> Result<Response<v1::ListReviewPlansResponse>, Status> {
        let (plans, num_damaged) = self.ask(|reviews, _| Ok(reviews.plans()?)).await?;
        let plans = plans.into_iter().map(Into::into).collect();
        Ok(Response::new(v1::ListReviewPlansResponse { plans, num_damaged }))
    }

    async fn run_review_plan(
        &self,
        request: Request<v1::RunReviewPlanRequest>,
    ) -> Result<Response<v1::RunReviewPlanResponse>, Status> {
        let v1::RunReviewPlanRequest { plan_id, started_from, started_before } = request.into_inner();
        let period =
            convert::period("started_from", started_from, started_before).map_err(RequestError::from)?;
        let run = self.ask(move |reviews, now| Ok(reviews.run_plan(&plan_id, period, now)?)).await?;
        Ok(Response::new(v1::RunReviewPlanResponse {
            num_chosen: run.num_chosen,
            num_known: run.num_known,
            num_queued: run.num_queued,
        }))
    }

    async fn queue_for_review(
        &self,
        request: Request<v1::QueueForReviewRequest>,
    ) -> Result<Response<v1::QueueForReviewResponse>, Status> {
        let v1::QueueForReviewRequest { call_ids, actor, twice } = request.into_inner();
        let actor = convert::person("actor", &actor).map_err(RequestError::from)?;
        let ids = call_ids.iter().map(|id| convert::call_id(id)).collect::<Result<Vec<_>, _>>();
        let ids = ids.map_err(RequestError::from)?;
        page_size(u32::try_from(ids.len()).unwrap_or(u32::MAX)).map_err(RequestError::from)?;
        let queued = self
            .ask(move |reviews, now| {
                let mut queued = Vec::new();
                for id in ids {
                    if reviews.queue(&id, &actor, None, twice, now)? {
                        queued.push(id.to_string());
                    }
                }
                Ok(queued)
            })
            .await?;
        Ok(Response::new(v1::QueueForReviewResponse { queued_call_ids: queued }))
    }

    async fn list_review_tasks(
        &self,
        request: Request<v1::ListReviewTasksRequest>,
    ) -> Result<Response<v1::ListReviewTasksResponse>, Status> {
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size)).map_err(RequestError::from)?;
        let token = std::mem::take(&mut request.page_token);
        let (question, after) = page_of("tasks", &request, &token)?;
        let filter = TaskFilter {
            plan: Some(request.plan_id).filter(|plan| !plan.is_empty()),
            reviewer: Some(request.reviewer.trim().to_owned()).filter(|reviewer| !reviewer.is_empty()),
            slot: convert::slot(request.slot).map_err(RequestError::from)?,
            query: convert::selection(request.selection.unwrap_or_default()).map_err(RequestError::from)?,
        };
        let (page, now) =
            self.ask(move |reviews, now| Ok((reviews.list(&filter, after.as_ref(), size, now), now))).await?;
        let load = |(reviewer, Load { num_held, num_assigned })| v1::ReviewerLoad {
            reviewer,
            num_held,
            num_assigned,
        };
        Ok(Response::new(v1::ListReviewTasksResponse {
            tasks: page.tasks.iter().map(|task| convert::review_task(task, now)).collect(),
            next_page_token: question.token(page.next.map(position)),
            num_tasks: page.num_tasks,
            loads: page.loads.into_iter().map(load).collect(),
            num_damaged: page.num_damaged,
        }))
    }

    async fn lease_review_task(
        &self,
        request: Request<v1::LeaseReviewTaskRequest>,
    ) -> Result<Response<v1::LeaseReviewTaskResponse>, Status> {
        let request = request.into_inner();
        let filter = TaskFilter {
            plan: Some(request.plan_id).filter(|plan| !plan.is_empty()),
            reviewer: None,
            slot: convert::slot(request.slot).map_err(RequestError::from)?,
            query: convert::selection(request.selection.unwrap_or_default()).map_err(RequestError::from)?,
        };
        let reviewer = convert::person("reviewer", &request.reviewer).map_err(RequestError::from)?;
        let task = self
            .ask(move |reviews, now| {
                let task = reviews.lease(&reviewer, &filter, now)?;
                Ok(task.map(|task| convert::review_task(&task, now)))
            })
            .await?;
        Ok(Response::new(v1::LeaseReviewTaskResponse { task }))
    }

    async fn return_review_task(
        &self,
        request: Request<v1::ReturnReviewTaskRequest>,
    ) -> Result<Response<v1::ReturnReviewTaskResponse>, Status> {
        let v1::ReturnReviewTaskRequest { call_id, reviewer, comment } = request.into_inner();
        let reviewer = convert::person("reviewer", &reviewer).map_err(RequestError::from)?;
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let task = self
            .ask(move |reviews, now| {
                let task = reviews.give_back(&id, &reviewer, &comment, now)?;
                Ok(convert::review_task(&task, now))
            })
            .await?;
        Ok(Response::new(v1::ReturnReviewTaskResponse { task: Some(task) }))
    }

    async fn assign_review_task(
        &self,
        request: Request<v1::AssignReviewTaskRequest>,
    ) -> Result<Response<v1::AssignReviewTaskResponse>, Status> {
        let v1::AssignReviewTaskRequest { call_id, slot, reviewer, actor } = request.into_inner();
        let actor = convert::person("actor", &actor).map_err(RequestError::from)?;
        let call_id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let slot = convert::slot(slot).map_err(RequestError::from)?;
        let id = TaskId { call_id, slot: slot.unwrap_or(crate::review::Slot::First) };
        let task = self
            .ask(move |reviews, now| {
                let to = Some(reviewer.trim()).filter(|to| !to.is_empty());
                let task = reviews.assign(&id, to, &actor, now)?;
                Ok(convert::review_task(&task, now))
            })
            .await?;
        Ok(Response::new(v1::AssignReviewTaskResponse { task: Some(task) }))
    }

    async fn submit_review(
        &self,
        request: Request<v1::SubmitReviewRequest>,
    ) -> Result<Response<v1::SubmitReviewResponse>, Status> {
        let v1::SubmitReviewRequest { call_id, reviewer, choices, hand_scores, comment } =
            request.into_inner();
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let choices = choices.into_iter().map(convert::choice).collect::<Result<_, _>>();
        let hands = hand_scores.into_iter().map(|hand| {
            let item_id = convert::rule_id("hand_scores.item_id", hand.item_id)?;
            Ok::<_, ConvertError>((item_id, convert::points("hand_scores.points", hand.points)?))
        });
        let submission = Submission {
            reviewer: convert::person("reviewer", &reviewer).map_err(RequestError::from)?,
            choices: choices.map_err(RequestError::from)?,
            hands: hands.collect::<Result<_, _>>().map_err(RequestError::from)?,
            comment,
        };
        let review = self
            .ask(move |reviews, now| {
                let step = || reviews.submit(&id, &submission, now);
                stepped(reviews, &id, &submission.reviewer, now, step)
            })
            .await?;
        Ok(Response::new(v1::SubmitReviewResponse { review }))
    }

    async fn get_review(
        &self,
        request: Request<v1::GetReviewRequest>,
    ) -> Result<Response<v1::GetReviewResponse>, Status> {
        let v1::GetReviewRequest { call_id, viewer } = request.into_inner();
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let review = self
            .ask(move |reviews, now| {
                shown(reviews, &id, Some(viewer.trim()).filter(|viewer| !viewer.is_empty()), now)
            })
            .await?;
        Ok(Response::new(v1::GetReviewResponse { review }))
    }

    async fn submit_appeal(
        &self,
        request: Request<v1::SubmitAppealRequest>,
    ) -> Result<Response<v1::SubmitAppealResponse>, Status> {
        use v1::submit_appeal_request::Subject as Named;
        let v1::SubmitAppealRequest { call_id, agent_id, subject, reason } = request.into_inner();
        let agent_id = convert::person("agent_id", &agent_id).map_err(RequestError::from)?;
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let subject = match subject {
            Some(Named::RuleId(rule_id)) => convert::rule_id("rule_id", rule_id).map(Subject::Rule),
            Some(Named::ItemId(item_id)) => convert::rule_id("item_id", item_id).map(Subject::Item),
            None => Err(ConvertError::new("rule_id", "say what the appeal is against")),
        };
        let subject = subject.map_err(RequestError::from)?;
        let review = self
            .ask(move |reviews, now| {
                let step = || reviews.appeal(&id, &agent_id, subject, &reason, now);
                stepped(reviews, &id, &agent_id, now, step)
            })
            .await?;
        Ok(Response::new(v1::SubmitAppealResponse { review }))
    }

    async fn withdraw_appeal(
        &self,
        request: Request<v1::WithdrawAppealRequest>,
    ) -> Result<Response<v1::WithdrawAppealResponse>, Status> {
        let v1::WithdrawAppealRequest { call_id, number, agent_id, comment } = request.into_inner();
        let agent_id = convert::person("agent_id", &agent_id).map_err(RequestError::from)?;
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let review = self
            .ask(move |reviews, now| {
                let step = || reviews.withdraw(&id, &agent_id, number, &comment, now);
                stepped(reviews, &id, &agent_id, now, step)
            })
            .await?;
        Ok(Response::new(v1::WithdrawAppealResponse { review }))
    }

    async fn handle_appeal(
        &self,
        request: Request<v1::HandleAppealRequest>,
    ) -> Result<Response<v1::HandleAppealResponse>, Status> {
        let request = request.into_inner();
        let id = convert::call_id(&request.call_id).map_err(RequestError::from)?;
        let points = request.points.map(|points| convert::points("points", points)).transpose();
        let handling = Handling {
            numbers: request.numbers,
            handler: convert::person("handler", &request.handler).map_err(RequestError::from)?,
            accepted: request.accept,
            verdict: convert::some_verdict("verdict", request.verdict).map_err(RequestError::from)?,
            points: points.map_err(RequestError::from)?,
            reason: request.reason,
            is_final: request.final_judgement,
        };
        let review = self
            .ask(move |reviews, now| {
                let step = || reviews.handle(&id, &handling, now);
                stepped(reviews, &id, &handling.handler, now, step)
            })
            .await?;
        Ok(Response::new(v1::HandleAppealResponse { review }))
    }

    async fn list_appeals(
        &self,
        request: Request<v1::ListAppealsRequest>,
    ) -> Result<Response<v1::ListAppealsResponse>, Status> {
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size)).map_err(RequestError::from)?;
        let token = std::mem::take(&mut request.page_token);
        let (question, after) = page_of("appeals", &request, &token)?;
        let v1::ListAppealsRequest { selection, all, .. } = request;
        let query = convert::selection(selection.unwrap_or_default()).map_err(RequestError::from)?;
        let page =
            self.ask(move |reviews, _| Ok(reviews.appeals(&query, !all, after.as_ref(), size)?)).await?;
        Ok(Response::new(v1::ListAppealsResponse {
            appeals: page.appeals.iter().map(|one| convert::appeal(&one.call_id, &one.appeal)).collect(),
            next_page_token: question.token(page.next.map(position)),
            num_damaged: page.num_damaged,
        }))
    }

    async fn get_rule_counts(
        &self,
        request: Request<v1::GetRuleCountsRequest>,
    ) -> Result<Response<v1::GetRuleCountsResponse>, Status> {
        let selection = request.into_inner().selection.unwrap_or_default();
        let query = convert::selection(selection).map_err(RequestError::from)?;
        let rules = self.ask(move |reviews, _| Ok(reviews.rule_counts(&query))).await?;
        Ok(Response::new(v1::GetRuleCountsResponse { rules: rules.into_iter().map(Into::into).collect() }))
    }

    async fn get_reviewer_agreement(
        &self,
        request: Request<v1::GetReviewerAgreementRequest>,
    ) -> Result<Response<v1::GetReviewerAgreementResponse>, Status> {
        let v1::GetReviewerAgreementRequest { selection, from, before } = request.into_inner();
        let query = convert::selection(selection.unwrap_or_default()).map_err(RequestError::from)?;
        let period = convert::period("from", from, before).map_err(RequestError::from)?;
        let agreement = self.ask(move |reviews, _| Ok(reviews.agreement(&query, period)?)).await?;
        Ok(Response::new(agreement.into()))
    }

    async fn export_labels(
        &self,
        request: Request<v1::ExportLabelsRequest>,
    ) -> Result<Response<v1::ExportLabelsResponse>, Status> {
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size)).map_err(RequestError::from)?;
        let token = std::mem::take(&mut request.page_token);
        let question = Question::new("labels", &request);
        let after = question.position(&token).map_err(RequestError::from)?.map(call_at).transpose()?;
        let query = convert::selection(request.selection.unwrap_or_default()).map_err(RequestError::from)?;
        let page = self.ask(move |reviews, _| Ok(reviews.labels(&query, after.as_ref(), size)?)).await?;
        Ok(Response::new(v1::ExportLabelsResponse {
            calls: page.calls.into_iter().map(Into::into).collect(),
            next_page_token: question.token(page.next.map(|id| id.as_str().as_bytes().to_vec())),
            num_damaged: page.num_damaged,
        }))
    }
}
