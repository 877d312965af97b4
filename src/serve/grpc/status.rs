//! Errors as gRPC statuses with details: the reason, the field, when to try again.
//!
//! **Invariant**: an internal error shows only a request id; its detail is logged beside that id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::error::{Chain, Classify, ErrorCode, Retry};
use crate::serve::error::RequestError;

/// The domain of every reason.
const DOMAIN: &str = "diting";

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        let code = grpc_code(error.code());
        let mut details = ErrorDetails::new();
        details.set_error_info(error.reason(), DOMAIN, []);
        if let RequestError::Field(field) = &error {
            details.add_bad_request_violation(field.field.clone(), field.problem.clone());
        }
        if let Retry::After(millis) = error.retry() {
            details.set_retry_info(Some(Duration::from_millis(millis)));
        }
        if code != Code::Internal {
            return Self::with_error_details(code, error.to_string(), details);
        }
        let request_id = next_request_id();
        tracing::error!(%request_id, reason = error.reason(), error = %Chain(&error), "request failed");
        details.set_request_info(request_id.clone(), "");
        let message = format!("something broke inside the server: look for {request_id} in its log");
        Self::with_error_details(code, message, details)
    }
}

fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidInput | ErrorCode::UnsupportedMedia => Code::InvalidArgument,
        ErrorCode::LimitExceeded | ErrorCode::Busy => Code::ResourceExhausted,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::Conflict => Code::FailedPrecondition,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::Timeout => Code::DeadlineExceeded,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::Internal => Code::Internal,
    }
}

/// An id that a user can quote and that stands in the log: start of the process and a counter.
fn next_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{number}", jiff::Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ConvertError;

    #[test]
    fn a_wrong_field_is_named() {
        let status = Status::from(RequestError::from(ConvertError::new("call_id", "no slash")));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("request.invalid_field"));
        assert_eq!(details.error_info().map(|info| info.domain.as_str()), Some("diting"));
        let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        assert_eq!(fields.first().map(|violation| violation.field.as_str()), Some("call_id"));
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let status = Status::from(RequestError::TooManyUploads { limit: 2 });
        assert_eq!(status.code(), Code::ResourceExhausted);
        let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(delay, Some(Duration::from_secs(1)));
    }

    #[test]
    fn an_internal_error_shows_an_id_and_nothing_else() {
        let status = Status::from(RequestError::Panicked);
        assert_eq!(status.code(), Code::Internal);
        let id = status.get_details_request_info().expect("there is an id").request_id;
        assert!(status.message().contains(&id));
        assert!(!status.message().contains("panicked"));
    }
}
