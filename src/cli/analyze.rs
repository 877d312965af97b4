//! `diting analyze`: runs recordings through all stages without a server and prints the reports.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::exit::{UsageError, describe};
use super::output::{self, Format};
use super::recording::{self, RecordingArgs};
use super::settings::StageArgs;
use super::text_calls::{RoleArgs, is_text_calls};
use super::{Exit, logging, progress, text_calls, watch};
use crate::analysis::{Analysis, Level, RuleSet, Verdict};
use crate::app;
use crate::audio;
use crate::config::Config;
use crate::ingest::{CallRecord, CallState, Origin, Recording};
use crate::masking::{Masker, MaskingConfig};
use crate::pipeline::{self, CallResult, Judgement, Masking};
use crate::proto::convert::state_to_wire;
use crate::proto::{Report, TextCall, v1};
use crate::speech::Transcriber;
use crate::types::{AudioDeclaration, CallId, CallMetadata, ContentHash, Millis};

/// What was typed after `diting analyze`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings, `FILE.json` beside one is its metadata; or calls as text, one a line, in FILE.jsonl
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print the report. With json a recording that fails has no line, only a message; srt takes one recording
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    stages: StageArgs,
    /// Processor threads to use [default: as the machine allows]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Metadata of every recording, in place of the file beside it
    #[arg(long, value_name = "FILE.json")]
    metadata: Option<PathBuf>,
    #[command(flatten)]
    recording: RecordingArgs,
    #[command(flatten)]
    roles: RoleArgs,
    /// Shows personal data instead of masking it
    #[arg(long)]
    unmasked: bool,
    /// Ends with exit code 1 when a rule of this level or a more severe one hit
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<LevelArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum LevelArg {
    S1,
    S2,
    S3,
    S4,
    S5,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::S1 => Self::S1,
            LevelArg::S2 => Self::S2,
            LevelArg::S3 => Self::S3,
            LevelArg::S4 => Self::S4,
            LevelArg::S5 => Self::S5,
        }
    }
}

/// What every recording is judged with.
struct Judge {
    config: Config,
    /// Absent when there are only calls as text.
    transcriber: Option<Arc<dyn Transcriber>>,
    rules: Arc<RuleSet>,
    masker: Masker,
}

impl Judge {
    /// The zone of the centre's clocks.
    fn zone(&self) -> TimeZone {
        self.rules.scheme().time_zone()
    }
}

/// What came of the files so far.
#[derive(Debug, Default)]
struct Outcome {
    failed: Option<Exit>,
    found: bool,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    logging::init("warn", false);
    if args.format == Format::Srt && args.files.len() > 1 {
        let num_files = args.files.len();
        let problem = format!("--format srt gives the subtitles of one recording, these are {num_files}");
        return Err(UsageError(problem).into());
    }
    let has_text = args.files.iter().any(|file| is_text_calls(file));
    if has_text && (args.metadata.is_some() || args.format == Format::Srt) {
        let problem =
            "calls as text carry their own metadata and have no subtitles: take --metadata and srt out";
        return Err(UsageError(problem.to_owned()).into());
    }
    let config = load_config(&args)?;
    let rules = app::load_rules(&config)?;
    let transcriber = if args.files.iter().all(|file| is_text_calls(file)) {
        None
    } else {
        let loading = progress::spinner(&format!("loading model {}", config.speech.model));
        let transcriber = app::load_transcriber(&config);
        loading.finish_and_clear();
        Some(transcriber?)
    };
    let masker = masker(&args, &config);
    let judge = Judge { config, transcriber, rules, masker };

    let fail_on = args.fail_on.map(Level::from);
    let mut outcome = Outcome::default();
    for file in &args.files {
        if is_text_calls(file) {
            analyze_lines(&args, &judge, file, &mut outcome)?;
            continue;
        }
        match analyze(&args, &judge, file) {
            Ok((report, result)) => {
                output::print_report(&report, args.format, &judge.zone())?;
                outcome.found |= fail_on.is_some_and(|limit| has_hit(&result.analysis, limit));
            }
            Err(error) => {
                outcome.failed = Exit::worse(outcome.failed, Exit::of(&error));
                eprintln!("diting: {}: {}", file.display(), describe(&error));
            }
        }
    }
    Ok(match (outcome.failed, outcome.found) {
        (Some(exit), _) => exit,
        (None, true) => Exit::Findings,
        (None, false) => Exit::Success,
    })
}

/// Judges calls as text, line by line; only what stops the printing stops it.
fn analyze_lines(args: &Args, judge: &Judge, file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let fail_on = args.fail_on.map(Level::from);
    let options = args.roles.options(judge.zone())?;
    let calls = match text_calls::open(file, &options) {
        Ok(calls) => calls,
        Err(error) => {
            outcome.failed = Exit::worse(outcome.failed, Exit::Failure);
            eprintln!("diting: {}", describe(&error.into()));
            return Ok(());
        }
    };
    for next in calls {
        let told = next.map_err(anyhow::Error::from).and_then(|(line, call)| match call {
            Ok(call) => Ok((line, call)),
            Err(error) => Err(anyhow::Error::from(error).context(format!("line {line}"))),
        });
        match told {
            Ok((line, call)) => {
                let id = text_calls::call_id(file, line, &call);
                let config = &judge.config.pipeline.dialogue;
                let judged = pipeline::judge(&call.dialogue, &call.metadata, None, &judge.rules, config);
                outcome.found |= fail_on.is_some_and(|limit| has_hit(&judged.analysis, limit));
                let report = text_report(id, call, judged, &judge.masker);
                output::print_report(&report, args.format, &judge.zone())?;
            }
            Err(error) => {
                outcome.failed = Exit::worse(outcome.failed, Exit::Failure);
                eprintln!("diting: {}: {}", file.display(), describe(&error));
            }
        }
    }
    Ok(())
}

