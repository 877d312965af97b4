//! The real recogniser for tests that are about speech.

use diting::speech::model::ModelStore;
use diting::speech::{SpeechConfig, WhisperTranscriber};

/// Loads `model` from the cache. Fails with the command that fetches it when it is not there.
pub(crate) fn transcriber(model: &str) -> WhisperTranscriber {
    let store = ModelStore::open(None).unwrap();
    let path = |name| store.path(name).unwrap_or_else(|error| panic!("{error}"));
    let config = SpeechConfig { model: model.to_owned(), ..SpeechConfig::default() };
    WhisperTranscriber::load(&config, &path(model), &path("vad")).unwrap()
}
