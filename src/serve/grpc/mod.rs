//! The gRPC services: thin handlers over [`Calls`](crate::pipeline::Calls), and errors as rich statuses.

mod call;
mod chat;
mod findings;
mod page;
mod privacy;
mod query;
mod report;
mod reprocess;
mod status;
mod upload;
mod watch;

pub(super) use call::CallApi;
pub(super) use privacy::PrivacyApi;
pub(super) use report::ReportApi;
pub(super) use reprocess::ReprocessApi;
