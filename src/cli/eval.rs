//! `diting eval`: measures recognition and who spoke on labelled recordings, that nothing is invented where nobody speaks, and
//! rules on labelled calls.

mod rules;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::Exit;
use super::output::emit;
use crate::app;
use crate::config::{Config, Layers};
use crate::eval::{self, Cost, Invented, Report, Signal, SpeakerErrors, SpeakerReport, Through};
use crate::speech::{SpeechConfig, Transcriber};
use crate::types::Millis;

/// What was typed after `diting eval`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Speech model; may be repeated to compare
    #[arg(long = "model", global = true, default_values_t = [SpeechConfig::default().model], value_name = "NAME")]
    models: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Character error rate and cost on sentences: FOLDER/manifest.tsv (path, set, speaker, transcript)
    Speech {
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// What every recording passes first
        #[arg(long, value_enum, default_value_t)]
        through: ThroughArg,
        /// Only this many recordings, spread over the whole list
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
    },
    /// Character error rate, cost and word times on calls: NAME.wav beside NAME.truth.json
    Calls {
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// Only this many calls
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
    },
    /// Who spoke when, on calls of two people on one channel: NAME.mono.wav beside NAME.truth.json, or NAME.wav beside
    /// NAME.rttm
    Speakers {
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// Measures the answers of another program instead: NAME.rttm in this folder
        #[arg(long, value_name = "FOLDER")]
        answers: Option<PathBuf>,
        /// Tells speakers apart however unsure that is
        #[arg(long)]
        always: bool,
    },
    /// Character error rate of text from any recogniser, both sides simplified
    Score {
        /// The folder: NAME.wav beside NAME.truth.json
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// What was heard: {"calls": [{"name": "NAME", "channels": [{"channel": 0, "text": "…"}]}]}
        #[arg(long, value_name = "FILE.json")]
        hypothesis: PathBuf,
    },
    /// How much of planted personal data masking hides in made-up calls, and what else it hides
    Masking {
        /// Makes the same calls again; another seed makes others
        #[arg(long, default_value_t = 2, value_name = "NUMBER")]
        seed: u64,
        /// Items to plant, at least
        #[arg(long, default_value_t = 5_000, value_name = "COUNT")]
        count: usize,
        /// Writes everything that went wrong, one JSON object a line
        #[arg(long, value_name = "FILE")]
        misses: Option<PathBuf>,
    },
    /// Precision and recall of rules on labelled calls, as `diting review export` writes them
    Rules(rules::Args),
    /// Text invented on silence, noise, ring-back, busy tone and hold music; fails unless there is none
    Silence {
        /// Seconds of each
        #[arg(long, default_value_t = 90, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ThroughArg {
    /// Nothing: as recorded
    #[default]
    Clean,
    /// A telephone line: 8 kHz, A-law
    Alaw8k,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    #[default]
    Text,
    /// One JSON object per model on a line
    Json,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if let Command::Score { data, hypothesis } = &args.command {
        let scores = eval::score_calls(data, hypothesis)?;
        match args.format {
            Format::Text => emit(&scores.to_string())?,
            Format::Json => emit(&serde_json::to_string(&scores)?)?,
        }
        return Ok(Exit::Success);
    }
    if let Command::Rules(rules) = &args.command {
        return rules::run(rules, args.format);
    }
    if let Command::Masking { seed, count, misses } = &args.command {
        return masking(args.format, *seed, *count, misses.as_deref());
    }
    let mut exit = Exit::Success;
    if let Command::Speakers { data, answers: Some(answers), .. } = &args.command {
        let found = eval::find_mixed(data)?;
        let measured = found.iter().map(|call| eval::evaluate_rttm(call, answers));
        print_speakers(args.format, &measured.collect::<Result<Vec<_>, _>>()?)?;
        return Ok(exit);
    }
    for model in &args.models {
        let transcriber = load(model)?;
        let transcriber = transcriber.as_ref();
        match &args.command {
            Command::Speech { data, through, limit } => {
                let report = speech(transcriber, model, data, *through, *limit)?;
                print(args.format, &report)?;
            }
            Command::Calls { data, limit } => print(args.format, &calls(transcriber, model, data, *limit)?)?,
            Command::Speakers { data, always, .. } => {
                print_speakers(args.format, &speakers(transcriber, data, *always)?)?;
            }
            // Need no model.
            Command::Score { .. } | Command::Masking { .. } | Command::Rules(_) => {}
            Command::Silence { seconds } => {
                let heard = silence(transcriber, Millis(seconds * 1000))?;
                if heard.iter().any(|invented| invented.num_characters > 0) {
                    exit = Exit::Findings;
                }
                match args.format {
                    Format::Text => print_invented(model, &heard)?,
                    Format::Json => emit(&serde_json::to_string(&heard)?)?,
                }
            }
        }
    }
    Ok(exit)
}

