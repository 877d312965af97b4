//! Reviews over a real store, and the steps alone in random orders.

mod appeals;
mod damage;
mod figures;
mod pages;
mod plans;
mod queue;
mod scores;
mod steps;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::analysis::{RuleSet, Verdict, dialogue_of};
use crate::catalog::{CallFacts, CallQuery};
use crate::ingest::{CallRecord, CallState, Origin, Recording};
use crate::store::{AgentPart, CallResult, Masking, Store, StoreConfig};
use crate::types::{
    AgentSegment, AudioDeclaration, CallId, CallMetadata, ContentHash, Millis, RuleId, Score, TimeSpan,
};

/// A scheme with a veto, a group-free pair of rules and an item by hand.
pub(super) const PACK: &str = r#"
version = 2
[scheme]
name = "t"
version = "1"
base = 100
min_agent_chars = 1
[[scheme.dimension]]
name = "合规"
full = 100
[[scheme.manual]]
id = "H01"
name = "主动性"
dimension = "合规"
points = -10
[[rule]]
id = "S1"
name = "保本"
kind = "forbidden"
role = "agent"
level = "S1"
dimension = "合规"
hits = ["客服: 保本"]
misses = ["客服: 您好"]
[[rule.condition]]
keyword = { any = ["保本"] }
[[rule]]
id = "L2"
name = "不耐烦"
kind = "forbidden"
role = "agent"
level = "S2"
dimension = "合规"
hits = ["客服: 真烦"]
misses = ["客服: 您好"]
[[rule.condition]]
keyword = { any = ["真烦"] }
[[rule]]
id = "L3"
name = "闲聊"
kind = "forbidden"
role = "agent"
level = "S3"
dimension = "合规"
hits = ["客服: 下班"]
misses = ["客服: 您好"]
[[rule.condition]]
keyword = { any = ["下班"] }
"#;

pub(super) fn rule(text: &str) -> RuleId {
    RuleId::try_new(text).expect("an id")
}

pub(super) fn call(text: &str) -> CallId {
    CallId::try_new(text).expect("an id")
}

/// So many minutes after the beginning of every test.
pub(super) fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T01:00:00Z".parse().expect("a time");
    start + SignedDuration::from_mins(minutes)
}

/// A store with the reviews over it.
pub(super) struct Desk {
    pub(super) reviews: Arc<Reviews>,
    pub(super) store: Arc<Store>,
    config: StoreConfig,
    _dir: tempfile::TempDir,
}

