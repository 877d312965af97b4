//! A small call centre with known faults: two months of calls of six teams, made without any clock or chance.

use std::path::Path;
use std::thread;

use jiff::Timestamp;

use crate::analysis::{
    Analysis, DimensionScore, Evidence, Finding, Level, MatchMode, RuleKind, ScorecardResult, Verdict,
};
use crate::catalog::{FinalVerdict, ReviewFacts, ReviewState};
use crate::ingest::{CallRecord, CallState, Failure, Origin, Recording};
use crate::store::{CallResult, Masking, Store, StoreConfig, StoreError};
use crate::types::{
    AudioDeclaration, CallId, CallMetadata, ChannelIndex, ContentHash, Direction, Millis, RuleId, Score,
    SpeakerRole, TimeSpan,
};

/// The first of January of 2026 in China.
const START: i64 = 1_767_196_800;
const DAY: i64 = 86_400;

/// A rule of the centre: id, name, kind, level, dimension, how often it hits and is N/A of a thousand, words.
type Rule = (&'static str, &'static str, RuleKind, Level, &'static str, u64, u64, &'static str);

pub(super) const RULES: [Rule; 14] = [
    ("S01", "承诺保本保息", RuleKind::Forbidden, Level::S1, "销售合规", 12, 0, "这款产品保本保息，您放心买"),
    ("S02", "未提示风险等级", RuleKind::Required, Level::S2, "销售合规", 90, 350, ""),
    ("S03", "夸大收益", RuleKind::Forbidden, Level::S2, "销售合规", 25, 0, "肯定比存款高三倍"),
    ("S04", "诱导转账到个人账户", RuleKind::Forbidden, Level::S1, "信息安全", 3, 0, "您先转到我这个账户"),
    ("A01", "未报工号", RuleKind::Required, Level::S4, "服务规范", 140, 20, ""),
    ("A02", "开头未问好", RuleKind::Required, Level::S5, "服务规范", 60, 20, ""),
    ("A03", "抢话", RuleKind::Acoustic, Level::S3, "服务规范", 75, 180, ""),
    ("A04", "长时间静音", RuleKind::Acoustic, Level::S4, "服务规范", 110, 180, ""),
    ("A05", "服务禁语", RuleKind::Forbidden, Level::S2, "服务规范", 18, 0, "这个我也没办法，你自己看着办"),
    ("B01", "业务解答有误", RuleKind::Forbidden, Level::S3, "业务能力", 40, 0, "挂失之后三天就能领卡"),
    ("B02", "未核实身份", RuleKind::Required, Level::S2, "信息安全", 55, 240, ""),
    ("B03", "未确认问题解决", RuleKind::Required, Level::S3, "业务能力", 160, 60, ""),
    ("B04", "语速过快", RuleKind::Acoustic, Level::S5, "服务规范", 85, 190, ""),
    ("W01", "客户扬言投诉监管", RuleKind::Watch, Level::S2, "预警", 14, 0, "我要到银保监会投诉你们"),
];

const TEAMS: [&str; 6] = ["信用卡一组", "信用卡二组", "理财销售组", "贷款服务组", "综合客服一组", "夜班组"];
const NAMES: [&str; 12] =
    ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨帆", "赵磊", "黄敏", "周婷", "吴迪", "徐丽", "孙浩"];
const DIMENSIONS: [(&str, i32); 4] = [("服务规范", 30), ("销售合规", 30), ("信息安全", 20), ("业务能力", 20)];

/// A number that looks like chance, and is the same each time.
fn chance(call: u64, what: u64) -> u64 {
    let mut state = call.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        state ^= state >> 31;
        state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
    }
    state
}

/// A call and what it came to.
pub(super) struct Made {
    pub(super) record: CallRecord,
    pub(super) outcome: Outcome,
    pub(super) review: Option<ReviewFacts>,
    pub(super) topics: Vec<&'static str>,
}

pub(super) enum Outcome {
    Done(Box<CallResult>),
    Failed,
    Waiting,
}

