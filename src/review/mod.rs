//! What people make of findings: who reviews which call, what they decide, what agents say against it, and how right
//! rules and reviewers are by that.
//!
//! Every step is an event in the history of its call; how a review stands is what its events come to, nothing else.
//! What counts goes into the facts of the call in the same write. No score is made here: the store makes it of decisions
//! and findings.
//!
//! **Invariant**: what the machine found is never changed; no event is ever lost or altered; nobody decides about an
//! appeal against their own decision; after the final judgement nothing changes any more.

mod agreement;
mod appeal;
mod appeals;
mod config;
mod counts;
mod error;
mod event;
mod labels;
mod line;
mod plan;
mod queue;
mod reviews;
mod sampling;
mod state;
mod submit;
mod task;
#[cfg(test)]
mod tests;
mod threads;

pub use agreement::{Agreement, Kappa, ReviewerFigures, kappa};
pub use appeal::{Appeal, AppealState, Handling, OpenAppeal, Subject};
pub use appeals::AppealPage;
pub use config::ReviewConfig;
pub use counts::RuleCounts;
pub use error::ReviewError;
pub use event::{Event, How, Slot, What};
pub use labels::{Label, LabelPage, LabelledCall};
pub use plan::{Mode, Plan, PlanRun, Window};
pub use queue::{Load, TaskFilter, TaskPage};
pub use reviews::{Reviews, Shown};
pub use state::{Decision, Review};
pub use submit::{Choice, Submission, Verb};
pub use task::{Lease, Place, Task, TaskId};
pub use threads::Sampler;
