//! What a customer wants in one turn, by cues: 咨询, 投诉, 建议, 催办, 取消, 办理, 表扬, or something else.
//!
//! Each class has cues: words that make it so, and words that undo them (不投诉). Classes are asked in a fixed order, the
//! gravest first, and the first that answers is the turn's: who complains that nothing moves complains. A turn that
//! has no cue but asks something is a question (咨询); one that neither has a cue nor asks has no demand. The lists are
//! here to be read and argued with; docs/topics.md says how well they do on sentences that they were not made for.
//!
//! **Invariant**: a pure function of the text; the same turn gets the same class.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};

use crate::analysis::text;

/// What a customer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// 投诉: complains, or says that it will.
    Complaint,
    /// 取消退订: wants an end to a product, a service, calls.
    Cancel,
    /// 催办: urges what was asked for before.
    Urge,
    /// 建议: says what should be otherwise.
    Suggestion,
    /// 表扬: praises.
    Praise,
    /// 办理: wants something done.
    Request,
    /// 咨询查询: asks.
    Query,
    /// 其他: none of these.
    Other,
}

/// All classes, in the order in which they are asked.
pub const DEMANDS: [Demand; 8] = [
    Demand::Complaint,
    Demand::Cancel,
    Demand::Urge,
    Demand::Suggestion,
    Demand::Praise,
    Demand::Request,
    Demand::Query,
    Demand::Other,
];

impl Demand {
    /// Its Chinese name: what calls' demands say.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Complaint => "投诉",
            Self::Cancel => "取消退订",
            Self::Urge => "催办",
            Self::Suggestion => "建议",
            Self::Praise => "表扬",
            Self::Request => "办理",
            Self::Query => "咨询查询",
            Self::Other => "其他",
        }
    }

    /// The class of a Chinese name.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        DEMANDS.into_iter().find(|demand| demand.label() == label)
    }

    fn cues(self) -> &'static [&'static str] {
        match self {
            Self::Complaint => &COMPLAINT,
            Self::Cancel => &CANCEL,
            Self::Urge => &URGE,
            Self::Suggestion => &SUGGESTION,
            Self::Praise => &PRAISE,
            Self::Request => &REQUEST,
            Self::Query => &QUERY,
            Self::Other => &[],
        }
    }
}

