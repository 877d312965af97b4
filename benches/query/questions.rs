//! Questions of every kind that an inspector asks, each different in every round.

use std::fmt;

use diting::analysis::Verdict;
use diting::proto::{convert, v1};
use diting::search::{TextIndex, TextQuery};
use diting::store::Store;
use prost_types::Timestamp;

use super::fill::{BUSINESSES, FIRST_SECOND, GROUPS, NUM_AGENTS, NUM_SECONDS, PRODUCTS, mix, one, team};

const RULES: [&str; 8] = ["S01", "S02", "B01", "W01", "B03", "S04", "C01", "A01"];
const WORDS: [&str; 12] = [
    "提前还款",
    "保本保息",
    "投诉",
    "征信",
    "挂失",
    "手续费",
    "验证码",
    "失业证明",
    "违约金",
    "装修分期",
    "牌价",
    "犹豫期",
];
const STRINGS: [&str; 6] =
    ["前还", "保不保本", "到现在都没有", "怎么这么差", "三到五个工作日", "不要透露验证码"];
const COMMON: [&str; 4] = ["您", "银行", "请您", "好的"];

/// A kind of question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Newest,
    Agent,
    Team,
    SkillGroup,
    Product,
    Business,
    CallType,
    Rule,
    Level,
    Dimension,
    Miss,
    ScoreRange,
    TimeRange,
    TeamRuleTime,
    LevelProductScore,
    Word,
    OtherString,
    CommonWord,
    Words,
    WordTeamTime,
    ByScore,
    ByDuration,
    ByReceived,
    Oldest,
    DeepPage,
    DeepByScore,
    Findings,
    FindingsOfRule,
    FindingsMisses,
}

/// What is asked over gRPC.
pub(super) enum Request {
    Calls(v1::ListCallsRequest),
    Findings(v1::ListFindingsRequest),
}

/// One question.
pub(super) struct Question {
    kind: Kind,
    filter: v1::CallFilter,
    order_by: &'static str,
}

