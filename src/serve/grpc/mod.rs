//! The gRPC services: thin handlers over [`Calls`](crate::pipeline::Calls), and errors as rich statuses.

mod call;
mod chat;
mod opinion;
mod privacy;
mod query;
mod reprocess;
mod status;
mod topic;
mod upload;
mod watch;

pub(super) use call::CallApi;
pub(super) use opinion::OpinionApi;
pub(super) use privacy::PrivacyApi;
pub(super) use reprocess::ReprocessApi;
pub(super) use topic::TopicApi;
