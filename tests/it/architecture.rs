//! Holds the source to ARCHITECTURE.md: who imports whom, which crate is named where, how long a file may be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What each module of the crate may import of the others. Every module may import `types` and `error`, which import
/// nothing. No entry names a later one, so there is no cycle.
const IMPORTS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("error", &[]),
    ("ingest", &[]),
    ("audio", &["ingest"]),
    ("speech", &["audio"]),
    ("speaker", &["audio"]),
    ("dialogue", &["audio", "speech", "speaker"]),
    ("masking", &["ingest", "speech", "dialogue"]),
    ("analysis", &["audio", "dialogue"]),
    ("eval", &["audio", "speech", "speaker", "dialogue", "masking", "analysis"]),
    ("simulation", &["analysis"]),
    ("catalog", &["ingest", "analysis"]),
    ("store", &["ingest", "audio", "speech", "dialogue", "masking", "analysis", "catalog"]),
    ("search", &["ingest", "dialogue", "analysis", "store"]),
    ("insight", &["analysis", "catalog", "store"]),
    ("mining", &["ingest", "dialogue", "analysis", "catalog", "store"]),
    ("opinion", &["dialogue", "store", "mining"]),
    ("review", &["ingest", "audio", "dialogue", "analysis", "catalog", "store"]),
    ("pipeline", &["ingest", "audio", "speech", "speaker", "dialogue", "masking", "analysis", "store"]),
    ("alert", &["ingest", "dialogue", "analysis", "catalog", "store", "pipeline"]),
    ("report", &["ingest", "analysis", "catalog", "store", "insight", "mining", "alert"]),
    ("listing", &["audio"]),
    ("archive", &["ingest", "audio", "speech", "dialogue", "analysis", "store", "pipeline", "listing"]),
    (
        "proto",
        &[
            "ingest", "audio", "speech", "dialogue", "masking", "analysis", "catalog", "insight", "mining",
            "opinion", "review", "report", "pipeline", "alert", "listing", "archive",
        ],
    ),
    (
        "serve",
        &[
            "ingest", "dialogue", "analysis", "catalog", "store", "search", "insight", "mining", "opinion",
            "review", "report", "pipeline", "alert", "archive", "proto",
        ],
    ),
    (
        "config",
        &[
            "ingest", "audio", "speech", "dialogue", "masking", "analysis", "store", "opinion", "review",
            "pipeline", "alert", "archive", "serve",
        ],
    ),
    (
        "app",
        &[
            "ingest",
            "audio",
            "speech",
            "dialogue",
            "masking",
            "analysis",
            "simulation",
            "store",
            "search",
            "mining",
            "opinion",
            "review",
            "pipeline",
            "alert",
            "archive",
            "proto",
            "serve",
            "config",
        ],
    ),
];

/// What the command line may import: never `store` or `serve`, which `app` puts together.
const CLI_IMPORTS: &[&str] = &[
    "ingest",
    "audio",
    "speech",
    "masking",
    "eval",
    "analysis",
    "simulation",
    "pipeline",
    "listing",
    "proto",
    "config",
    "app",
];

/// Crates that only these modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("chacha20poly1305", &["masking"]),
    ("subtle", &["masking"]),
    ("realfft", &["speaker"]),
    ("sled", &["store"]),
    ("tantivy", &["search"]),
    ("roaring", &["catalog", "store", "search", "serve"]),
    ("rand", &["simulation"]),
    ("statrs", &["insight", "mining"]),
    ("symphonia", &["audio"]),
    ("audio_codec", &["audio"]),
    ("codec_core", &["audio"]),
    ("fdk_aac", &["audio"]),
    ("rubato", &["audio", "eval"]),
    ("whisper_rs", &["speech"]),
    ("diting_kernels", &["speech"]),
    ("tonic", &["proto", "serve", "cli", "app"]),
    ("hmac", &["alert"]),
    ("ureq", &["speech", "alert", "opinion"]),
    ("tokio", &["pipeline", "alert", "archive", "proto", "serve", "cli", "app"]),
    ("clap", &["cli", "main"]),
    ("maud", &["report"]),
    ("parquet", &["report"]),
    ("rust_xlsxwriter", &["report"]),
    ("csv_core", &["listing"]),
    ("encoding_rs", &["listing"]),
    ("encoding_rs_io", &["listing"]),
];