impl Desk {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() };
        let store = Arc::new(Store::open(&config).expect("it opens"));
        let reviews = Reviews::open(Arc::clone(&store), ReviewConfig::default(), 8 * 60).expect("it opens");
        Self { reviews: Arc::new(reviews), store, config, _dir: dir }
    }

    /// Closes and opens everything, as a new process would.
    pub(super) fn reopened(self) -> Self {
        let Self { reviews, store, config, _dir } = self;
        drop(reviews);
        drop(Arc::into_inner(store).expect("nobody else has it"));
        let store = Arc::new(Store::open(&config).expect("it opens"));
        let reviews = Reviews::open(Arc::clone(&store), ReviewConfig::default(), 8 * 60).expect("it opens");
        Self { reviews: Arc::new(reviews), store, config, _dir }
    }

    /// A call that is done, `minutes` after the beginning.
    pub(super) fn add(&self, id: &str, agent: &str, team: &str, minutes: i64, turns: &[&str]) {
        let metadata = CallMetadata {
            agent_id: Some(agent.to_owned()),
            team: Some(team.to_owned()),
            started_at: Some(at(minutes)),
            ..CallMetadata::default()
        };
        self.finish(id, metadata, minutes, &result(PACK, turns));
    }

    /// A call that each of these agents passed on to the next, with what was said while they had it.
    pub(super) fn add_passed_on(&self, id: &str, parts: &[(&str, &[&str])]) {
        let segment =
            |agent: &str| AgentSegment { agent_id: Some(agent.to_owned()), ..AgentSegment::default() };
        let metadata = CallMetadata {
            segments: parts.iter().map(|(agent, _)| segment(agent)).collect(),
            started_at: Some(at(0)),
            ..CallMetadata::default()
        };
        let turns: Vec<&str> = parts.iter().flat_map(|(_, turns)| turns.iter().copied()).collect();
        let own = parts.iter().map(|(agent, turns)| AgentPart {
            agent_id: Some((*agent).to_owned()),
            agent_name: None,
            team: None,
            span: TimeSpan::new(Millis(0), Millis(1)),
            analysis: result(PACK, turns).analysis,
        });
        self.finish(id, metadata, 0, &CallResult { parts: own.collect(), ..result(PACK, &turns) });
    }

    fn finish(&self, id: &str, metadata: CallMetadata, minutes: i64, result: &CallResult) {
        let record = CallRecord {
            id: call(id),
            metadata,
            recording: Recording {
                hash: ContentHash::new([7; 32]),
                num_bytes: 1,
                declaration: AudioDeclaration::default(),
            },
            received_at: at(minutes),
            state: CallState::Accepted,
            num_attempts: 0,
            duration: None,
            origin: Origin::default(),
        };
        self.store.insert_call(&record).expect("it is taken");
        let record = self.store.begin(&record).expect("it begins");
        self.store.finish(&record, result).expect("it ends");
    }

    /// Judges a call by another pack.
    pub(super) fn judge_again(&self, id: &str, pack: &str, turns: &[&str]) {
        let finished = self.store.finished_call(&call(id)).expect("readable").expect("it is done");
        let replaced = self.store.replace_findings(&[(finished, result(pack, turns))]);
        assert_eq!(replaced.expect("it is replaced"), 1);
    }

    pub(super) fn facts(&self, id: &str) -> CallFacts {
        self.store.facts(&call(id)).expect("readable").expect("it is there")
    }

    pub(super) fn score(&self, id: &str) -> Option<f64> {
        self.facts(id).final_score().map(Score::as_f64)
    }

    /// The verdict that counts.
    pub(super) fn verdict(&self, id: &str, rule_id: &str) -> Option<Verdict> {
        let facts = self.facts(id);
        let catalog = self.store.catalog();
        let table = catalog.table_of(&facts).expect("a table");
        facts.final_verdict(table, table.position(&rule(rule_id)).expect("a rule"))
    }

    pub(super) fn submit(
        &self,
        id: &str,
        reviewer: &str,
        choices: &[(&str, Verb)],
        minutes: i64,
    ) -> Result<Review, ReviewError> {
        self.reviews.submit(&call(id), &submission(reviewer, choices), at(minutes))
    }

    pub(super) fn appeal(
        &self,
        id: &str,
        agent: &str,
        rule_id: &str,
        minutes: i64,
    ) -> Result<Review, ReviewError> {
        let subject = Subject::Rule(rule(rule_id));
        self.reviews.appeal(&call(id), agent, subject, "我没有这么说", at(minutes))
    }

    /// Brings a call into the queue.
    pub(super) fn queue(&self, id: &str, is_double: bool, minutes: i64) {
        let queued = self.reviews.queue(&call(id), "组长", None, is_double, at(minutes));
        assert!(queued.expect("it answers"), "{id} was there before");
    }

    /// All tasks, in their order.
    pub(super) fn waiting(&self, minutes: i64) -> Vec<TaskId> {
        let page = self.reviews.list(&TaskFilter::default(), None, usize::MAX, at(minutes));
        page.tasks.into_iter().map(|task| task.id).collect()
    }

    /// All appeals, or the open ones.
    pub(super) fn appeals(&self, only_open: bool) -> Vec<OpenAppeal> {
        let page = self.reviews.appeals(&CallQuery::default(), only_open, None, usize::MAX);
        page.expect("it lists").appeals
    }

    pub(super) fn lease(&self, reviewer: &str, minutes: i64) -> Option<TaskId> {
        let task = self.reviews.lease(reviewer, &TaskFilter::default(), at(minutes)).expect("it answers");
        task.map(|task| task.id)
    }
}

pub(super) fn result(pack: &str, turns: &[&str]) -> CallResult {
    let rules = RuleSet::compile("t.toml", pack).expect("the pack is right");
    let dialogue = dialogue_of(turns, false).expect("the turns are right");
    let analysis = rules.evaluate(&dialogue, &CallMetadata::default());
    CallResult {
        audio: None,
        recognition: None,
        dialogue,
        analysis,
        parts: Vec::new(),
        masking: Masking::default(),
    }
}

pub(super) fn submission(reviewer: &str, choices: &[(&str, Verb)]) -> Submission {
    let choices = choices.iter().map(|(rule_id, verb)| Choice {
        rule_id: rule(rule_id),
        verb: *verb,
        turn: None,
        comment: String::new(),
    });
    Submission { reviewer: reviewer.to_owned(), choices: choices.collect(), ..Submission::default() }
}

pub(super) fn handling(number: u32, handler: &str, accepted: bool, is_final: bool) -> Handling {
    Handling {
        numbers: vec![number],
        handler: handler.to_owned(),
        accepted,
        verdict: None,
        points: None,
        reason: "听过录音".to_owned(),
        is_final,
    }
}
