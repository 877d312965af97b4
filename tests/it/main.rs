//! Tests of the whole: real files, real sled, real threads; one binary, one module per file.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a test that cannot go on should say so at once, and nobody imports its helpers"
)]

mod alert_support;
mod alert_webhooks;
mod alerts;
mod alerts_crash;
mod alerts_scope;
mod alerts_watch;
mod architecture;
mod bad_input;
mod centre_clock;
mod chats;
mod cli_batch;
mod cli_client;
mod cli_local;
mod command;
mod crash;
mod damage;
mod errors_doc;
mod grpc_calls;
mod grpc_upload;
mod insight;
mod invented_text;
mod job_support;
mod jobs;
mod jobs_crash;
mod lifecycle;
mod masking;
mod masking_late;
mod mono;
mod month;
mod opinions;
mod pages;
mod pipeline;
mod query;
mod rejudge;
mod reports;
mod review;
mod rule_behaviour;
mod rule_tools;
mod sandbox;
mod speech;
mod support;
mod topics;
mod transfers;
mod watch_folder;
mod weights;