const MAX_LINES: usize = 500;

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut wrong = String::new();
    for file in Source::all() {
        let allowed = match file.module.as_str() {
            "main" | "lib" => continue,
            "cli" => CLI_IMPORTS,
            module => {
                let entry = IMPORTS.iter().find(|(name, _)| *name == module);
                entry.unwrap_or_else(|| panic!("module `{module}` is missing in the table of imports")).1
            }
        };
        for (number, line) in file.product_lines() {
            for import in after(line, "crate::") {
                let known = import == file.module || ["types", "error"].contains(&import);
                let below = !["types", "error"].contains(&file.module.as_str()) || import == file.module;
                // `crate::{…}` hides what is imported; one line per module shows it.
                if !(known && below || allowed.contains(&import)) {
                    writeln!(wrong, "{}:{number}: {}", file.path.display(), line.trim()).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that the architecture does not allow:\n{wrong}");
}

#[test]
fn the_table_has_no_cycle() {
    for (index, (module, allowed)) in IMPORTS.iter().enumerate() {
        for import in *allowed {
            assert!(
                IMPORTS[..index].iter().any(|(earlier, _)| earlier == import),
                "`{module}` may import `{import}`, which stands after it"
            );
        }
    }
}

#[test]
fn crates_are_named_where_they_belong() {
    let mut wrong = String::new();
    for file in Source::all() {
        for (number, line) in file.product_lines() {
            for (name, modules) in CRATES {
                let named = after(line, &format!("{name}::")).next().is_some()
                    && !line.contains(&format!("_{name}::"));
                if named && !modules.contains(&file.module.as_str()) {
                    writeln!(wrong, "{}:{number}: {}", file.path.display(), line.trim()).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "crates named outside their module:\n{wrong}");
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = String::new();
    for file in Source::all() {
        let num_lines = file.text.lines().count();
        if num_lines > MAX_LINES {
            writeln!(wrong, "{}: {num_lines} lines, more than {MAX_LINES}", file.path.display()).unwrap();
        }
        if !file.text.starts_with("//!") {
            writeln!(wrong, "{}: no `//!` that says what it is", file.path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in
        ["src", "tests", "proto", "models", "samples", "scripts", "docs", "benches", ".ci", ".cargo"]
    {
        walk(&root.join(folder), &mut files);
    }
    let top = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    files.extend(top.filter(|path| path.is_file()));
    let home = std::env::var("HOME").unwrap_or_default();
    let places: Vec<_> = [env!("CARGO_MANIFEST_DIR"), &home]
        .into_iter()
        .filter(|place| place.len() > 3)
        .map(|place| format!("{place}/"))
        .collect();
    let mut wrong = String::new();
    for path in files.iter().filter(|path| !path.ends_with(".git")) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        for (index, line) in text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                writeln!(wrong, "{}:{}: {}", path.display(), index + 1, line.trim()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "paths of one machine:\n{wrong}");
}

/// One file of the crate.
struct Source {
    path: PathBuf,
    /// First part of its path under `src`.
    module: String,
    text: String,
}

impl Source {
    fn all() -> Vec<Self> {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        walk(&src, &mut paths);
        let rust =
            paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        let files: Vec<_> = rust
            .map(|path| {
                let first = path.strip_prefix(&src).unwrap().iter().next().unwrap();
                let module = Path::new(first).file_stem().unwrap().to_string_lossy().into_owned();
                Self { module, text: std::fs::read_to_string(&path).unwrap(), path }
            })
            .collect();
        assert!(files.len() > 20, "the source was not found");
        files
    }

    /// Lines with their numbers, without comments and without the tests at the end of the file.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let product = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let numbered = product.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The identifiers that follow `prefix` in `line`; empty ones too.
fn after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(prefix).skip(1).map(|rest| {
        rest.split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap_or_default()
    })
}

/// Every file under `folder`, if there is such a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
