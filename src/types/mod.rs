//! Vocabulary shared by every stage: identifiers, times, channels, roles, points and what a sender says about a call.
//!
//! Types here carry no behaviour beyond validation and arithmetic, and know no other module.

mod channel;
mod codec_names;
mod ids;
mod metadata;
mod person;
mod probability;
mod score;
mod share;
mod time;
mod zone;

pub use channel::{ChannelIndex, RoleSource, SpeakerRole};
pub use ids::{CallId, ContentHash, InvalidId, JobId, RuleId};
pub use metadata::{
    AgentSegment, AudioDeclaration, BitOrder, CallMetadata, DeclaredCodec, Direction, G726Rate, HangUpSide,
    Media,
};
pub use person::person_name;
pub use probability::Probability;
pub use score::Score;
pub use share::Share;
pub use time::{Millis, TimeSpan};
pub use zone::{time_zone, zone_name};