const COMPLAINT: [&str; 48] = [
    "投诉",
    "举报",
    "曝光",
    "银保监",
    "金融监管",
    "12363",
    "12378",
    "12315",
    "起诉你",
    "告你们",
    "找律师",
    "讨个说法",
    "要说法",
    "什么态度",
    "态度差",
    "态度很差",
    "态度恶劣",
    "态度太差",
    "太差了",
    "骗子",
    "骗人",
    "骗我",
    "欺骗",
    "忽悠",
    "乱扣",
    "乱收费",
    "误导",
    "不负责任",
    "推来推去",
    "踢皮球",
    "互相推",
    "推诿",
    "敷衍",
    "太过分",
    "坑人",
    "坑我",
    "霸王条款",
    "没人管",
    "不像话",
    "太不专业",
    "很不满意",
    "非常不满",
    "凭什么扣",
    "凭什么收",
    "气死",
    "擅自",
    "失望",
    "道歉",
];
const CANCEL: [&str; 37] = [
    "取消",
    "退订",
    "注销",
    "销户",
    "解约",
    "退保",
    "关闭",
    "关掉",
    "停掉",
    "停用",
    "不要再打",
    "别再打",
    "不要打电话",
    "不想要了",
    "不要了",
    "不用了我不办",
    "不办了",
    "终止",
    "撤销",
    "解绑",
    "解除",
    "退掉",
    "不再使用",
    "不续了",
    "不想用了",
    "退货",
    "赎回来不做",
    "把卡销",
    "销卡",
    "销掉",
    "别给我打",
    "不想办了",
    "不想续",
    "停止扣",
    "不想用",
    "去掉",
    "撤回",
];
const URGE: [&str; 45] = [
    "催一下",
    "催催",
    "催办",
    "加急",
    "尽快",
    "快点",
    "快一点",
    "抓紧",
    "还没到",
    "还没有到",
    "还没处理",
    "还没解决",
    "还没有处理",
    "还没给我",
    "还没回",
    "怎么还没",
    "怎么还不",
    "到现在",
    "什么时候才能",
    "等了好",
    "等了一个",
    "等了三",
    "等了两",
    "等了半",
    "一直没",
    "没有人联系",
    "没人联系",
    "没人回",
    "没有答复",
    "还要等多久",
    "还要多久",
    "迟迟",
    "第几次打",
    "打了好几次",
    "打了三次",
    "上次说的",
    "拖了",
    "都一周",
    "都三天",
    "没有下文",
    "没下文",
    "没消息",
    "还没人",
    "没人跟进",
    "有进展",
];
const SUGGESTION: [&str; 31] = [
    "建议",
    "提个意见",
    "提意见",
    "提点意见",
    "希望你们",
    "希望能",
    "希望以后",
    "希望贵行",
    "能不能改进",
    "改进一下",
    "改进",
    "优化",
    "最好能",
    "最好是",
    "要是能",
    "如果能",
    "你们应该",
    "应该增加",
    "应该加",
    "可以考虑",
    "多设",
    "不如",
    "完善",
    "反馈一下",
    "可以简化",
    "简化",
    "可以把",
    "能不能早",
    "能不能多",
    "最好先",
    "太不方便",
];
const PRAISE: [&str; 31] = [
    "表扬",
    "服务真好",
    "服务很好",
    "服务特别好",
    "态度真好",
    "态度很好",
    "态度非常好",
    "真专业",
    "很专业",
    "很耐心",
    "真耐心",
    "非常满意",
    "很满意",
    "特别满意",
    "点赞",
    "好评",
    "帮了大忙",
    "太感谢",
    "非常感谢",
    "特别感谢",
    "五星",
    "十分满意",
    "讲得很清楚",
    "真不错",
    "强多了",
    "体验特别好",
    "体验很好",
    "贴心",
    "让人听着舒服",
    "解释得明白",
    "真好",
];
const REQUEST: [&str; 69] = [
    "帮我办",
    "我要办",
    "想办",
    "办理",
    "办一张",
    "办张",
    "办个",
    "开通",
    "申请",
    "开户",
    "开个户",
    "激活",
    "挂失",
    "补办",
    "补卡",
    "换卡",
    "换一张",
    "帮我改",
    "修改",
    "更改",
    "改一下",
    "变更",
    "帮我转",
    "转账给",
    "提额",
    "提高额度",
    "调额",
    "调高额度",
    "分期",
    "提前还",
    "还清",
    "我要还",
    "预约",
    "重置",
    "解锁",
    "解冻",
    "冻结",
    "绑定",
    "开具",
    "开一张",
    "开一个",
    "打印",
    "寄一份",
    "发我一份",
    "登记一下",
    "报名",
    "购买",
    "我要买",
    "想买",
    "认购",
    "赎回",
    "续约",
    "续期",
    "延期",
    "帮我查完",
    "注册",
    "升级",
    "帮我锁",
    "帮我停",
    "帮我开",
    "我要贷",
    "想贷",
    "改成",
    "调到",
    "调高",
    "补一张",
    "转成",
    "换成",
    "设成",
];
const QUERY: [&str; 59] = [
    "查一下",
    "查询",
    "查查",
    "查我",
    "看一下",
    "看看",
    "问一下",
    "问问",
    "咨询",
    "请问",
    "了解一下",
    "了解下",
    "想知道",
    "多少",
    "怎么",
    "如何",
    "什么时候",
    "为什么",
    "为啥",
    "什么",
    "哪里",
    "哪个",
    "哪些",
    "哪家",
    "哪儿",
    "几点",
    "几天",
    "几个",
    "多久",
    "多长",
    "是不是",
    "能不能",
    "可不可以",
    "有没有",
    "要不要",
    "会不会",
    "需不需要",
    "可以吗",
    "能吗",
    "行吗",
    "是吗",
    "对吗",
    "好吗",
    "有吗",
    "要吗",
    "收吗",
    "吗",
    "怎样",
    "怎么样",
    "啥",
    "谁",
    "是否",
    "够不够",
    "还是",
    "算不算",
    "咋",
    "几号",
    "给我说一下",
    "告诉我",
];
/// What makes a question about how and what of words that else want it done (怎么开通).
const ASKS_ABOUT: [&str; 10] =
    ["怎么", "如何", "哪里", "哪儿", "什么", "多少", "多久", "几天", "为什么", "需要哪"];
