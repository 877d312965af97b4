//! As what somebody looks at calls, as a flag.

use crate::proto::v1;

/// As what somebody looks at a call.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum SlotArg {
    /// As the first reviewer
    First,
    /// As the second, who does not see what the first one says
    Second,
    /// Deciding where the two differ
    Decider,
    /// Deciding about an appeal
    Appeal,
}

/// A slot on the wire.
pub(super) fn slot(slot: Option<SlotArg>) -> v1::ReviewSlot {
    match slot {
        None => v1::ReviewSlot::Unspecified,
        Some(SlotArg::First) => v1::ReviewSlot::First,
        Some(SlotArg::Second) => v1::ReviewSlot::Second,
        Some(SlotArg::Decider) => v1::ReviewSlot::Decider,
        Some(SlotArg::Appeal) => v1::ReviewSlot::Appeal,
    }
}
