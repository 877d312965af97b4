//! In which stage of a call each turn lies, by what is said.
//!
//! A call begins with its opening. Verification is every turn in which the agent asks who the customer is, and the
//! customer's answer. The customer's first turn with a demand, or of more than eight characters, opens the need; the
//! agent's next turn that verifies nothing opens the handling. The closing begins with the first farewell or 还有其他 of
//! the agent in the second half of the call.
//!
//! **Invariant**: one stage for each turn; but for verification, stages only go forward.

use serde::{Deserialize, Serialize};

use super::demand::Demand;
use super::input::MinedTurn;
use crate::types::SpeakerRole;

/// A stage of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// 开场: greeting and company.
    Opening,
    /// 核身: who the customer is.
    Verification,
    /// 诉求: what the customer wants.
    Need,
    /// 处理: what is done about it.
    Handling,
    /// 结束: anything else, farewell.
    Closing,
}

/// All stages in order.
pub const STAGES: [Stage; 5] =
    [Stage::Opening, Stage::Verification, Stage::Need, Stage::Handling, Stage::Closing];

const VERIFIES: [&str; 12] = [
    "身份证",
    "验证码",
    "核实",
    "核对",
    "核验",
    "本人",
    "证件号",
    "预留",
    "后四位",
    "出生",
    "贵姓",
    "您的姓名",
];
const CLOSES: [&str; 9] =
    ["还有其他", "还有别的", "其他可以帮", "其他需要", "再见", "感谢您的来电", "祝您生活", "满意度", "评价"];
/// Longer turns of a customer than this say what the call is about.
const LONG_TURN_CHARS: usize = 8;

impl Stage {
    /// Its Chinese name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Opening => "开场",
            Self::Verification => "核身",
            Self::Need => "诉求",
            Self::Handling => "处理",
            Self::Closing => "结束",
        }
    }
}

/// The stage of each turn; `demands` are those of the turns.
pub(super) fn of(turns: &[MinedTurn], demands: &[Option<Demand>]) -> Vec<Stage> {
    let (mut stage, mut verifies) = (Stage::Opening, false);
    let has = |text: &str, cues: &[&str]| cues.iter().any(|cue| text.contains(cue));
    let mut stages = Vec::with_capacity(turns.len());
    for (index, (turn, demand)) in turns.iter().zip(demands).enumerate() {
        match turn.role {
            SpeakerRole::Agent => {
                let closes = index * 2 >= turns.len() && has(&turn.text, &CLOSES);
                verifies = stage < Stage::Closing && !closes && has(&turn.text, &VERIFIES);
                if closes {
                    stage = Stage::Closing;
                } else if stage == Stage::Need && !verifies {
                    stage = Stage::Handling;
                }
            }
            SpeakerRole::Customer => {
                let says = demand.is_some_and(|found| found != Demand::Other)
                    || turn.text.chars().count() > LONG_TURN_CHARS;
                if stage == Stage::Opening && !verifies && says {
                    stage = Stage::Need;
                }
            }
            SpeakerRole::Bot | SpeakerRole::Unknown => {}
        }
        stages.push(if verifies { Stage::Verification } else { stage });
    }
    stages
}
