//! The gRPC services: thin handlers over [`Calls`](crate::pipeline::Calls), and errors as rich statuses.

mod alert;
mod call;
mod centre;
mod chat;
mod findings;
mod improvements;
mod insight;
mod opinion;
mod page;
mod privacy;
mod query;
mod report;
mod reprocess;
mod review;
mod status;
mod topic;
mod upload;
mod watch;

pub(super) use alert::AlertApi;
pub(super) use call::CallApi;
pub(super) use centre::CentreApi;
pub(super) use insight::InsightApi;
pub(super) use opinion::OpinionApi;
pub(super) use privacy::PrivacyApi;
pub(super) use report::ReportApi;
pub(super) use reprocess::ReprocessApi;
pub(super) use review::ReviewApi;
pub(super) use topic::TopicApi;
