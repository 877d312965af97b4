//! The columns of the two tables: their names, types and meaning. docs/reports.md has the same list; a test compares.

use jiff::Timestamp;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A row per call.
    Calls,
    /// A row per call and rule, and for a call that was passed on also per agent's part and rule.
    Findings,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// UTF-8.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits.
    Float,
    /// True or false.
    Bool,
    /// A moment in UTC, to the millisecond.
    Time,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// What it means, for the reader of the documentation.
    pub meaning: &'static str,
}

/// One field of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    Null,
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Timestamp),
}

impl<'a> Field<'a> {
    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

const fn column(name: &'static str, kind: FieldKind, meaning: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind, meaning }
}

impl TableKind {
    /// Its columns, in order.
    #[must_use]
    pub fn columns(self) -> &'static [ColumnSpec] {
        match self {
            Self::Calls => &CALLS,
            Self::Findings => &FINDINGS,
        }
    }

    /// Its name in commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Findings => "findings",
        }
    }
}

use FieldKind::{Bool, Float, Int, Text, Time};

const CALLS: [ColumnSpec; 28] = [
    column("call_id", Text, "通话编号"),
    column("started_at", Time, "通话开始时间"),
    column("received_at", Time, "入库时间"),
    column("state", Text, "accepted、decoding、transcribing、scoring、done、failed"),
    column("media", Text, "voice、chat、video"),
    column("direction", Text, "inbound、outbound、internal"),
    column("business", Text, "业务"),
    column("product", Text, "产品"),
    column("duration_ms", Int, "时长，毫秒"),
    column("num_agents", Int, "服务过的座席数"),
    column("agent_id", Text, "第一位座席的工号"),
    column("agent_name", Text, "第一位座席的姓名"),
    column("team", Text, "第一位座席的班组"),
    column("skill_group", Text, "第一位座席的技能组"),
    column("agent_ids", Text, "全部座席的工号，用分号隔开"),
    column("scheme", Text, "评分方案"),
    column("revision", Text, "方案版本"),
    column("score", Float, "计入的得分：有人工复核用人工的"),
    column("machine_score", Float, "机器得分"),
    column("full_score", Float, "满分"),
    column("vetoed", Bool, "是否一票否决：有人工复核用人工的"),
    column("dimension_scores", Text, "各维度得分，JSON：有人工复核用人工的"),
    column("num_checked", Int, "能判定的规则数（命中与未命中）"),
    column("num_hits", Int, "计入的命中数"),
    column("num_not_applicable", Int, "未能判定的规则数"),
    column("hit_rule_ids", Text, "命中的规则，用分号隔开"),
    column("review_state", Text, "none、queued、reviewed、appealed、closed"),
    column("topics_and_demands", Text, "话题与诉求，JSON"),
];

const FINDINGS: [ColumnSpec; 22] = [
    column("call_id", Text, "通话编号"),
    column("started_at", Time, "通话开始时间"),
    column("part", Int, "0 是整通；转接通话另有每位座席自己的一段，从 1 起"),
    column("rule_id", Text, "规则编号"),
    column("rule_name", Text, "规则名称"),
    column("kind", Text, "required、forbidden、acoustic、process、watch"),
    column("level", Text, "S1 至 S5"),
    column("dimension", Text, "评分维度"),
    column("machine_verdict", Text, "机器判定：hit、miss、na"),
    column("final_verdict", Text, "计入的判定：有人工复核用人工的"),
    column("is_decided", Bool, "是否由人工定过"),
    column("num_agents", Int, "服务过的座席数"),
    column("agent_id", Text, "这一段的座席工号；整通取第一位"),
    column("agent_name", Text, "座席姓名"),
    column("team", Text, "班组"),
    column("skill_group", Text, "技能组"),
    column("business", Text, "业务"),
    column("product", Text, "产品"),
    column("direction", Text, "inbound、outbound、internal"),
    column("media", Text, "voice、chat、video"),
    column("scheme", Text, "评分方案"),
    column("revision", Text, "方案版本"),
];
