//! Opinions on calls and topics: asked for, kept, and asked for anew when what they were about has changed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::founded::{Shown, ShownTurn, founded};
use super::{OpinionConfig, OpinionError, Question, endpoint};
use crate::dialogue::MessageKind;
use crate::mining::{MiningError, MiningRuns};
use crate::store::{Family, Store, StoreError, Writes};
use crate::types::{CallId, SpeakerRole};

/// Most characters that are sent at once.
const MAX_CHARS: usize = 60_000;
/// A character is a token at most, in models that know Chinese; what is reserved before the endpoint says.
const TOKENS_PER_CHAR: u64 = 1;
/// Most questions under way at once; each holds a thread while the model thinks.
const MAX_AT_ONCE: usize = 8;
const BUDGET: &[u8] = b"opinion-budget";

/// Words of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The call.
    pub call_id: CallId,
    /// The turn.
    pub turn: u32,
    /// The very words.
    pub text: String,
}

/// What a model says, with what it founds it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What it says.
    pub text: String,
    /// Words that stand in the transcript.
    pub quotes: Vec<Quote>,
    /// The question that it answers; empty for a summary.
    pub question_id: String,
    /// `yes`, `no` or `unclear`; empty for a summary.
    pub answer: String,
}

/// A model's opinion. Not a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The model, by its name in the configuration.
    pub model: String,
    /// SHA-256 of what it was told to do, in hex.
    pub prompt_digest: String,
    /// SHA-256 of what it was shown, in hex.
    text_digest: String,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// What it says.
    pub statements: Vec<Statement>,
    /// Statements that were dropped, because they quote what is not there.
    pub num_unfounded: u32,
    /// Tokens that it cost.
    pub num_tokens: u64,
    /// Whether it was kept from before.
    #[serde(skip)]
    pub is_kept: bool,
}

/// What was spent on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Budget {
    /// The day as YYYY-MM-DD, UTC.
    day: String,
    num_calls: u32,
    num_tokens: u64,
}

/// What is asked.
struct Task<'a> {
    prompt: String,
    text: String,
    shown: Vec<Shown>,
    questions: Option<&'a [Question]>,
    /// What it is kept under; an opinion on several calls is not kept, for it would outlive one that is deleted.
    key: Option<Vec<u8>>,
}

/// Asks the model that is configured. All methods block.
pub struct Opinions {
    store: Arc<Store>,
    mining: Arc<MiningRuns>,
    config: OpinionConfig,
    key: Option<String>,
    budget: Mutex<()>,
    num_asked: AtomicUsize,
}

impl std::fmt::Debug for Opinions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opinions").field("model", &self.config.model).finish_non_exhaustive()
    }
}

impl Opinions {
    /// Reads the key, if opinions are on.
    ///
    /// # Errors
    /// [`OpinionError::Key`].
    pub fn open(
        store: Arc<Store>,
        mining: Arc<MiningRuns>,
        config: OpinionConfig,
    ) -> Result<Self, OpinionError> {
        let path = config.api_key_file.as_ref().filter(|_| config.enabled);
        let key = path.map(|path| {
            let read = std::fs::read_to_string(path);
            read.map(|key| key.trim().to_owned())
                .map_err(|source| OpinionError::Key { path: path.clone(), source })
        });
        Ok(Self {
            store,
            mining,
            config,
            key: key.transpose()?,
            budget: Mutex::new(()),
            num_asked: AtomicUsize::new(0),
        })
    }

    /// A summary of a call.
    ///
    /// # Errors
    /// [`OpinionError`]: there is an opinion or an error, never half of one.
    pub fn summarize(&self, id: &CallId, anew: bool) -> Result<Opinion, OpinionError> {
        let shown = vec![self.shown(id)?];
        let prompt = self.config.summary_prompt.clone();
        let text = transcript(&shown, false);
        self.opinion(of_call(id, b"summary", prompt, text, shown, None), anew)
    }

