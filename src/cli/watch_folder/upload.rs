//! Sends one call of the watched folder.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tonic::{Code, Status};

use super::stop::Stop;
use crate::audio::{AudioConfig, AudioError};
use crate::cli::client::{Client, ServerArgs, retry_delay};
use crate::cli::exit::describe;
use crate::cli::push;
use crate::cli::recording::RecordingArgs;
use crate::listing::{ArchiveItem, ItemSource, JoinError, join_legs};
use crate::proto::v1;
use crate::types::AudioDeclaration;

/// Longest wait between two tries.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// Tries of one file when nothing is waited for.
const MAX_ATTEMPTS_ONCE: u32 = 6;

/// How sending a call ended.
#[derive(Debug)]
pub(super) enum Sent {
    /// The server has it, or had it before.
    Accepted { is_present: bool },
    /// It is not taken as it is, and sending it again changes nothing.
    Refused(String),
    /// It could not be sent, for a reason that is not the file's: worth another try.
    Later(String),
    /// No server answers, and nobody wants to wait.
    Away(String),
    /// The end was asked for before the file was taken.
    Stopped,
}

/// Sends calls to one server, and says once when it goes away and comes back.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    pub(super) server: &'a ServerArgs,
    pub(super) recording: &'a RecordingArgs,
    /// Metadata of every call, in place of the file beside it.
    pub(super) metadata: Option<&'a Path>,
    pub(super) client: Client,
    /// Where joined legs are kept while they are sent.
    pub(super) temporary: std::path::PathBuf,
    /// Whether to give up when no server answers.
    pub(super) is_once: bool,
    is_away: bool,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        server: &'a ServerArgs,
        recording: &'a RecordingArgs,
        metadata: Option<&'a Path>,
        temporary: &Path,
        is_once: bool,
    ) -> anyhow::Result<Self> {
        let client = server.client()?;
        let temporary = temporary.to_owned();
        Ok(Self { server, recording, metadata, client, temporary, is_once, is_away: false })
    }

    /// Sends `item`, waiting as long as the server is away.
    pub(super) async fn send(&mut self, item: &ArchiveItem, stop: &Stop) -> Sent {
        let Some(first) = item.source.paths().next().map(Path::to_owned) else {
            return Sent::Refused("it has no file".to_owned());
        };
        let mut header = match self.header(item, &first) {
            Ok(header) => header,
            Err(error) => return local(&error),
        };
        let joined = match &item.source {
            ItemSource::File(_) | ItemSource::ChatFile(_) => None,
            ItemSource::Legs { first, second } => match self.join(&header, first, second).await {
                Ok(joined) => Some(joined),
                Err(error) => return local(&error),
            },
        };
        if joined.is_some() {
            header.audio = Some(v1::AudioDeclaration {
                file_name: format!("{}.wav", item.call_id),
                ..v1::AudioDeclaration::default()
            });
        }
        let path = joined.as_ref().map_or(first.as_path(), |file| file.path());
        self.try_until_taken(&header, path, stop).await
    }

    async fn try_until_taken(&mut self, header: &v1::UploadCallHeader, path: &Path, stop: &Stop) -> Sent {
        let mut attempt = 0;
        loop {
            if stop.is_asked() {
                return Sent::Stopped;
            }
            stop.set_sending(true);
            let outcome = tokio::select! {
                outcome = push::send(&mut self.client, header, path) => Some(outcome),
                () = stop.at_once() => None,
            };
            stop.set_sending(false);
            let Some(outcome) = outcome else { return Sent::Stopped };
            let status = match outcome {
                Err(error) => return local(&error),
                Ok(Ok(response)) => {
                    if std::mem::take(&mut self.is_away) {
                        eprintln!("diting: the server answers again");
                    }
                    return Sent::Accepted { is_present: response.already_present };
                }
                Ok(Err(status)) => status,
            };
            let problem = describe(&self.server.explain(&status));
            attempt += 1;
            let Some(delay) = retry_delay(&status, attempt) else {
                return if is_refusal(&status) { Sent::Refused(problem) } else { Sent::Later(problem) };
            };
            if self.is_once && attempt >= MAX_ATTEMPTS_ONCE {
                return Sent::Away(problem);
            }
            if !std::mem::replace(&mut self.is_away, true) {
                eprintln!("diting: {problem}; trying again until it does");
            }
            tokio::select! {
                () = tokio::time::sleep(delay.min(MAX_DELAY)) => {}
                () = stop.asked() => return Sent::Stopped,
            }
        }
    }

    /// What is said about the call: by its name, over that by the files beside it, over that by what was typed.
    fn header(&self, item: &ArchiveItem, first: &Path) -> anyhow::Result<v1::UploadCallHeader> {
        let mut known = item.metadata.clone();
        if self.recording.has_roles() {
            known.channel_roles.clear();
        }
        let metadata = self.recording.metadata(self.metadata, item.source.paths(), &known)?;
        Ok(v1::UploadCallHeader {
            call_id: item.call_id.to_string(),
            metadata: Some(metadata),
            audio: Some(self.recording.declaration(first)?),
        })
    }

    async fn join(
        &self,
        header: &v1::UploadCallHeader,
        first: &Path,
        second: &Path,
    ) -> anyhow::Result<tempfile::NamedTempFile> {
        let declaration = AudioDeclaration::try_from(header.audio.clone().unwrap_or_default())?;
        let (first, second) = (first.to_owned(), second.to_owned());
        let mut file = tempfile::Builder::new().prefix("joined-").tempfile_in(&self.temporary)?;
        let join = move || {
            join_legs(&first, &second, &declaration, &AudioConfig::default(), &mut file)?;
            Ok(file)
        };
        tokio::task::spawn_blocking(join).await.context("joining both sides of a call did not end")?
    }
}

/// What a problem of this side means for the file.
fn local(error: &anyhow::Error) -> Sent {
    let is_disk = error.chain().any(|cause| {
        cause.is::<std::io::Error>()
            || matches!(cause.downcast_ref(), Some(AudioError::Io(_)))
            || matches!(cause.downcast_ref(), Some(JoinError::Write { .. }))
    });
    if is_disk { Sent::Later(describe(error)) } else { Sent::Refused(describe(error)) }
}

/// Whether the server answered about the call and not about itself.
fn is_refusal(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::ResourceExhausted
        | Code::NotFound
        | Code::Aborted => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => false,
    }
}
