//! Reads what is said about a recording as JSON, the same for the command line and for jobs: in a file that is named, in
//! the one beside the recording, and in the row of a manifest.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Classify, ErrorCode};
use crate::proto::{convert, json, v1};
use crate::types::CallMetadata;

/// Largest file of metadata: far more than a server takes of it.
const MAX_BYTES: u64 = 1 << 20;

/// A metadata file that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The system does not give it.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is no metadata of a call.
    #[error("`{}` is not metadata of a call: {problem}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to write instead.
        problem: String,
    },
}

impl Classify for MetadataError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unreadable(_) => ErrorCode::Unavailable,
            Self::Wrong { .. } => ErrorCode::InvalidInput,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "archive.unreadable",
            Self::Wrong { .. } => "request.invalid_field",
        }
    }
}

/// The metadata file that lies beside `recording`: `call.wav.json` for `call.wav`.
#[must_use]
pub fn sidecar_of(recording: &Path) -> Option<PathBuf> {
    let mut name = recording.as_os_str().to_owned();
    name.push(".json");
    Some(PathBuf::from(name)).filter(|file| file.is_file())
}

/// `known` with what the metadata file `file` says over it.
///
/// # Errors
/// [`MetadataError`] when the file cannot be read or is no metadata.
pub fn with_metadata_file(file: &Path, known: &CallMetadata) -> Result<CallMetadata, MetadataError> {
    let wrong = |problem| MetadataError::Wrong { path: file.to_owned(), problem };
    let mut bytes = Vec::new();
    fs_err::File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(format!("it has more than {MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    with_metadata_json(text, known).map_err(wrong)
}

/// `known` with what the JSON `text` says over it: the proto3 JSON of `CallMetadata`. Attributes are added; every other
/// list and table takes the place of what was known.
///
/// # Errors
/// What is wrong with the text and what to write instead, for a person.
pub fn with_metadata_json(text: &str, known: &CallMetadata) -> Result<CallMetadata, String> {
    let text = text.trim_start_matches('\u{feff}');
    let said: v1::CallMetadata = json::parse(text).map_err(|error| {
        let hint = json::hint::<v1::CallMetadata>(text).map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error}{hint}")
    })?;
    let mut metadata = convert::updated(known, &said, &[]).map_err(|error| error.to_string())?;
    for (name, value) in &known.attributes {
        metadata.attributes.entry(name.clone()).or_insert_with(|| value.clone());
    }
    if metadata.customer_name == known.customer_name {
        metadata.customer_name_sealed.clone_from(&known.customer_name_sealed);
    }
    // Attributes of both may be more than a call has.
    CallMetadata::try_from(v1::CallMetadata::from(&metadata)).map_err(|error| error.to_string())?;
    Ok(metadata)
}

/// `known` with what the files beside `recordings` say over it, those of later ones over those of earlier ones.
///
/// # Errors
/// [`MetadataError`] when there is one that cannot be taken.
pub fn with_sidecars<'a>(
    recordings: impl IntoIterator<Item = &'a Path>,
    known: &CallMetadata,
) -> Result<CallMetadata, MetadataError> {
    let files = recordings.into_iter().filter_map(sidecar_of);
    files.into_iter().try_fold(known.clone(), |known, file| with_metadata_file(&file, &known))
}

/// [`with_sidecars`] of one recording, for jobs.
///
/// # Errors
/// What is wrong with the file, for a person.
pub fn with_sidecar(recording: &Path, known: &CallMetadata) -> Result<CallMetadata, String> {
    with_sidecars([recording], known).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_both_sides_is_read_and_goes_over_what_was_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (first, second) = (path("1-in.wav"), path("1-out.wav"));
        let mut known = CallMetadata { team: Some("三组".to_owned()), ..CallMetadata::default() };
        known.attributes.insert("a".to_owned(), "1".to_owned());
        fs_err::write(path("1-in.wav.json"), r#"{"agentId": "1", "channels": [1, 2]}"#).expect("written");
        let beside = "\u{feff}{\"agentId\": \"2\", \"attributes\": {\"b\": \"2\"}, \"ivrEnd\": \"12s\"}";
        fs_err::write(path("1-out.wav.json"), beside).expect("written");
        let both = [first.as_path(), &second];
        let read = with_sidecars(both, &known).expect("both are metadata");
        assert_eq!((read.agent_id.as_deref(), read.team.as_deref()), (Some("2"), Some("三组")));
        assert_eq!((read.channels.len(), read.attributes.len()), (2, 2));
        assert_eq!(read.ivr_end, Some(crate::types::Millis(12_000)));
        assert_eq!(with_sidecar(&path("2.wav"), &known), Ok(known.clone()));
        fs_err::write(path("1-out.wav.json"), b"{\"agentId\": \"\xc8\xcb\"}").expect("written");
        let error = with_sidecars(both, &known).expect_err("it is not UTF-8");
        assert!(
            error.to_string().contains("1-out.wav.json") && error.to_string().contains("UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn a_typo_in_metadata_is_answered_with_what_can_be_written() {
        let problem = |text: &str| with_metadata_json(text, &CallMetadata::default()).expect_err("a typo");
        let field = problem(r#"{"agentid": "1"}"#);
        assert!(field.contains("did you mean `agentId`?") && field.contains("hangUpSide"), "{field}");
        let role = problem(r#"{"channelRoles": [{"channel": 0, "role": "AGENT"}]}"#);
        assert!(role.contains("did you mean `SPEAKER_ROLE_AGENT`?"), "{role}");
        let direction = problem(r#"{"direction": "in"}"#);
        assert!(direction.contains("DIRECTION_INBOUND"), "{direction}");
    }
}
