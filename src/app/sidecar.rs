//! Reads the metadata that lies beside a recording, for jobs, which do not know its form.

use std::io;
use std::path::{Path, PathBuf};

use crate::proto::{convert, json, v1};
use crate::types::CallMetadata;

/// `metadata` with what the file beside `recording` says, `call.wav.json` for `call.wav`, if there is one.
///
/// # Errors
/// What is wrong with that file, for a person.
pub fn with_sidecar(recording: &Path, metadata: &CallMetadata) -> Result<CallMetadata, String> {
    let mut name = recording.as_os_str().to_owned();
    name.push(".json");
    let path = PathBuf::from(name);
    let wrong = |problem: String| format!("`{}`: {problem}", path.display());
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(metadata.clone()),
        Err(error) => return Err(error.to_string()),
    };
    let beside: v1::CallMetadata = json::parse(&text)
        .map_err(|error| wrong(json::hint::<v1::CallMetadata>(&text).unwrap_or_else(|| error.to_string())))?;
    convert::updated(metadata, &beside, &[]).map_err(|error| wrong(error.to_string()))
}
