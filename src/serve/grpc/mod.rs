//! The gRPC services: thin handlers over [`Calls`](crate::pipeline::Calls), and errors as rich statuses.

mod alert;
mod call;
mod chat;
mod privacy;
mod query;
mod reprocess;
mod status;
mod upload;
mod watch;

pub(super) use alert::AlertApi;
pub(super) use call::CallApi;
pub(super) use privacy::PrivacyApi;
pub(super) use reprocess::ReprocessApi;
