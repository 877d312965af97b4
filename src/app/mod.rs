//! Makes running parts of a configuration, and starts and stops them in order. Wiring only: no parsing, no printing.

mod chats;
mod error;
mod reindex;
mod rules;
mod service;
mod sidecar;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

pub use chats::{chat_way, open_chats};
pub use error::AppError;
pub use reindex::{Reindex, reindex};
pub use rules::{load_rules, read_pack};
pub use service::Service;
pub use sidecar::{
    MetadataError, sidecar_of, with_metadata_file, with_metadata_json, with_sidecar, with_sidecars,
};
pub use tools::job_tools;

use crate::config::Config;
use crate::speech::model::ModelStore;
use crate::speech::{Transcriber, WhisperTranscriber};

/// Name under which the cache keeps the voice-activity model.
const VAD_MODEL: &str = "vad";

/// Loads the speech model and the voice-activity model. Slow: seconds.
///
/// # Errors
/// [`AppError::Model`] when weights are missing, with the command that fetches them; [`AppError::Speech`] when they do
/// not load.
pub fn load_transcriber(config: &Config) -> Result<Arc<dyn Transcriber>, AppError> {
    let (whisper, vad) = weights(config)?;
    Ok(Arc::new(WhisperTranscriber::load(&config.speech, &whisper, &vad)?))
}

/// Checks what [`Service::start`] needs of the machine, short of loading weights and of opening the data directory.
///
/// # Errors
/// [`AppError::Speech`] for settings that cannot work, [`AppError::Rules`] and [`AppError::PackUnreadable`] for a rule
/// pack, [`AppError::Model`] for weights that are not there.
pub fn check(config: &Config) -> Result<(), AppError> {
    config.speech.check()?;
    load_rules(config)?;
    weights(config)?;
    Ok(())
}

/// Where the weights of speech and of voice activity lie.
fn weights(config: &Config) -> Result<(PathBuf, PathBuf), AppError> {
    let models = ModelStore::open(config.models.dir.as_deref())?;
    Ok((models.path(&config.speech.model)?, models.path(VAD_MODEL)?))
}
