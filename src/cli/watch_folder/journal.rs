//! What was sent and what was refused, kept through restarts and power cuts.
//!
//! A folder with three files: `journal.jsonl`, to which every outcome is added; `lock`; and `failed.tsv`, what was
//! refused, for people.
//!
//! **Invariant**: an outcome is on disk before anything is done to its file. Losing the last ones only sends files again,
//! which the server recognises.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

use super::settle::Stamp;
use crate::cli::exit::UsageError;

/// Lines that the journal may have over what it holds before it is written anew.
const MAX_SURPLUS_LINES: usize = 10_000;

/// The outcome of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The state the file was in.
    pub(super) stamp: Stamp,
    /// The call that it belongs to.
    pub(super) call_id: String,
    /// Why it was refused; nothing when it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    way: String,
    /// Nothing when the file is gone.
    #[serde(default)]
    outcome: Option<Outcome>,
}

/// The outcomes of all files, by their ways from the watched folder.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    file: File,
    _lock: File,
    outcomes: HashMap<Box<str>, Outcome>,
    num_lines: usize,
    /// What stands in `failed.tsv`.
    told: Option<String>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made when it is not there.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        fs_err::create_dir_all(folder)
            .context("what was sent must be remembered: name a folder for that with --state")?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        if lock.file().try_lock().is_err() {
            let problem = format!(
                "another `diting push --watch` keeps its state in `{}`: end it, or choose another folder with --state",
                folder.display()
            );
            return Err(UsageError(problem).into());
        }
        let path = folder.join("journal.jsonl");
        let outcomes = if path.exists() { read(&path)? } else { HashMap::new() };
        let file = write_anew(folder, &outcomes)?;
        let num_lines = outcomes.len();
        Ok(Self { folder: folder.to_owned(), file, _lock: lock, outcomes, num_lines, told: None })
    }

    /// A place for temporary files that is on the same disk.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn get(&self, way: &str) -> Option<&Outcome> {
        self.outcomes.get(way)
    }

    /// Keeps the outcome of several files at once, and returns when it is on disk.
    pub(super) fn keep(&mut self, outcomes: Vec<(String, Outcome)>) -> anyhow::Result<()> {
        let mut text = String::new();
        for (way, outcome) in outcomes {
            self.outcomes.insert(way.as_str().into(), outcome.clone());
            push_line(&mut text, &Line { way, outcome: Some(outcome) })?;
            self.num_lines += 1;
        }
        self.append(&text)
    }

    /// Forgets files that are gone.
    pub(super) fn forget(&mut self, ways: &[String]) -> anyhow::Result<()> {
        let mut text = String::new();
        for way in ways {
            if self.outcomes.remove(way.as_str()).is_some() {
                push_line(&mut text, &Line { way: way.clone(), outcome: None })?;
                self.num_lines += 1;
            }
        }
        self.append(&text)?;
        if self.num_lines > 2 * self.outcomes.len() + MAX_SURPLUS_LINES {
            self.file = write_anew(&self.folder, &self.outcomes)?;
            self.num_lines = self.outcomes.len();
        }
        Ok(())
    }

    /// Forgets everything that is not in `present`.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let gone: Vec<_> =
            self.outcomes.keys().filter(|way| !is_there(way)).map(|way| way.to_string()).collect();
        if gone.is_empty() { Ok(()) } else { self.forget(&gone) }
    }

    fn append(&mut self, text: &str) -> anyhow::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.file.write_all(text.as_bytes())?;
        Ok(self.file.sync_data()?)
    }

    /// Writes `failed.tsv`: what was refused, and `others`, by way; gives how many there are.
    pub(super) fn tell_failed(&mut self, others: &BTreeMap<String, String>) -> anyhow::Result<usize> {
        let mut rows: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for (way, outcome) in &self.outcomes {
            if let Some(why) = &outcome.refused {
                rows.insert(way, (&outcome.call_id, why));
            }
        }
        rows.extend(others.iter().map(|(way, why)| (way.as_str(), ("-", why.as_str()))));
        let mut text = "file\tcall\twhy\n".to_owned();
        for (way, (call_id, why)) in &rows {
            let why = why.replace(['\t', '\n', '\r'], " ");
            text.push_str(&format!("{way}\t{call_id}\t{why}\n"));
        }
        let num_rows = rows.len();
        if self.told.as_ref() != Some(&text) {
            replace(&self.folder.join("failed.tsv"), text.as_bytes())?;
            self.told = Some(text);
        }
        Ok(num_rows)
    }
}

