//! `diting.v1.TopicService`: checks a request, asks the runs of mining, converts the answer.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::mining::{MiningRequest, MiningRuns, Outcome, Period, Run};
use crate::proto::convert::{self, all};
use crate::proto::v1::topic_service_server::TopicService;
use crate::proto::{ConvertError, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;

/// The service over the runs of one data directory.
#[derive(Debug)]
pub(in crate::serve) struct TopicApi {
    runs: Arc<MiningRuns>,
}

impl TopicApi {
    /// Serves `runs`.
    pub(in crate::serve) fn new(runs: Arc<MiningRuns>) -> Self {
        Self { runs }
    }

    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&MiningRuns) -> Result<T, RequestError> + Send + 'static,
    {
        let runs = Arc::clone(&self.runs);
        blocking(move || work(&runs)).await
    }

    /// What the run asked for found; 0 asks for the last.
    async fn found(&self, run: u64) -> Result<(Option<v1::MiningRun>, Arc<Outcome>), RequestError> {
        let id = (run > 0).then_some(run);
        let (run, found) = self.ask(move |runs| Ok(runs.found(id)?)).await?;
        Ok((Some((&run).into()), found))
    }

    async fn run(
        &self,
        work: impl FnOnce(&MiningRuns) -> Result<Run, crate::mining::MiningError> + Send + 'static,
    ) -> Result<Option<v1::MiningRun>, RequestError> {
        Ok(Some((&self.ask(|runs| Ok(work(runs)?)).await?).into()))
    }
}

fn request(wire: v1::MineTopicsRequest) -> Result<MiningRequest, ConvertError> {
    let v1::MineTopicsRequest { from, before, background_from, min_topic_calls, min_word_calls } = wire;
    let time = |field: &str, at: Option<_>| {
        let at = at.ok_or_else(|| ConvertError::new(field, "say which period is to be mined"))?;
        convert::timestamp_from_wire(field, at)
    };
    let (from, before) = (time("from", from)?, time("before", before)?);
    let background_from = match background_from {
        Some(at) => convert::timestamp_from_wire("background_from", at)?,
        None => from.checked_sub(before.duration_since(from).abs()).unwrap_or(from),
    };
    Ok(MiningRequest {
        period: Period { from, before, background_from },
        min_topic_calls: (min_topic_calls > 0).then_some(min_topic_calls),
        min_word_calls: (min_word_calls > 0).then_some(min_word_calls),
    })
}

#[tonic::async_trait]
impl TopicService for TopicApi {
    async fn mine_topics(
        &self,
        wire: Request<v1::MineTopicsRequest>,
    ) -> Result<Response<v1::MineTopicsResponse>, Status> {
        let request = request(wire.into_inner()).map_err(RequestError::Field)?;
        let run = self.run(move |runs| runs.mine(request)).await?;
        Ok(Response::new(v1::MineTopicsResponse { run }))
    }

    async fn get_mining_run(
        &self,
        request: Request<v1::GetMiningRunRequest>,
    ) -> Result<Response<v1::GetMiningRunResponse>, Status> {
        let id = request.into_inner().run;
        let run = self.run(move |runs| runs.get((id > 0).then_some(id))).await?;
        Ok(Response::new(v1::GetMiningRunResponse { run }))
    }

    async fn list_mining_runs(
        &self,
        _request: Request<v1::ListMiningRunsRequest>,
    ) -> Result<Response<v1::ListMiningRunsResponse>, Status> {
        let runs = self.ask(|runs| Ok(runs.list()?)).await?;
        Ok(Response::new(v1::ListMiningRunsResponse { runs: all(&runs) }))
    }

    async fn cancel_mining(
        &self,
        _request: Request<v1::CancelMiningRequest>,
    ) -> Result<Response<v1::CancelMiningResponse>, Status> {
        let run = self.run(MiningRuns::cancel).await?;
        Ok(Response::new(v1::CancelMiningResponse { run }))
    }

    async fn list_topics(
        &self,
        request: Request<v1::ListTopicsRequest>,
    ) -> Result<Response<v1::ListTopicsResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        Ok(Response::new(v1::ListTopicsResponse {
            run,
            topics: found.topics.iter().map(|topic| convert::topic_to_wire(topic, &found.period)).collect(),
            num_calls: found.num_calls,
            num_unclassified: found.num_unclassified,
            num_left_out: found.num_left_out,
        }))
    }

    async fn rename_topic(
        &self,
        request: Request<v1::RenameTopicRequest>,
    ) -> Result<Response<v1::RenameTopicResponse>, Status> {
        let v1::RenameTopicRequest { topic, name } = request.into_inner();
        let name = name.trim().to_owned();
        if !(1..=40).contains(&name.chars().count()) {
            return Err(
                RequestError::Field(ConvertError::new("name", "a name has 1 to 40 characters")).into()
            );
        }
        let topic = self
            .ask(move |runs| {
                let (_, found) = runs.rename(&topic, &name)?;
                let renamed = found.topics.iter().find(|topic| topic.name == name);
                Ok(renamed.map(|topic| convert::topic_to_wire(topic, &found.period)))
            })
            .await?;
        Ok(Response::new(v1::RenameTopicResponse { topic }))
    }

    async fn list_key_phrases(
        &self,
        request: Request<v1::ListKeyPhrasesRequest>,
    ) -> Result<Response<v1::ListKeyPhrasesResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        Ok(Response::new(v1::ListKeyPhrasesResponse {
            run,
            key_phrases: all(&found.key_phrases),
            num_calls: found.num_calls,
            num_background: found.num_background,
        }))
    }

    async fn list_new_words(
        &self,
        request: Request<v1::ListNewWordsRequest>,
    ) -> Result<Response<v1::ListNewWordsResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        Ok(Response::new(v1::ListNewWordsResponse {
            run,
            new_words: all(&found.new_words),
            words: all(&found.words),
            rare_limit: found.rare_limit,
        }))
    }

    async fn list_bursts(
        &self,
        request: Request<v1::ListBurstsRequest>,
    ) -> Result<Response<v1::ListBurstsResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        Ok(Response::new(v1::ListBurstsResponse { run, bursts: all(&found.bursts) }))
    }

    async fn list_demands(
        &self,
        request: Request<v1::ListDemandsRequest>,
    ) -> Result<Response<v1::ListDemandsResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        let (demands, num_calls) = (all(&found.demands), found.num_calls);
        Ok(Response::new(v1::ListDemandsResponse { run, demands, num_calls }))
    }

    async fn list_weak_spots(
        &self,
        request: Request<v1::ListWeakSpotsRequest>,
    ) -> Result<Response<v1::ListWeakSpotsResponse>, Status> {
        let (run, found) = self.found(request.into_inner().run).await?;
        let spots = &found.weak_spots;
        Ok(Response::new(v1::ListWeakSpotsResponse {
            run,
            stages: all(&spots.stages),
            num_hits_nowhere: spots.num_hits_nowhere,
            silences: all(&spots.silences),
            turns_for_the_worse: all(&spots.turns_for_the_worse),
            unclear_to_customers: all(&spots.unclear_to_customers),
            unclear_to_agents: all(&spots.unclear_to_agents),
        }))
    }
}