impl Kind {
    pub(super) fn all() -> [Self; 29] {
        [
            Self::Newest,
            Self::Agent,
            Self::Team,
            Self::SkillGroup,
            Self::Product,
            Self::Business,
            Self::CallType,
            Self::Rule,
            Self::Level,
            Self::Dimension,
            Self::Miss,
            Self::ScoreRange,
            Self::TimeRange,
            Self::TeamRuleTime,
            Self::LevelProductScore,
            Self::Word,
            Self::OtherString,
            Self::CommonWord,
            Self::Words,
            Self::WordTeamTime,
            Self::ByScore,
            Self::ByDuration,
            Self::ByReceived,
            Self::Oldest,
            Self::DeepPage,
            Self::DeepByScore,
            Self::Findings,
            Self::FindingsOfRule,
            Self::FindingsMisses,
        ]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Newest => "no filter, newest",
            Self::Agent => "agent",
            Self::Team => "team",
            Self::SkillGroup => "skill group",
            Self::Product => "product",
            Self::Business => "business",
            Self::CallType => "call type",
            Self::Rule => "rule",
            Self::Level => "level",
            Self::Dimension => "dimension",
            Self::Miss => "verdict: any rule kept",
            Self::ScoreRange => "score range",
            Self::TimeRange => "time range, hours to weeks",
            Self::TeamRuleTime => "team, rule and time",
            Self::LevelProductScore => "level, product and score",
            Self::Word => "text: a word",
            Self::OtherString => "text: no word of the dictionary",
            Self::CommonWord => "text: in most calls",
            Self::Words => "text: two words, one not, by role",
            Self::WordTeamTime => "text, team and time",
            Self::ByScore => "team, lowest score first",
            Self::ByDuration => "longest first",
            Self::ByReceived => "received, oldest first",
            Self::Oldest => "rule, oldest first",
            Self::DeepPage => "product, tenth page",
            Self::DeepByScore => "all by score, tenth page",
            Self::Findings => "findings: level",
            Self::FindingsOfRule => "findings: rule and team",
            Self::FindingsMisses => "findings: all kept",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Question {
    pub(super) fn of(kind: Kind, round: u64, size: u32) -> Self {
        let seed = mix(round, u64::from(size));
        let some = |texts: &[&str], salt| vec![one(texts, seed, salt).to_owned()];
        let any = v1::CallFilter::default;
        let level = [v1::Level::S1, v1::Level::S2, v1::Level::S3][usize::try_from(seed % 3).unwrap()];
        let levels = || vec![i32::from(level)];
        let teams = || vec![team(mix(seed, 30) % 60)];
        let time = |second: u64| {
            let second = FIRST_SECOND + i64::try_from(second).unwrap();
            Some(Timestamp { seconds: second, nanos: 0 })
        };
        let from = mix(seed, 31) % NUM_SECONDS;
        let until = from + (3_600 << (mix(seed, 32) % 9));
        let with_time =
            |filter| v1::CallFilter { started_from: time(from), started_before: time(until), ..filter };
        let miss = || vec![i32::from(v1::Verdict::Miss)];
        let text = |text: String| v1::CallFilter { text, ..any() };
        let word = |salt| one(&WORDS, seed, salt).to_owned();
        let filter = match kind {
            Kind::Newest | Kind::ByDuration | Kind::ByReceived | Kind::DeepByScore => any(),
            Kind::Agent => {
                v1::CallFilter { agent_ids: vec![format!("{:04}", mix(seed, 33) % NUM_AGENTS)], ..any() }
            }
            Kind::Team | Kind::ByScore => v1::CallFilter { teams: teams(), ..any() },
            Kind::SkillGroup => v1::CallFilter { skill_groups: some(&GROUPS, 34), ..any() },
            Kind::Product | Kind::DeepPage => v1::CallFilter { products: some(&PRODUCTS, 35), ..any() },
            Kind::Business => v1::CallFilter { businesses: some(&BUSINESSES, 36), ..any() },
            Kind::CallType => {
                v1::CallFilter { directions: vec![1 + i32::from(seed.is_multiple_of(2))], ..any() }
            }
            Kind::Rule | Kind::Oldest => v1::CallFilter { rule_ids: some(&RULES, 37), ..any() },
            Kind::Level | Kind::Findings => v1::CallFilter { levels: levels(), ..any() },
            Kind::Dimension => v1::CallFilter {
                dimensions: some(&["销售合规", "服务规范", "信息安全"], 38),
                ..any()
            },
            Kind::Miss | Kind::FindingsMisses => v1::CallFilter { verdicts: miss(), ..any() },
            Kind::ScoreRange => {
                let low = (mix(seed, 39) % 90) as f64;
                v1::CallFilter { min_score: Some(low), max_score: Some(low + 10.0), ..any() }
            }
            Kind::TimeRange => with_time(any()),
            Kind::TeamRuleTime => {
                with_time(v1::CallFilter { teams: teams(), rule_ids: some(&RULES, 40), ..any() })
            }
            Kind::LevelProductScore => v1::CallFilter {
                levels: levels(),
                products: some(&PRODUCTS, 41),
                max_score: Some(80.0),
                ..any()
            },
            Kind::Word => text(word(42)),
            Kind::OtherString => text(one(&STRINGS, seed, 43).to_owned()),
            Kind::CommonWord => text(one(&COMMON, seed, 44).to_owned()),
            Kind::Words => text(format!("客户:{} 客服:{} -{}", word(45), word(46), word(47))),
            Kind::WordTeamTime => with_time(v1::CallFilter { teams: teams(), text: word(48), ..any() }),
            Kind::FindingsOfRule => v1::CallFilter { rule_ids: some(&RULES, 49), teams: teams(), ..any() },
        };
        let order_by = match kind {
            Kind::ByScore => "score",
            Kind::DeepByScore => "score desc",
            Kind::ByDuration => "duration desc",
            Kind::ByReceived => "received",
            Kind::Oldest => "started",
            _ => "",
        };
        Self { kind, filter, order_by }
    }

    pub(super) fn is_deep(&self) -> bool {
        matches!(self.kind, Kind::DeepPage | Kind::DeepByScore)
    }

    pub(super) fn request(&self) -> Request {
        let (filter, order_by) = (Some(self.filter.clone()), self.order_by.to_owned());
        match self.kind {
            Kind::Findings | Kind::FindingsOfRule | Kind::FindingsMisses => {
                Request::Findings(v1::ListFindingsRequest { filter, order_by, ..Default::default() })
            }
            _ => Request::Calls(v1::ListCallsRequest { filter, order_by, ..Default::default() }),
        }
    }

    /// Asks the catalog and the text index for a page of 50 and the number of all; gives that number.
    pub(super) fn ask_library(&self, store: &Store, search: &TextIndex) -> u64 {
        let choice = convert::call_choice(self.filter.clone()).unwrap();
        let order = convert::call_order(self.order_by).unwrap();
        let spoken = choice.text.map(|text| search.find(&TextQuery::parse(&text).unwrap()).unwrap().calls);
        let catalog = store.catalog();
        let mut query = choice.query;
        if matches!(self.request(), Request::Findings(_)) && query.finding.verdicts.is_empty() {
            query.finding.verdicts = vec![Verdict::Hit];
        }
        let mut set = catalog.select(&query);
        if let Some(spoken) = spoken {
            set &= spoken;
        }
        let mut after = None;
        if self.is_deep() {
            let before = catalog.page(&set, order, None, 450);
            after = before.last().map(|number| catalog.position(*number, order));
        }
        let page = catalog.page(&set, order, after, 50);
        assert!(page.iter().all(|number| catalog.call(*number).is_some()));
        if matches!(self.request(), Request::Findings(_)) {
            return catalog.count_findings(&query.finding, &set);
        }
        set.len()
    }
}