/// What undoes a cue that stands directly behind it.
const DENIALS: [&str; 12] =
    ["不", "没", "别", "没有", "不是", "不想", "不用", "不会", "不是要", "不是来", "不是想", "不是为了"];
/// Talk that holds cues and is no demand.
const EMPTY_TALK: [&str; 15] = [
    "没什么",
    "什么都没",
    "怎么说呢",
    "没有什么",
    "没啥",
    "为什么都",
    "好的谢谢",
    "是吗好",
    "不怎么",
    "没事了",
    "谁都",
    "什么都可以",
    "怎么都",
    "哪里哪里",
    "多少有点",
];

struct Cues {
    automaton: AhoCorasick,
    classes: Vec<Demand>,
}

static CUES: LazyLock<Cues> = LazyLock::new(|| {
    let pairs: Vec<(Demand, &str)> =
        DEMANDS.into_iter().flat_map(|demand| demand.cues().iter().map(move |cue| (demand, *cue))).collect();
    let words = pairs.iter().map(|(_, cue)| *cue);
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(words);
    Cues {
        automaton: automaton.expect("the cues are part of the binary and few"),
        classes: pairs.into_iter().map(|(demand, _)| demand).collect(),
    }
});

/// What a customer wants in a turn; `None` for a turn without a demand, such as 好的.
#[must_use]
pub fn of(turn: &str) -> Option<Demand> {
    of_plain(text::plain(turn))
}

/// The same of a turn that is plain already.
pub(super) fn of_plain(mut plain: String) -> Option<Demand> {
    for talk in EMPTY_TALK {
        if plain.contains(talk) {
            plain = plain.replace(talk, "");
        }
    }
    let cues = &*CUES;
    let found = cues.automaton.find_overlapping_iter(&plain).filter_map(|found| {
        let before = plain.get(..found.start()).unwrap_or_default();
        let class = cues.classes.get(found.pattern().as_usize()).copied()?;
        // A question is a question whatever stands before its words.
        let is_denied = class != Demand::Query && DENIALS.iter().any(|denial| before.ends_with(denial));
        // 这不是误导吗 denies nothing.
        let is_rhetorical = || plain.get(found.end()..).is_some_and(|behind| behind.starts_with('吗'));
        (!is_denied || is_rhetorical()).then_some(class)
    });
    match found.min() {
        Some(Demand::Request) if ASKS_ABOUT.iter().any(|cue| plain.contains(cue)) => Some(Demand::Query),
        Some(gravest) => Some(gravest),
        None => (plain.ends_with('？') || asks_by_repeating(&plain)).then_some(Demand::Query),
    }
}

/// Whether a verb or adjective is repeated around 不, which asks: 高不高.
fn asks_by_repeating(plain: &str) -> bool {
    let chars: Vec<char> = plain.chars().collect();
    chars.windows(3).any(|three| matches!(three, [one, '不', other] if one == other && one.is_alphabetic()))
}

#[cfg(test)]
#[path = "demand_tests.rs"]
mod tests;