fn masking(
    format: Format,
    seed: u64,
    count: usize,
    misses: Option<&std::path::Path>,
) -> anyhow::Result<Exit> {
    let report = eval::evaluate_masking(seed, count);
    if let Some(path) = misses {
        let lines: Result<Vec<String>, _> = report.faults.iter().map(serde_json::to_string).collect();
        fs_err::write(path, lines?.join("\n") + "\n")?;
    }
    match format {
        Format::Text => emit(&report.to_string())?,
        Format::Json => emit(&serde_json::to_string(&report)?)?,
    }
    Ok(Exit::Success)
}

/// Loads `model` with the configuration of this process.
fn load(model: &str) -> anyhow::Result<Arc<dyn Transcriber>> {
    let config = Config::load(&Layers::of_process(None).flag("speech.model", Some(model)))?;
    Ok(app::load_transcriber(&config)?)
}

fn speech(
    transcriber: &dyn Transcriber,
    model: &str,
    data: &std::path::Path,
    through: ThroughArg,
    limit: Option<usize>,
) -> anyhow::Result<Report> {
    let through = match through {
        ThroughArg::Clean => Through::Clean,
        ThroughArg::Alaw8k => Through::Alaw8k,
    };
    let utterances = eval::read_manifest(data)?;
    let count = limit.unwrap_or(utterances.len()).clamp(1, utterances.len());
    let mut report = Report::new(model, through);
    let bar = bar(count as u64, model);
    // Evenly spread, so that a limited run still hears every set.
    for utterance in (0..count).map(|index| &utterances[index * utterances.len() / count]) {
        let measured = eval::evaluate_utterance(utterance, through, transcriber)?;
        report.add(&utterance.set, &measured, None);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report)
}

fn calls(
    transcriber: &dyn Transcriber,
    model: &str,
    data: &std::path::Path,
    limit: Option<usize>,
) -> anyhow::Result<Report> {
    let found = eval::find_calls(data)?;
    let mut report = Report::new(model, Through::Clean);
    for call in found.iter().take(limit.unwrap_or(found.len())) {
        let name = call.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bar = bar(0, &name);
        let mut listened = |done: Millis| bar.set_position(done.0 / 1000);
        let (measured, times) = eval::evaluate_call(call, transcriber, &mut listened)?;
        bar.finish_and_clear();
        report.add(&name, &measured, Some(times));
    }
    Ok(report)
}

fn speakers(
    transcriber: &dyn Transcriber,
    data: &std::path::Path,
    always: bool,
) -> anyhow::Result<Vec<SpeakerReport>> {
    let mut config = Config::load(&Layers::of_process(None))?.pipeline.dialogue;
    if always {
        (config.min_separation_confidence, config.min_speaker_confidence) = (0.0, 0.0);
    }
    let mut reports = Vec::new();
    for call in eval::find_mixed(data)? {
        let bar = bar(0, &call.name);
        let mut listened = |done: Millis| bar.set_position(done.0 / 1000);
        reports.push(eval::evaluate_speakers(&call, transcriber, &config, &mut listened)?);
        bar.finish_and_clear();
    }
    Ok(reports)
}

