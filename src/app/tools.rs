//! What jobs need of the parts that they do not know.

use std::path::Path;
use std::sync::Arc;

use super::{chat_way, load_transcriber, open_chats, with_metadata_json, with_sidecar};
use crate::archive::{ChatReading, Tools};
use crate::config::Config;
use crate::error::Chain;
use crate::speech::Transcriber;

/// The tools of jobs under this configuration.
#[must_use]
pub fn job_tools(config: &Config) -> Tools {
    let config = config.clone();
    Tools {
        load_transcriber: Arc::new(move |model: &str| load_model(&config, model)),
        open_chats: Arc::new(|base: &Path, path: &Path, reading: &ChatReading| {
            open_chats(path, &chat_way(base, path), reading)
        }),
        read_sidecar: Arc::new(with_sidecar),
        read_beside: Arc::new(with_metadata_json),
    }
}

/// Loads a speech model other than the configured one.
fn load_model(config: &Config, model: &str) -> Result<Arc<dyn Transcriber>, String> {
    let mut config = config.clone();
    config.speech.model = model.to_owned();
    load_transcriber(&config).map_err(|error| Chain(&error).to_string())
}
