//! The real recogniser for tests that are about speech.

use diting::speech::model::ModelStore;
use diting::speech::{SpeechConfig, WhisperTranscriber};

/// Loads `model` from the cache with the settings that come with the product.
pub(crate) fn transcriber(model: &str) -> WhisperTranscriber {
    load(&SpeechConfig { model: model.to_owned(), ..SpeechConfig::default() })
}

/// Loads the model of `config` from the cache. Fails with the command that fetches it when it is not there.
pub(crate) fn load(config: &SpeechConfig) -> WhisperTranscriber {
    let store = ModelStore::open(None).unwrap();
    let path = |name| store.path(name).unwrap_or_else(|error| panic!("{error}"));
    WhisperTranscriber::load(config, &path(&config.model), &path("vad")).unwrap()
}
