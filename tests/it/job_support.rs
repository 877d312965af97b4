//! What tests of jobs need: jobs over a data directory, a small archive, the end of a job.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use diting::analysis::Verdict;
use diting::archive::{
    ArchiveConfig, ChatReading, ImportSpec, Job, JobState, JobStatus, Jobs, LoadTranscriber, Tools,
};
use diting::audio::{AudioError, Block};
use diting::listing::LegRoles;
use diting::speech::{SpeechError, Transcriber, Transcript};
use diting::types::{ChannelIndex, JobId, Millis};
use fs_err as fs;

use crate::support::{SteeredTranscriber, forbidden_promise, id, start, tools, wav};

pub(crate) fn jobs_over(dir: &Path, transcriber: &Arc<SteeredTranscriber>) -> Jobs {
    let load_transcriber: Arc<LoadTranscriber> = Arc::new(|model: &str| match model {
        "better" => Ok(Arc::new(BetterTranscriber) as Arc<dyn Transcriber>),
        _ => Err("there is no such model".to_owned()),
    });
    let tools = Tools { load_transcriber, ..tools() };
    Jobs::start(Arc::new(start(dir, transcriber)), ArchiveConfig::default(), true, tools).unwrap()
}

/// Hears something else.
#[derive(Debug)]
pub(crate) struct BetterTranscriber;

impl Transcriber for BetterTranscriber {
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError> {
        let heard = SteeredTranscriber::default().transcribe(blocks, channels, progress, cancel)?;
        let mut segment = forbidden_promise();
        segment.words.truncate(4);
        segment.text = segment.words.iter().map(|word| word.text.as_str()).collect();
        let mut summary = heard.summary;
        summary.model = "better".to_owned();
        Ok(Transcript { segments: vec![segment], summary, ..Transcript::default() })
    }

    fn model(&self) -> &str {
        "better"
    }
}

pub(crate) fn import_of(path: &Path) -> ImportSpec {
    ImportSpec {
        path: path.to_owned(),
        name_pattern: None,
        time_zone: None,
        leg_suffixes: None,
        leg_roles: LegRoles::default(),
        chats: ChatReading::default(),
    }
}

/// The job as it is when `condition` first holds.
pub(crate) fn until(jobs: &Jobs, id: &JobId, condition: impl FnMut(&JobStatus) -> bool) -> Job {
    let mut status = jobs.watch(id).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(status.wait_for(condition)).unwrap().job.clone()
}

pub(crate) fn end(jobs: &Jobs, id: &JobId) -> Job {
    until(jobs, id, |status| status.job.state.has_ended() || status.job.state == JobState::Paused)
}

pub(crate) fn archive(num_calls: usize) -> tempfile::TempDir {
    let archive = tempfile::tempdir().unwrap();
    for number in 0..num_calls {
        fs::write(archive.path().join(format!("call-{number:02}.wav")), wav(&[440.0, 330.0])).unwrap();
    }
    archive
}

pub(crate) fn hits(jobs: &Jobs, name: &str) -> Vec<String> {
    let analysis = jobs.calls().store().analysis(&id(name)).unwrap().unwrap();
    let hits = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit);
    hits.map(|finding| finding.rule_id.to_string()).collect()
}
