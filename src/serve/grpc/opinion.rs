//! `diting.v1.OpinionService`: what the bank's own model says, marked as that.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::opinion::{Opinion, OpinionError, Opinions, Quote, Statement};
use crate::proto::v1::opinion_service_server::OpinionService;
use crate::proto::{convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;

/// The service over one model.
#[derive(Debug)]
pub(in crate::serve) struct OpinionApi {
    opinions: Arc<Opinions>,
}

impl OpinionApi {
    /// Serves `opinions`.
    pub(in crate::serve) fn new(opinions: Arc<Opinions>) -> Self {
        Self { opinions }
    }

    async fn ask<W>(&self, work: W) -> Result<Option<v1::ModelOpinion>, RequestError>
    where
        W: FnOnce(&Opinions) -> Result<Opinion, OpinionError> + Send + 'static,
    {
        let opinions = Arc::clone(&self.opinions);
        Ok(Some(wire(blocking(move || work(&opinions)).await?)))
    }
}

#[tonic::async_trait]
impl OpinionService for OpinionApi {
    async fn summarize_call(
        &self,
        request: Request<v1::SummarizeCallRequest>,
    ) -> Result<Response<v1::SummarizeCallResponse>, Status> {
        let v1::SummarizeCallRequest { call_id, anew } = request.into_inner();
        let id = convert::call_id(&call_id).map_err(RequestError::Field)?;
        let opinion = self.ask(move |opinions| opinions.summarize(&id, anew)).await?;
        Ok(Response::new(v1::SummarizeCallResponse { opinion }))
    }

    async fn judge_call(
        &self,
        request: Request<v1::JudgeCallRequest>,
    ) -> Result<Response<v1::JudgeCallResponse>, Status> {
        let v1::JudgeCallRequest { call_id, anew } = request.into_inner();
        let id = convert::call_id(&call_id).map_err(RequestError::Field)?;
        let opinion = self.ask(move |opinions| opinions.judge(&id, anew)).await?;
        Ok(Response::new(v1::JudgeCallResponse { opinion }))
    }

    async fn summarize_topic(
        &self,
        request: Request<v1::SummarizeTopicRequest>,
    ) -> Result<Response<v1::SummarizeTopicResponse>, Status> {
        let v1::SummarizeTopicRequest { topic } = request.into_inner();
        let opinion = self.ask(move |opinions| opinions.topic(&topic)).await?;
        Ok(Response::new(v1::SummarizeTopicResponse { opinion }))
    }
}

fn wire(opinion: Opinion) -> v1::ModelOpinion {
    v1::ModelOpinion {
        is_model_opinion: true,
        at: Some(convert::timestamp(opinion.at)),
        statements: opinion.statements.into_iter().map(statement).collect(),
        num_unfounded: opinion.num_unfounded,
        num_tokens: opinion.num_tokens,
        is_kept: opinion.is_kept,
        model: opinion.model,
        prompt_digest: opinion.prompt_digest,
    }
}

fn statement(Statement { text, quotes, question_id, answer }: Statement) -> v1::OpinionStatement {
    let quotes = quotes.into_iter().map(|Quote { call_id, turn, text }| v1::OpinionQuote {
        call_id: call_id.to_string(),
        turn,
        text,
    });
    v1::OpinionStatement { text, quotes: quotes.collect(), question_id, answer }
}