fn push_line(text: &mut String, line: &Line) -> anyhow::Result<()> {
    text.push_str(&serde_json::to_string(line)?);
    text.push('\n');
    Ok(())
}

/// Outcomes in the journal at `path`. Lines that cannot be read are what a power cut left: their files are sent again.
fn read(path: &Path) -> anyhow::Result<HashMap<Box<str>, Outcome>> {
    let mut outcomes = HashMap::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = line.with_context(|| format!("`{}` cannot be read", path.display()))?;
        if let Ok(Line { way, outcome }) = serde_json::from_slice(&line) {
            match outcome {
                Some(outcome) => outcomes.insert(way.into(), outcome),
                None => outcomes.remove(way.as_str()),
            };
        }
    }
    Ok(outcomes)
}

/// Writes the journal with nothing but what holds; gives it for adding to.
fn write_anew(folder: &Path, outcomes: &HashMap<Box<str>, Outcome>) -> anyhow::Result<File> {
    let mut text = String::new();
    for (way, outcome) in outcomes {
        push_line(&mut text, &Line { way: way.to_string(), outcome: Some(outcome.clone()) })?;
    }
    let path = folder.join("journal.jsonl");
    replace(&path, text.as_bytes())?;
    Ok(OpenOptions::new().append(true).open(path)?)
}

/// Puts `bytes` in place of what `path` holds, or leaves it as it is.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(size: u64, refused: Option<&str>) -> Outcome {
        let stamp = Stamp { size, mtime_ns: 7 };
        Outcome { stamp, call_id: format!("id{size}"), refused: refused.map(str::to_owned) }
    }

    #[test]
    fn outcomes_outlive_the_process_and_a_line_cut_in_two() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(folder.path()).expect("it opens");
        journal
            .keep(vec![("a".into(), outcome(1, None)), ("b".into(), outcome(2, Some("no")))])
            .expect("it keeps");
        journal.keep(vec![("c".into(), outcome(3, None))]).expect("it keeps");
        journal.forget(&["c".to_owned()]).expect("it forgets");
        assert!(Journal::open(folder.path()).is_err(), "one at a time");
        drop(journal);
        let path = folder.path().join("journal.jsonl");
        let mut text = std::fs::read(&path).expect("it is there");
        text.extend(br#"{"way":"d","outco"#);
        std::fs::write(&path, text).expect("it is written");
        let mut journal = Journal::open(folder.path()).expect("it opens");
        assert_eq!(journal.get("a"), Some(&outcome(1, None)));
        assert_eq!(journal.get("b"), Some(&outcome(2, Some("no"))));
        assert_eq!((journal.get("c"), journal.get("d")), (None, None));
        journal.keep(vec![("e".into(), outcome(5, None))]).expect("what was cut does not swallow it");
        drop(journal);
        assert!(Journal::open(folder.path()).expect("it opens").get("e").is_some());
    }

    #[test]
    fn what_failed_is_a_table_for_people() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(folder.path()).expect("it opens");
        journal.keep(vec![("a/b.wav".into(), outcome(2, Some("no\ttabs")))]).expect("it keeps");
        let others = BTreeMap::from([("0.wav".to_owned(), "odd name".to_owned())]);
        assert_eq!(journal.tell_failed(&others).expect("it is written"), 2);
        let text = std::fs::read_to_string(folder.path().join("failed.tsv")).expect("it is there");
        assert_eq!(text, "file\tcall\twhy\n0.wav\t-\todd name\na/b.wav\tid2\tno tabs\n");
        journal.retain(|way| way != "a/b.wav").expect("it forgets");
        assert_eq!(journal.tell_failed(&BTreeMap::new()).expect("it is written"), 0);
    }

    #[test]
    fn a_journal_of_files_that_come_and_go_stays_small() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(folder.path()).expect("it opens");
        journal.num_lines = MAX_SURPLUS_LINES;
        journal.keep(vec![("a".into(), outcome(1, None))]).expect("it keeps");
        journal.forget(&["a".to_owned()]).expect("it forgets");
        assert_eq!(std::fs::read(folder.path().join("journal.jsonl")).expect("it is there"), b"");
        journal.keep(vec![("b".into(), outcome(1, None))]).expect("it keeps");
        drop(journal);
        assert!(Journal::open(folder.path()).expect("it opens").get("b").is_some());
    }
}
