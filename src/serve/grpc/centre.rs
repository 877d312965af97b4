//! `diting.v1.CentreService`: what is true of the whole centre, as the rules in force have it.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::pipeline::Calls;
use crate::proto::v1;
use crate::proto::v1::centre_service_server::CentreService;
use crate::types::zone_name;

/// The service over one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct CentreApi {
    calls: Arc<Calls>,
}

impl CentreApi {
    /// Tells what the rules of `calls` say.
    pub(in crate::serve) fn new(calls: Arc<Calls>) -> Self {
        Self { calls }
    }
}

#[tonic::async_trait]
impl CentreService for CentreApi {
    async fn get_centre(
        &self,
        _request: Request<v1::GetCentreRequest>,
    ) -> Result<Response<v1::GetCentreResponse>, Status> {
        let time_zone = zone_name(&self.calls.rules().scheme().time_zone());
        Ok(Response::new(v1::GetCentreResponse { time_zone }))
    }
}
