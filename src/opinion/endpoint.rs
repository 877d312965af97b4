//! One question to an OpenAI-compatible endpoint over HTTP.
//!
//! **Invariant**: nothing is sent but to the configured address: no redirect is followed, no proxy of the environment
//! used; an answer has a limit in time and in bytes.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{OpinionConfig, OpinionError};

/// Largest answer that is read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// What the endpoint answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) content: String,
    /// Tokens of question and answer, when the endpoint says.
    pub(super) num_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
}

/// Asks; `prompt` says what to do with `text`.
pub(super) fn ask(
    config: &OpinionConfig,
    key: Option<&str>,
    prompt: &str,
    text: &str,
) -> Result<Reply, OpinionError> {
    let secs = config.timeout_secs;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(secs)))
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent(concat!("diting/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let body = json!({
        "model": config.model,
        "temperature": 0,
        "max_tokens": config.max_answer_tokens,
        "messages": [
            { "role": "system", "content": prompt },
            { "role": "user", "content": text },
        ],
    });
    let failed = |error: ureq::Error| {
        if let ureq::Error::Timeout(_) = error {
            OpinionError::Timeout { secs }
        } else if let ureq::Error::BodyExceedsLimit(limit) = error {
            OpinionError::TooLarge { limit }
        } else {
            OpinionError::Unreachable(Box::new(error))
        }
    };
    let address = format!("{}/chat/completions", config.url.trim_end_matches('/'));
    let mut request = agent.post(&address).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let mut response = request.send(body.to_string()).map_err(failed)?;
    if response.status() != ureq::http::StatusCode::OK {
        return Err(OpinionError::Status { status: response.status().as_u16() });
    }
    let answer =
        response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().map_err(failed)?;
    let bad = |problem| OpinionError::BadAnswer { problem };
    let completion: Completion =
        serde_json::from_str(&answer).map_err(|_| bad("the endpoint sends no chat completion"))?;
    let first = completion.choices.into_iter().next().and_then(|choice| choice.message.content);
    Ok(Reply {
        content: first.ok_or_else(|| bad("the completion is empty"))?,
        num_tokens: completion.usage.and_then(|usage| usage.total_tokens),
    })
}