    /// Answers to the configured questions about a call.
    ///
    /// # Errors
    /// [`OpinionError`], as above.
    pub fn judge(&self, id: &CallId, anew: bool) -> Result<Opinion, OpinionError> {
        let shown = vec![self.shown(id)?];
        let questions = &self.config.question;
        if questions.is_empty() {
            return Err(OpinionError::NoQuestion);
        }
        let asked: Vec<String> =
            questions.iter().map(|question| format!("题号 {}：{}", question.id, question.text)).collect();
        let prompt = format!("{}\n\n{}", self.config.judge_prompt, asked.join("\n"));
        let text = transcript(&shown, false);
        self.opinion(of_call(id, b"judge", prompt, text, shown, Some(questions)), anew)
    }

    /// A summary of a topic of the last run, by its representative calls.
    ///
    /// # Errors
    /// [`OpinionError`], as above.
    pub fn topic(&self, name: &str) -> Result<Opinion, OpinionError> {
        self.check()?;
        let (_, found) = self.mining.found(None)?;
        let topic = found.topics.iter().find(|topic| topic.name == name);
        let topic = topic.ok_or_else(|| MiningError::NoTopic { name: name.to_owned() })?;
        let mut shown = Vec::new();
        for example in &topic.representatives {
            match self.shown(&example.call_id) {
                Ok(call) => shown.push(call),
                // Deleted since.
                Err(OpinionError::Store(StoreError::NotFound { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        let text = format!("话题关键词：{}\n{}", topic.key_words.join("、"), transcript(&shown, true));
        let prompt = self.config.topic_prompt.clone();
        self.opinion(Task { prompt, text, shown, questions: None, key: None }, true)
    }

    fn check(&self) -> Result<(), OpinionError> {
        if self.config.enabled { Ok(()) } else { Err(OpinionError::Off) }
    }

    /// What of a call may be shown.
    fn shown(&self, id: &CallId) -> Result<Shown, OpinionError> {
        self.check()?;
        let Some(result) = self.store.result(id)? else {
            return Err(match self.store.call(id)? {
                Some(_) => OpinionError::NotDone { id: id.clone() },
                None => StoreError::NotFound { id: id.clone() }.into(),
            });
        };
        if !result.masking.masked {
            return Err(OpinionError::NotMasked { id: id.clone() });
        }
        let turns = result.dialogue.turns.into_iter().filter(|turn| turn.kind == MessageKind::Text);
        let turns = turns.map(|turn| ShownTurn {
            index: turn.index,
            speaker: match turn.role {
                SpeakerRole::Agent => "座席",
                SpeakerRole::Customer => "客户",
                SpeakerRole::Bot => "机器人",
                SpeakerRole::Unknown => "未知",
            },
            text: turn.text,
        });
        Ok(Shown { id: id.clone(), turns: turns.collect() })
    }

    fn opinion(&self, task: Task<'_>, anew: bool) -> Result<Opinion, OpinionError> {
        let num_chars = task.prompt.chars().count() + task.text.chars().count();
        if num_chars > MAX_CHARS {
            return Err(OpinionError::TooLong { num_chars, limit: MAX_CHARS });
        }
        let (prompt_digest, text_digest) = (digest(&task.prompt), digest(&task.text));
        let kept: Option<Option<Opinion>> =
            task.key.as_ref().map(|key| self.store.document(Family::Opinion, key)).transpose()?;
        if let Some(kept) = kept.flatten().filter(|kept| {
            !anew
                && kept.model == self.config.model
                && kept.prompt_digest == prompt_digest
                && kept.text_digest == text_digest
        }) {
            return Ok(Opinion { is_kept: true, ..kept });
        }
        let _place = Place::take(&self.num_asked)?;
        let reserved = num_chars as u64 * TOKENS_PER_CHAR + u64::from(self.config.max_answer_tokens);
        self.spend(reserved)?;
        let reply = endpoint::ask(&self.config, self.key.as_deref(), &task.prompt, &task.text)?;
        let num_tokens = reply.num_tokens.unwrap_or(reserved);
        self.settle(reserved, num_tokens)?;
        let (statements, num_unfounded) = founded(&reply.content, &task.shown, task.questions)?;
        let at = Timestamp::from_microsecond(Timestamp::now().as_microsecond());
        let opinion = Opinion {
            model: self.config.model.clone(),
            prompt_digest,
            text_digest,
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            statements,
            num_unfounded,
            num_tokens,
            is_kept: false,
        };
        self.keep(&task, &opinion)?;
        Ok(opinion)
    }

    /// Keeps an opinion, unless its call went meanwhile.
    fn keep(&self, task: &Task<'_>, opinion: &Opinion) -> Result<(), OpinionError> {
        let (Some(key), Some(call)) = (&task.key, task.shown.first()) else { return Ok(()) };
        match self.store.annotate(&call.id, |_, writes| writes.put(Family::Opinion, key, opinion)) {
            // It is told all the same; it only is not kept.
            Err(StoreError::ValueTooLarge { .. }) => Ok(()),
            kept => Ok(kept?),
        }
    }

    /// Takes from the day's budget, durably, before anything is sent.
    fn spend(&self, num_tokens: u64) -> Result<(), OpinionError> {
        self.change_budget(|budget| {
            if budget.num_calls >= self.config.max_calls_a_day {
                return Err(OpinionError::Budget { what: "calls" });
            }
            if budget.num_tokens.saturating_add(num_tokens) > self.config.max_tokens_a_day {
                return Err(OpinionError::Budget { what: "tokens" });
            }
            budget.num_calls += 1;
            budget.num_tokens += num_tokens;
            Ok(())
        })
    }

    /// Puts what it cost in the place of what was reserved.
    fn settle(&self, reserved: u64, num_tokens: u64) -> Result<(), OpinionError> {
        self.change_budget(|budget| {
            budget.num_tokens = budget.num_tokens.saturating_sub(reserved).saturating_add(num_tokens);
            Ok(())
        })
    }

    fn change_budget(
        &self,
        change: impl FnOnce(&mut Budget) -> Result<(), OpinionError>,
    ) -> Result<(), OpinionError> {
        let _guard = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let today = Timestamp::now().strftime("%F").to_string();
        let kept: Option<Budget> = self.store.document(Family::Mining, BUDGET)?;
        let kept = kept.filter(|budget| budget.day == today);
        let mut budget = kept.unwrap_or(Budget { day: today, ..Budget::default() });
        change(&mut budget)?;
        let mut writes = Writes::default();
        writes.put(Family::Mining, BUDGET, &budget)?;
        Ok(self.store.write(writes)?)
    }
}

/// One of the questions that are under way at once.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(num_asked: &'a AtomicUsize) -> Result<Self, OpinionError> {
        let place = Self(num_asked);
        if num_asked.fetch_add(1, Ordering::Relaxed) >= MAX_AT_ONCE {
            // Given back when `place` goes.
            return Err(OpinionError::Busy { limit: MAX_AT_ONCE });
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn of_call<'a>(
    id: &CallId,
    kind: &[u8],
    prompt: String,
    text: String,
    shown: Vec<Shown>,
    questions: Option<&'a [Question]>,
) -> Task<'a> {
    let key = Some([id.as_str().as_bytes(), &[0], kind].concat());
    Task { prompt, text, shown, questions, key }
}

/// The calls as a model reads them.
fn transcript(shown: &[Shown], is_numbered: bool) -> String {
    let lines = shown.iter().enumerate().flat_map(|(call, shown)| {
        shown.turns.iter().map(move |ShownTurn { index, speaker, text }| {
            let call = if is_numbered { format!("通话 {call} 轮次 ") } else { String::new() };
            format!("[{call}{index}] {speaker}：{text}")
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