/// The report of a call that has no recording.
fn text_report(id: CallId, call: TextCall, judgement: Judgement, masker: &Masker) -> v1::CallReport {
    let TextCall { mut metadata, dialogue, .. } = call;
    let Judgement { analysis, parts } = judgement;
    let duration = Some(dialogue.timing.duration).filter(|duration| *duration > Millis::ZERO);
    let masking = Masking::default();
    let result = CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking };
    let (result, _) = pipeline::mask(masker, result, &metadata);
    mask_name(&mut metadata, masker);
    let record = CallRecord {
        id,
        metadata,
        recording: Recording {
            hash: ContentHash::new([0; 32]),
            num_bytes: 0,
            declaration: AudioDeclaration::default(),
        },
        received_at: jiff::Timestamp::UNIX_EPOCH,
        state: CallState::Done,
        num_attempts: 1,
        duration,
        origin: Origin::Upload,
    };
    let mut report = v1::CallReport::from(Report { record: &record, result: &result });
    if let Some(call) = &mut report.call {
        (call.received_at, call.recording) = (None, None);
    }
    report
}

/// What hides, with a warning when nothing does.
fn masker(args: &Args, config: &Config) -> Masker {
    if args.unmasked {
        eprintln!("diting: warning: personal data is not masked; keep what is printed accordingly");
        return Masker::new(&MaskingConfig { kinds: Vec::new(), ..MaskingConfig::default() });
    }
    Masker::new(&config.masking)
}

/// Shows the family name only.
fn mask_name(metadata: &mut CallMetadata, masker: &Masker) {
    metadata.customer_name = metadata.customer_name.take().map(|name| masker.mask_name(&name));
}

fn load_config(args: &Args) -> anyhow::Result<Config> {
    let layers = args.stages.layers().flag("speech.num_recognizers", args.threads);
    Ok(Config::load(&layers)?)
}

fn has_hit(analysis: &Analysis, limit: Level) -> bool {
    analysis.findings.iter().any(|finding| finding.verdict == Verdict::Hit && finding.level <= limit)
}

fn analyze(args: &Args, judge: &Judge, file: &Path) -> anyhow::Result<(v1::CallReport, CallResult)> {
    let id = recording::call_id(file)?;
    let said = args.recording.metadata(args.metadata.as_deref(), [file], &CallMetadata::default())?;
    let mut metadata: CallMetadata = said.try_into()?;
    let declaration: AudioDeclaration = args.recording.declaration(file)?.try_into()?;
    let (hash, num_bytes) = digest(file)?;
    if args.recording.has_roles() {
        // A role on a channel that is not there would be passed over in silence.
        let audio = &judge.config.pipeline.audio;
        let chosen = audio::Selection { track: metadata.audio_track, channels: &metadata.channels };
        args.recording.check_roles(&audio::survey(file, &declaration, chosen, audio)?)?;
    }
    let result = process(judge, &id, file, &declaration, &metadata)?;
    let (result, _) = pipeline::mask(&judge.masker, result, &metadata);
    mask_name(&mut metadata, &judge.masker);
    let record = CallRecord {
        id,
        metadata,
        recording: Recording { hash, num_bytes, declaration },
        received_at: jiff::Timestamp::UNIX_EPOCH,
        state: CallState::Done,
        num_attempts: 1,
        duration: Some(result.dialogue.timing.duration),
        origin: Origin::Upload,
    };
    let mut report = v1::CallReport::from(Report { record: &record, result: &result });
    // Never received by anyone; and the same recording gives the same report.
    if let Some(call) = &mut report.call {
        call.received_at = None;
    }
    Ok((report, result))
}

fn process(
    judge: &Judge,
    id: &CallId,
    file: &Path,
    declaration: &AudioDeclaration,
    metadata: &CallMetadata,
) -> anyhow::Result<CallResult> {
    let transcriber =
        judge.transcriber.as_ref().expect("the transcriber is loaded when there is a recording");
    let bar = progress::audio(id.as_str());
    let result = pipeline::process(
        file,
        declaration,
        metadata,
        transcriber.as_ref(),
        &judge.rules,
        None,
        &judge.config.pipeline,
        &mut |now| {
            bar.set_prefix(watch::state_name(state_to_wire(&now.state)));
            bar.set_length(now.duration.max(Millis(1)).0);
            bar.set_position(now.processed.0);
        },
        &AtomicBool::new(false),
    );
    bar.finish_and_clear();
    Ok(result?)
}

fn digest(file: &Path) -> anyhow::Result<(ContentHash, u64)> {
    let (mut source, mut hasher, mut num_bytes) = (fs_err::File::open(file)?, Sha256::new(), 0);
    let mut block = vec![0; 1 << 16];
    loop {
        let read = source.read(&mut block)?;
        if read == 0 {
            return Ok((ContentHash::new(hasher.finalize().into()), num_bytes));
        }
        hasher.update(block.get(..read).unwrap_or_default());
        num_bytes += read as u64;
    }
}
