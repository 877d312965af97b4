//! Sends one message over HTTP and says whether it was taken.
//!
//! **Invariant**: what is said about a failure holds neither the address nor a secret; no redirect is followed, because
//! a message goes where the configuration says.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use ureq::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ureq::{Agent, Proxy};

use super::AlertError;
use super::config::{ReceiverConfig, ReceiverKind};
use super::payload::Payload;

/// Most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// Longest wait that a receiver may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Wait after a robot says that it got too much.
const RATE_PAUSE: Duration = Duration::from_secs(60);
/// Codes by which robots say that they got too much.
const RATE_CODES: [i64; 5] = [45_009, 45_033, 130_101, 410_100, 11_232];

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotTaken {
    /// What went wrong.
    pub(super) problem: String,
    /// How long to wait at least.
    pub(super) wait: Option<Duration>,
}

/// A client for one receiver.
pub(super) fn agent(config: &ReceiverConfig) -> Result<Agent, AlertError> {
    let wrong = |_| AlertError::Proxy { name: config.name.clone() };
    let proxy = config.proxy.as_ref().map(|proxy| Proxy::new(proxy.reveal())).transpose().map_err(wrong)?;
    Ok(Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(config.timeout_seconds)))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(proxy)
        .user_agent(concat!("diting/", env!("CARGO_PKG_VERSION")))
        .build()
        .into())
}

/// Sends `payload`.
///
/// # Errors
/// [`NotTaken`] when the receiver cannot be reached, answers with another status than 2xx, or, being a robot, says in its
/// answer that something is wrong.
pub(super) fn post(agent: &Agent, config: &ReceiverConfig, payload: &Payload) -> Result<(), NotTaken> {
    let mut url = config.url.reveal().to_owned();
    if !payload.query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&payload.query);
    }
    let mut request = agent.post(&url).header(CONTENT_TYPE, "application/json; charset=utf-8");
    for (name, value) in &payload.headers {
        request = request.header(*name, value);
    }
    let mut response = request.send(payload.body.as_slice()).map_err(|error| not_reached(&error))?;
    let status = response.status();
    if !status.is_success() {
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| retry_after(text, Timestamp::now()));
        return Err(NotTaken { problem: format!("it answered with status {}", status.as_u16()), wait });
    }
    if config.kind == ReceiverKind::Json {
        return Ok(());
    }
    let answer = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let answer = answer.map_err(|error| not_reached(&error))?;
    judge(&answer)
}

/// What a robot says about a message: its code is 0 when it took it.
fn judge(answer: &[u8]) -> Result<(), NotTaken> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let code = ["errcode", "code", "StatusCode"].into_iter().find_map(|name| answer.get(name)?.as_i64());
    match code {
        Some(0) => Ok(()),
        Some(code) => {
            let wait = RATE_CODES.contains(&code).then_some(RATE_PAUSE);
            Err(NotTaken { problem: format!("the robot answered with code {code}"), wait })
        }
        None => Err(NotTaken { problem: "the robot's answer has no code".to_owned(), wait: None }),
    }
}

/// What `Retry-After` asks for: seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let asked = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
            Duration::try_from(date.timestamp().duration_since(now)).ok()?
        }
    };
    Some(asked.min(MAX_RETRY_AFTER))
}

/// Why there is no answer. The error's own words may hold the address.
#[expect(clippy::wildcard_enum_match_arm, reason = "the errors of ureq are not exhaustive")]
fn not_reached(error: &ureq::Error) -> NotTaken {
    let problem = match error {
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::Io(error) => format!("the connection failed: {}", error.kind()),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "its certificate or TLS is not accepted".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its address is not well formed".to_owned(),
        _ => "it could not be reached".to_owned(),
    };
    NotTaken { problem, wait: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_that_says_no_has_not_taken_it() {
        assert_eq!(judge(br#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
        assert_eq!(judge(br#"{"code":0,"msg":"success","data":{}}"#), Ok(()));
        assert_eq!(judge(br#"{"StatusCode":0,"StatusMessage":"success"}"#), Ok(()));
        let no = judge(br#"{"errcode":310000,"errmsg":"sign not match"}"#).expect_err("it says no");
        assert_eq!((no.problem.as_str(), no.wait), ("the robot answered with code 310000", None));
        let busy = judge(br#"{"errcode":45009}"#).expect_err("it says no");
        assert_eq!(busy.wait, Some(RATE_PAUSE));
        judge(b"<html>log in</html>").expect_err("that is no robot");
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().expect("it is a time");
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 09:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 08:00:00 GMT", now), None);
        assert_eq!(retry_after("99999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("soon", now), None);
    }
}