fn silence(transcriber: &dyn Transcriber, length: Millis) -> anyhow::Result<Vec<Invented>> {
    let bar = bar(Signal::ALL.len() as u64, "silence");
    let mut heard = Vec::new();
    for signal in Signal::ALL {
        heard.push(eval::listen_to(signal, length, transcriber)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(heard)
}

/// Draws on standard error, and only on a terminal.
fn bar(length: u64, title: &str) -> ProgressBar {
    let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
    let style = ProgressStyle::with_template("{msg:<12} {bar:32} {pos}/{len} {elapsed} (about {eta} left)")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(title.to_owned());
    bar
}

fn print(format: Format, report: &Report) -> anyhow::Result<()> {
    match format {
        Format::Text => emit(&report.to_string())?,
        Format::Json => emit(&serde_json::to_string(report)?)?,
    }
    Ok(())
}

fn print_speakers(format: Format, reports: &[SpeakerReport]) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&serde_json::to_string(reports)?)?);
    }
    let percent =
        |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    let row = |name: &str,
               confidence: String,
               errors: &SpeakerErrors,
               collared: &SpeakerErrors,
               chars: [u64; 3]| {
        let [num, wrong, unknown] = chars;
        let of_chars = |part: u64| percent((num > 0).then(|| part as f64 / num as f64));
        format!(
            "{name:<24} {confidence:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>8}",
            percent(errors.rate()),
            percent(errors.share(errors.missed_ms)),
            percent(errors.share(errors.false_alarm_ms)),
            percent(errors.share(errors.confused_ms)),
            percent(collared.rate()),
            percent(collared.share(collared.confused_ms)),
            of_chars(wrong),
            of_chars(unknown),
        )
    };
    emit(&format!(
        "{:<24} {:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>8}",
        "call", "sure", "DER", "missed", "false", "confused", "DER ±.25", "confused", "wrong", "unknown"
    ))?;
    let (mut errors, mut collared, mut chars) = (SpeakerErrors::default(), SpeakerErrors::default(), [0; 3]);
    let (mut cost, mut audio) = (Cost::default(), Millis::ZERO);
    for report in reports {
        let sure = report.confidence.map_or("–".to_owned(), |confidence| format!("{confidence:.2}"));
        let own = [report.num_chars, report.wrong_chars, report.unknown_chars];
        emit(&row(&report.name, sure, &report.errors, &report.collared, own))?;
        errors += report.errors;
        collared += report.collared;
        for (sum, more) in chars.iter_mut().zip(own) {
            *sum += more;
        }
        (cost, audio) = (cost + report.cost, audio + report.audio_ms);
    }
    let num_separated = reports.iter().filter(|report| report.separated).count();
    let all = format!("{num_separated} of {} separated", reports.len());
    emit(&row(&all, String::new(), &errors, &collared, chars))?;
    if let Some(secs) = cost.cpu_secs.filter(|_| audio > Millis::ZERO) {
        emit(&format!("{:.1} CPU s per hour to tell apart", secs / audio.as_secs_f64() * 3600.0))?;
    }
    Ok(())
}

fn print_invented(model: &str, heard: &[Invented]) -> io::Result<()> {
    emit(&format!("model {model}, sounds without words through 8 kHz A-law"))?;
    emit(&format!("{:<12} {:>8} {:>16} {:>10}  text", "sound", "played s", "taken for speech", "invented"))?;
    for invented in heard {
        emit(&format!(
            "{:<12} {:>8} {:>14} s {:>10}  {}",
            invented.signal.name(),
            invented.played.0 / 1000,
            invented.taken_for_speech.0 / 1000,
            invented.num_characters,
            invented.text,
        ))?;
    }
    let total: usize = heard.iter().map(|invented| invented.num_characters).sum();
    emit(&format!("{total} characters invented"))
}
