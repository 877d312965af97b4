//! The index itself: dialogues to documents, words to the calls that have them.
//!
//! A document is a call: its number, which of its results it was made of, and for the agent, the customer and everybody else the pieces of what they said
//! with their places, turn behind turn with a gap between, and their single characters without places.
//!
//! **Invariant**: a call has at most one document.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fs_err as fs;
use roaring::RoaringBitmap;
use tantivy::query::{AllQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term};

use super::SearchError;
use super::answers::{Answers, Asked};
use super::query::{Speaker, TextQuery, Wanted};
use crate::analysis::{cover, pieces, units};
use crate::dialogue::Dialogue;
use crate::types::SpeakerRole;

/// The version of documents. An index of another one is made anew.
const VERSION: &str = "2";
/// Bytes that documents take before they are written to the disk.
const WRITER_BYTES: usize = 64 << 20;

/// Where what one kind of speaker says is indexed.
#[derive(Debug, Clone, Copy)]
struct Said {
    pieces: Field,
    chars: Field,
}

/// Where everything of a call is indexed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    number: Field,
    result: Field,
    agent: Said,
    customer: Said,
    others: Said,
}

/// An index that can be asked. The writer of [`open`](Engine::open) changes it.
pub(super) struct Engine {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    answers: Answers,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Changes the index; one at a time.
pub(super) struct Writer {
    writer: IndexWriter,
    fields: Fields,
    /// For every call that has a document, of which of its results that was made.
    results: HashMap<u32, u32>,
}

impl Engine {
    /// Opens the index in `dir`; also says how far it is. `None` when there is none that can be used.
    pub(super) fn open(dir: &Path) -> Option<(Self, Writer, u64)> {
        let version = fs::read_to_string(version_path(dir)).ok()?;
        if version.trim() != VERSION {
            return None;
        }
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let index = Index::open_in_dir(dir).ok()?;
            let cursor = index.load_metas().ok()?.payload?.parse().ok()?;
            let (engine, writer) = Self::with(index).ok()?;
            Some((engine, writer, cursor))
        }));
        opened.ok().flatten()
    }

    /// Begins an empty index in `dir`, in the place of whatever is there.
    pub(super) fn create(dir: &Path) -> Result<(Self, Writer), SearchError> {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(SearchError::engine)?;
        }
        fs::create_dir_all(dir).map_err(SearchError::engine)?;
        let index = Index::create_in_dir(dir, schema().0).map_err(SearchError::engine)?;
        let (engine, mut writer) = Self::with(index).map_err(SearchError::engine)?;
        writer.commit(0)?;
        // Last, so that a kill before leaves what is made anew.
        fs::write(version_path(dir), VERSION).map_err(SearchError::engine)?;
        Ok((engine, writer))
    }

    fn with(index: Index) -> tantivy::Result<(Self, Writer)> {
        let (schema, fields) = schema();
        if index.schema() != schema {
            return Err(tantivy::TantivyError::SchemaError("it is another one".to_owned()));
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writer = Writer {
            writer: index.writer_with_num_threads(1, WRITER_BYTES)?,
            fields,
            results: HashMap::new(),
        };
        Ok((Self { index, reader, fields, answers: Answers::default() }, writer))
    }

    /// Whether every file is as it was written. Reads all of them.
    pub(super) fn is_sound(&self) -> bool {
        let checked = catch_unwind(AssertUnwindSafe(|| self.index.validate_checksum()));
        matches!(checked, Ok(Ok(damaged)) if damaged.is_empty())
    }

    /// Lets questions see what was committed.
    pub(super) fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload().map_err(SearchError::engine)
    }

    /// For every call that has a document, of which of its results that was made.
    pub(super) fn results(&self) -> Result<HashMap<u32, u32>, SearchError> {
        let searcher = self.reader.searcher();
        let mut results = HashMap::new();
        for segment in searcher.segment_readers() {
            let column = |name| segment.fast_fields().column_first_or_default::<u64>(name);
            let (numbers, of) = (
                column("number").map_err(SearchError::engine)?,
                column("result").map_err(SearchError::engine)?,
            );
            for doc in segment.doc_ids_alive() {
                let (number, result) = (u32::try_from(numbers.get_val(doc)), u32::try_from(of.get_val(doc)));
                if let (Ok(number), Ok(result)) = (number, result) {
                    results.insert(number, result);
                }
            }
        }
        Ok(results)
    }

    pub(super) fn num_texts(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// How many segments there are, and of how many answers are kept.
    #[cfg(test)]
    pub(super) fn num_segments(&self) -> (usize, usize) {
        (self.reader.searcher().segment_readers().len(), self.answers.num_segments())
    }

    pub(super) fn num_bytes(&self) -> Result<u64, SearchError> {
        let usage = self.reader.searcher().space_usage().map_err(SearchError::engine)?;
        Ok(usage.total().get_bytes())
    }

    /// The calls in which the words of `query` occur.
    pub(super) fn find(&self, query: &TextQuery) -> Result<RoaringBitmap, SearchError> {
        let (wanted, excluded): (Vec<_>, Vec<_>) = query.words.iter().partition(|word| !word.is_excluded);
        let mut sets = wanted.into_iter().map(|word| self.calls_with(Some(word)));
        let mut found = match sets.next() {
            Some(set) => set?,
            None => self.calls_with(None)?,
        };
        for set in sets {
            found &= set?;
        }
        for word in excluded {
            if found.is_empty() {
                break;
            }
            found -= self.calls_with(Some(word))?;
        }
        Ok(found)
    }

    fn calls_with(&self, word: Option<&Wanted>) -> Result<RoaringBitmap, SearchError> {
        let asked: Asked = match word {
            Some(word) => (word.speaker, word.units.iter().map(|unit| unit.text.clone()).collect()),
            None => (Speaker::Anybody, Vec::new()),
        };
        self.answers.of(&self.reader.searcher(), &asked, &self.queries(word))
    }

    /// Questions whose answers together are the documents that have `word`.
    fn queries(&self, word: Option<&Wanted>) -> Vec<Box<dyn Query>> {
        let Some(word) = word else { return vec![Box::new(AllQuery)] };
        let Fields { number: _, result: _, agent, customer, others } = self.fields;
        let fields = match word.speaker {
            Speaker::Anybody => vec![agent, customer, others],
            Speaker::Agent => vec![agent],
            Speaker::Customer => vec![customer],
        };
        fields.into_iter().map(|said| said.query(word)).collect()
    }
}