/// The call with this number, on one of `num_days` days.
pub(super) fn call(number: u64, num_days: u64) -> Made {
    let day = chance(number, 1) % num_days;
    let weekday = (day + 3) % 7;
    // Fewer calls at the weekend.
    let day = if weekday >= 5 && chance(number, 2).is_multiple_of(2) { day.saturating_sub(2) } else { day };
    let second = 8 * 3600 + chance(number, 3) % (11 * 3600);
    let at = Timestamp::from_second(
        START + i64::try_from(day).expect("few days") * DAY + i64::try_from(second).expect("a day"),
    )
    .expect("in range");
    let team = usize::try_from(chance(number, 4) % 6).expect("small");
    let agent = usize::try_from(chance(number, 5) % 6).expect("small");
    let metadata = CallMetadata {
        started_at: Some(at),
        direction: Some(if chance(number, 6).is_multiple_of(3) {
            Direction::Outbound
        } else {
            Direction::Inbound
        }),
        agent_id: Some(format!("8{team}{agent:02}")),
        agent_name: Some(NAMES[(team * 2 + agent) % 12].to_owned()),
        team: Some(TEAMS[team].to_owned()),
        business: Some(if team == 2 { "wealth" } else { "credit_card" }.to_owned()),
        ..CallMetadata::default()
    };
    let record = CallRecord {
        id: CallId::try_new(format!("c{number:06}")).expect("an id"),
        metadata,
        recording: Recording {
            hash: ContentHash::new([7; 32]),
            num_bytes: 100,
            declaration: AudioDeclaration::default(),
        },
        received_at: at,
        state: CallState::Accepted,
        num_attempts: 0,
        duration: Some(Millis(60_000 + chance(number, 7) % 400_000)),
        origin: Origin::Upload,
    };
    let outcome = match chance(number, 8) % 100 {
        0 => Outcome::Failed,
        1 if day + 1 == num_days => Outcome::Waiting,
        _ => Outcome::Done(Box::new(result(number, day, team, agent))),
    };
    let review = review(number, &outcome);
    let topics = match chance(number, 9) % 10 {
        0..=2 => vec!["账单分期"],
        3 | 4 => vec!["额度调整"],
        5 => vec!["积分兑换", "账单分期"],
        6 if day > 70 => vec!["系统升级无法登录"],
        _ => Vec::new(),
    };
    Made { record, outcome, review, topics }
}

fn review(number: u64, outcome: &Outcome) -> Option<ReviewFacts> {
    let Outcome::Done(result) = outcome else { return None };
    if !chance(number, 10).is_multiple_of(8) {
        return None;
    }
    let hits = result.analysis.findings.iter().filter(|one| one.verdict == Verdict::Hit);
    // Some reviewers speak about the first hit only.
    let num_named = if chance(number, 13).is_multiple_of(3) { 1 } else { usize::MAX };
    let finals = hits
        .take(num_named)
        .map(|one| {
            // The rule on solved problems is a bad one.
            let wrong = if one.rule_id.as_str() == "B03" { 70 } else { 8 };
            let is_wrong = chance(number, 11) % 100 < wrong;
            let verdict = if is_wrong { Verdict::Miss } else { Verdict::Hit };
            FinalVerdict { rule_id: one.rule_id.clone(), verdict }
        })
        .collect();
    Some(ReviewFacts { state: ReviewState::Reviewed, finals, ..ReviewFacts::default() })
}

fn result(number: u64, day: u64, team: usize, agent: usize) -> CallResult {
    let mut findings = Vec::new();
    let mut points: Vec<i32> = DIMENSIONS.iter().map(|(_, full)| *full).collect();
    let mut vetoed = false;
    for (index, (id, name, kind, level, dimension, hits, gaps, words)) in RULES.into_iter().enumerate() {
        let mut hits = hits;
        match (id, team, agent) {
            // What there is to find: a team that gets worse, and an agent who interrupts.
            ("S02", 2, _) if day >= 70 => hits *= 4,
            ("A03", 1, 3) => hits *= 5,
            ("A01", 4, _) => hits /= 4,
            _ => {}
        }
        let draw = chance(number, 100 + index as u64) % 1000;
        let verdict = match draw {
            draw if draw < gaps => Verdict::NotApplicable,
            draw if draw < gaps + hits => Verdict::Hit,
            _ => Verdict::Miss,
        };
        let loss = match level {
            Level::S1 => 30,
            Level::S2 => 20,
            Level::S3 => 10,
            Level::S4 => 5,
            Level::S5 => 0,
        };
        if verdict == Verdict::Hit {
            vetoed |= level == Level::S1;
            if let Some(at) = DIMENSIONS.iter().position(|(name, _)| *name == dimension) {
                points[at] = (points[at] - loss).max(0);
            }
        }
        findings.push(finding(id, name, kind, level, dimension, verdict, words));
    }
    let scored = !chance(number, 12).is_multiple_of(30) || vetoed;
    let dimensions = DIMENSIONS.iter().zip(&points).map(|((name, full), points)| DimensionScore {
        name: (*name).to_owned(),
        full: Score::from_points(*full),
        score: Score::from_points(*points),
        num_checked: 0,
        num_hit: 0,
        num_not_applicable: 0,
    });
    let scorecard = ScorecardResult {
        scheme: "bank-default".to_owned(),
        revision: if day < 75 { "1+3f9c2a7d".to_owned() } else { "2+b81e0c44".to_owned() },
        score: if vetoed { Score::ZERO } else { Score::from_points(points.iter().sum()) },
        scored,
        unscored_reason: (!scored).then(|| "role_unknown".to_owned()),
        full: Score::from_points(100),
        vetoed,
        dimensions: dimensions.collect(),
        basis: None,
    };
    CallResult {
        audio: None,
        recognition: None,
        dialogue: Default::default(),
        analysis: Analysis { findings, scorecard, engine_version: "1".to_owned() },
        parts: Vec::new(),
        masking: Masking { masked: true, ..Masking::default() },
    }
}

