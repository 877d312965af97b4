//! What can go wrong with reviews.

use crate::error::{Classify, ErrorCode, Retry};
use crate::store::StoreError;
use crate::types::{CallId, RuleId};

/// A step that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// How far a sampling plan came is damaged.
    #[error(
        "it cannot be read how far sampling plan `{id}` came: remove the plan and add it again, then it goes on with what comes in, and run it over the days before"
    )]
    Stuck {
        /// The plan.
        id: String,
        /// What is damaged.
        source: StoreError,
    },
    /// There is nothing to review yet.
    #[error("call `{id}` is not done: wait until it is judged")]
    NotDone {
        /// The call.
        id: CallId,
    },
    /// The final judgement was given.
    #[error("the final judgement about call `{id}` was given: nothing about it can be changed any more")]
    Closed {
        /// The call.
        id: CallId,
    },
    /// Somebody else has the call.
    #[error("call `{id}` is with {holder}: take another one, or let it be reassigned")]
    Taken {
        /// The call.
        id: CallId,
        /// Who has it.
        holder: String,
    },
    /// The person may not decide here.
    #[error("{person} may not do that with call `{id}`: {why}")]
    NotAllowed {
        /// The call.
        id: CallId,
        /// The person.
        person: String,
        /// Why not.
        why: &'static str,
    },
    /// An appeal waits.
    #[error("an appeal about call `{id}` waits: handle it, that decides")]
    AppealWaits {
        /// The call.
        id: CallId,
    },
    /// The call has no such rule or item.
    #[error("call `{id}` was judged by no rule and no item `{rule_id}`")]
    NoRule {
        /// The call.
        id: CallId,
        /// What was named.
        rule_id: RuleId,
    },
    /// The decision makes no sense for what the machine said.
    #[error("rule `{rule_id}` of call `{id}`: {problem}")]
    NoSense {
        /// The call.
        id: CallId,
        /// The rule.
        rule_id: RuleId,
        /// What is wrong, and what to say instead.
        problem: &'static str,
    },
    /// Nothing was decided.
    #[error(
        "the review of call `{id}` decides nothing and says nothing: confirm, reject or change, or say why not"
    )]
    Empty {
        /// The call.
        id: CallId,
    },
    /// No such appeal, or it is not open.
    #[error("call `{id}` has no open appeal {number}")]
    NoAppeal {
        /// The call.
        id: CallId,
        /// Its number.
        number: u32,
    },
    /// The same is appealed against already.
    #[error("an appeal against `{rule_id}` of call `{id}` waits already")]
    AlreadyAppealed {
        /// The call.
        id: CallId,
        /// The rule or item.
        rule_id: RuleId,
    },
    /// Too late.
    #[error(
        "the decision about `{rule_id}` of call `{id}` is older than {days} days: no appeal is taken any more"
    )]
    TooLate {
        /// The call.
        id: CallId,
        /// The rule or item.
        rule_id: RuleId,
        /// Days that there are.
        days: u32,
    },
    /// Another appeal would be left without an answer.
    #[error(
        "call `{id}` has other open appeals: answer them as well, the final judgement comes with the last"
    )]
    OtherAppeals {
        /// The call.
        id: CallId,
    },
    /// No such task.
    #[error("there is no open review task `{id}`")]
    NoTask {
        /// What was named.
        id: String,
    },
    /// No such plan.
    #[error("there is no sampling plan `{id}`: `diting review plans` lists them")]
    NoPlan {
        /// What was named.
        id: String,
    },
    /// A plan with this name is there.
    #[error("there is a sampling plan `{id}` already: update it, or name the new one otherwise")]
    PlanExists {
        /// Its name.
        id: String,
    },
    /// No thread could be started.
    #[error("the thread of sampling plans could not be started")]
    Threads {
        /// What the system said.
        source: std::io::Error,
    },
    /// A field makes no sense.
    #[error("`{field}` {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Classify for ReviewError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) | Self::Stuck { source: error, .. } => error.code(),
            Self::NotDone { .. }
            | Self::Closed { .. }
            | Self::Taken { .. }
            | Self::AppealWaits { .. }
            | Self::AlreadyAppealed { .. }
            | Self::TooLate { .. }
            | Self::OtherAppeals { .. } => ErrorCode::Conflict,
            Self::NotAllowed { .. } => ErrorCode::Forbidden,
            Self::NoRule { .. } | Self::NoSense { .. } | Self::Empty { .. } | Self::Field { .. } => {
                ErrorCode::InvalidInput
            }
            Self::NoAppeal { .. } | Self::NoTask { .. } | Self::NoPlan { .. } => ErrorCode::NotFound,
            Self::PlanExists { .. } => ErrorCode::AlreadyExists,
            Self::Threads { .. } => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Stuck { .. } => "review.plan_stuck",
            Self::NotDone { .. } => "review.not_done",
            Self::Closed { .. } => "review.closed",
            Self::Taken { .. } => "review.taken",
            Self::NotAllowed { .. } => "review.not_allowed",
            Self::AppealWaits { .. } => "review.appeal_waits",
            Self::NoRule { .. } => "review.no_rule",
            Self::NoSense { .. } => "review.no_sense",
            Self::Empty { .. } => "review.empty",
            Self::NoAppeal { .. } => "review.no_appeal",
            Self::AlreadyAppealed { .. } => "review.already_appealed",
            Self::TooLate { .. } => "review.too_late",
            Self::OtherAppeals { .. } => "review.other_appeals",
            Self::NoTask { .. } => "review.no_task",
            Self::NoPlan { .. } => "review.no_plan",
            Self::PlanExists { .. } => "review.plan_exists",
            Self::Threads { .. } => "review.threads",
            Self::Field { .. } => "review.field",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) | Self::Stuck { source: error, .. } => error.retry(),
            Self::NotDone { .. } | Self::Threads { .. } => Retry::Later,
            Self::Closed { .. }
            | Self::Taken { .. }
            | Self::NotAllowed { .. }
            | Self::AppealWaits { .. }
            | Self::NoRule { .. }
            | Self::NoSense { .. }
            | Self::Empty { .. }
            | Self::NoAppeal { .. }
            | Self::AlreadyAppealed { .. }
            | Self::TooLate { .. }
            | Self::OtherAppeals { .. }
            | Self::NoTask { .. }
            | Self::NoPlan { .. }
            | Self::PlanExists { .. }
            | Self::Field { .. } => Retry::Never,
        }
    }
}
