//! The gRPC services: thin handlers over [`Calls`](crate::pipeline::Calls), and errors as rich statuses.

mod call;
mod chat;
mod improvements;
mod insight;
mod findings;
mod page;
mod opinion;
mod privacy;
mod query;
mod report;
mod reprocess;
mod review;
mod status;
mod topic;
mod upload;
mod watch;

pub(super) use call::CallApi;
pub(super) use insight::InsightApi;
pub(super) use privacy::PrivacyApi;
pub(super) use report::ReportApi;
pub(super) use reprocess::ReprocessApi;
pub(super) use review::ReviewApi;
pub(super) use opinion::OpinionApi;
pub(super) use privacy::PrivacyApi;
pub(super) use reprocess::ReprocessApi;
pub(super) use topic::TopicApi;