fn finding(
    id: &str,
    name: &str,
    kind: RuleKind,
    level: Level,
    dimension: &str,
    verdict: Verdict,
    words: &str,
) -> Finding {
    let evidence = Evidence {
        turn: 4,
        channel: ChannelIndex(0),
        role: if kind == RuleKind::Watch { SpeakerRole::Customer } else { SpeakerRole::Agent },
        char_from: 0,
        char_to: 4,
        span: Some(TimeSpan::new(Millis(42_000), Millis(44_000))),
        text: words.to_owned(),
        pattern: words.to_owned(),
        mode: MatchMode::Exact,
        confidence: Some(0.9),
        measured: None,
        condition: "c1".to_owned(),
        tolerances: Vec::new(),
        similarity: None,
    };
    let is_hit = verdict == Verdict::Hit;
    Finding {
        rule_id: RuleId::try_new(id).expect("an id"),
        rule_name: name.to_owned(),
        kind,
        level,
        dimension: dimension.to_owned(),
        verdict,
        score_delta: Score::ZERO,
        veto: is_hit && level == Level::S1,
        evidence: if is_hit && !words.is_empty() { vec![evidence] } else { Vec::new() },
        explanation: if is_hit { format!("整通没有找到应说的话：{name}") } else { String::new() },
        not_applicable_reason: (verdict == Verdict::NotApplicable)
            .then(|| if kind == RuleKind::Acoustic { "mono" } else { "prerequisite_absent" }.to_owned()),
        num_hits: u32::from(is_hit),
        conditions: Vec::new(),
        agent_id: None,
    }
}

/// Opens a store in `dir`.
pub(super) fn open(dir: &Path) -> Store {
    Store::open(&StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() }).expect("the store opens")
}

/// Keeps calls, in their order when `num_threads` is 1.
pub(super) fn keep(store: &Store, calls: &[Made], num_threads: usize) {
    thread::scope(|scope| {
        for part in calls.chunks(calls.len().div_ceil(num_threads).max(1)) {
            scope.spawn(move || part.iter().for_each(|one| keep_one(store, one)));
        }
    });
}

fn keep_one(store: &Store, made: &Made) {
    let Made { record, outcome, review, topics } = made;
    store.insert_call(record).expect("it is taken");
    match outcome {
        Outcome::Done(result) => store.finish(record, result).expect("it is kept"),
        Outcome::Failed => {
            let is_long = record.duration.is_some_and(|length| length.0.is_multiple_of(2));
            let reason = if is_long { "audio.truncated" } else { "audio.unsupported" };
            let failure = Failure { reason: reason.to_owned(), message: "文件不完整".to_owned() };
            store.fail(record, failure).expect("it is kept");
        }
        Outcome::Waiting => {}
    }
    if review.is_some() || !topics.is_empty() {
        let said = store.annotate::<(), StoreError>(&record.id, |annotations, _| {
            annotations.review = review.clone().map(Box::new);
            annotations.topics = topics.iter().map(|one| (*one).into()).collect();
            Ok(())
        });
        said.expect("it is noted");
    }
}