impl Said {
    fn query(self, word: &Wanted) -> Box<dyn Query> {
        let is_char = matches!(word.units.as_slice(), [only] if only.is_chinese);
        let field = if is_char { self.chars } else { self.pieces };
        let mut terms: Vec<(usize, Term)> = cover(&word.units)
            .into_iter()
            .map(|piece| (piece.at, Term::from_field_text(field, &piece.text)))
            .collect();
        match (terms.pop(), terms.is_empty()) {
            (Some((_, only)), true) => Box::new(TermQuery::new(only, IndexRecordOption::Basic)),
            (last, _) => {
                terms.extend(last);
                Box::new(PhraseQuery::new_with_offset(terms))
            }
        }
    }
}

/// What was said in a call, ready to be taken in.
pub(super) struct CallText {
    number: u32,
    result: u32,
    document: TantivyDocument,
}

impl CallText {
    /// Of a call by its result of the number `result`.
    pub(super) fn of(fields: Fields, number: u32, result: u32, dialogue: &Dialogue) -> Self {
        let Fields { number: number_field, result: result_field, agent, customer, others } = fields;
        let mut document = TantivyDocument::new();
        document.add_u64(number_field, number.into());
        document.add_u64(result_field, result.into());
        for (said, is_of) in [
            (agent, (|role| role == SpeakerRole::Agent) as fn(SpeakerRole) -> bool),
            (customer, |role| role == SpeakerRole::Customer),
            (others, |role| role != SpeakerRole::Agent && role != SpeakerRole::Customer),
        ] {
            let (mut tokens, mut chars, mut begin) = (Vec::new(), BTreeSet::new(), 0);
            for turn in dialogue.turns.iter().filter(|turn| is_of(turn.role)) {
                let units = units(&turn.text);
                tokens.extend(pieces(&units).into_iter().map(|piece| token(begin + piece.at, piece.text)));
                // One place stays empty, so that nothing reaches over two turns.
                begin += units.len() + 1;
                chars.extend(units.into_iter().filter(|unit| unit.is_chinese).map(|unit| unit.text));
            }
            if begin > 0 {
                let chars = chars.into_iter().enumerate().map(|(at, char)| token(at, char)).collect();
                for (field, tokens) in [(said.pieces, tokens), (said.chars, chars)] {
                    document
                        .add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
                }
            }
        }
        Self { number, result, document }
    }
}

impl Writer {
    /// Lets it know what the index holds already.
    pub(super) fn remember(&mut self, results: HashMap<u32, u32>) {
        self.results = results;
    }

    /// Whether the document of a call was made of this result of it.
    pub(super) fn has(&self, number: u32, result: u32) -> bool {
        self.results.get(&number) == Some(&result)
    }

    /// Where everything of a call is indexed.
    pub(super) fn fields(&self) -> Fields {
        self.fields
    }

    /// Takes in what was said in a call, in the place of what was there before.
    pub(super) fn put(&mut self, text: CallText) -> Result<(), SearchError> {
        self.remove(text.number);
        self.writer.add_document(text.document).map_err(SearchError::engine)?;
        self.results.insert(text.number, text.result);
        Ok(())
    }

    /// Forgets a call.
    pub(super) fn remove(&mut self, number: u32) {
        self.writer.delete_term(Term::from_field_u64(self.fields.number, number.into()));
        self.results.remove(&number);
    }

    /// Makes everything durable, together with how far it is.
    pub(super) fn commit(&mut self, cursor: u64) -> Result<(), SearchError> {
        let mut commit = self.writer.prepare_commit().map_err(SearchError::engine)?;
        commit.set_payload(&cursor.to_string());
        commit.commit().map_err(SearchError::engine)?;
        Ok(())
    }

    /// Ends when segments that are being merged are.
    pub(super) fn close(self) {
        if let Err(error) = self.writer.wait_merging_threads() {
            tracing::warn!(%error, "segments of the text index are merged later");
        }
    }
}

fn token(position: usize, text: String) -> Token {
    Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 }
}

fn version_path(dir: &Path) -> PathBuf {
    dir.join("version")
}

fn schema() -> (Schema, Fields) {
    let options = |record| {
        let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
        TextOptions::default().set_indexing_options(indexing.set_index_option(record))
    };
    let mut builder = Schema::builder();
    let number = builder.add_u64_field("number", INDEXED | FAST);
    let result = builder.add_u64_field("result", FAST);
    let mut said = |name: &str| Said {
        pieces: builder.add_text_field(name, options(IndexRecordOption::WithFreqsAndPositions)),
        chars: builder.add_text_field(&format!("{name}_chars"), options(IndexRecordOption::Basic)),
    };
    let (agent, customer, others) = (said("agent"), said("customer"), said("others"));
    (builder.build(), Fields { number, result, agent, customer, others })
}
