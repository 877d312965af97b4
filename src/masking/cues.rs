//! What people say before a number: that tells a card from an order, and a code from a year.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::script::Script;

/// What the number that follows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cue {
    // In a question that says several, the last of these is asked for.
    /// An order, a policy, a product, a hotline: nobody's.
    Other,
    Name,
    Address,
    Phone,
    Card,
    Identity,
    /// 后三位: of a card, or of whatever is read out.
    Tail,
    Expiry,
    Password,
    /// The three digits on the back of a card.
    CheckValue,
    Code,
}

const CUES: [(&str, Cue); 110] = [
    ("身份证", Cue::Identity),
    ("证件号", Cue::Identity),
    ("证件的号", Cue::Identity),
    ("身份号", Cue::Identity),
    ("证号", Cue::Identity),
    ("卡号", Cue::Card),
    ("银行卡", Cue::Card),
    ("储蓄卡", Cue::Card),
    ("信用卡", Cue::Card),
    ("借记卡", Cue::Card),
    ("工资卡", Cue::Card),
    ("账号", Cue::Card),
    ("帐号", Cue::Card),
    ("账户", Cue::Card),
    ("哪张卡", Cue::Card),
    ("这张卡", Cue::Card),
    ("卡面", Cue::Card),
    ("那张卡", Cue::Card),
    ("卡片号码", Cue::Card),
    ("卡的号码", Cue::Card),
    ("存折", Cue::Card),
    ("手机", Cue::Phone),
    ("电话", Cue::Phone),
    ("联系方式", Cue::Phone),
    ("座机", Cue::Phone),
    ("固话", Cue::Phone),
    ("微信", Cue::Phone),
    ("怎么联系", Cue::Phone),
    ("验证码", Cue::Code),
    ("校验码", Cue::Code),
    ("动态码", Cue::Code),
    ("动态密码", Cue::Code),
    ("短信码", Cue::Code),
    ("随机码", Cue::Code),
    ("确认码", Cue::Code),
    ("认证码", Cue::Code),
    ("口令", Cue::Code),
    ("动态口令", Cue::Code),
    ("授权码", Cue::Code),
    ("短信密码", Cue::Code),
    ("一次性密码", Cue::Code),
    ("识别码", Cue::Code),
    ("激活码", Cue::Code),
    ("验证吗", Cue::Code),
    ("密码", Cue::Password),
    ("秘密码", Cue::Password),
    ("pin码", Cue::Password),
    ("cvv", Cue::CheckValue),
    ("cvn", Cue::CheckValue),
    ("cvc", Cue::CheckValue),
    ("安全码", Cue::CheckValue),
    ("卡背", Cue::CheckValue),
    ("背面", Cue::CheckValue),
    ("后三位", Cue::Tail),
    ("末三位", Cue::Tail),
    ("签名栏", Cue::CheckValue),
    ("有效期", Cue::Expiry),
    ("到期日", Cue::Expiry),
    ("地址", Cue::Address),
    ("住址", Cue::Address),
    ("住在", Cue::Address),
    ("家住", Cue::Address),
    ("家在", Cue::Address),
    ("寄到", Cue::Address),
    ("寄送", Cue::Address),
    ("邮寄", Cue::Address),
    ("寄给", Cue::Address),
    ("送到", Cue::Address),
    ("寄哪", Cue::Address),
    ("住哪", Cue::Address),
    ("住的地方", Cue::Address),
    ("上门", Cue::Address),
    ("我人在", Cue::Address),
    ("户籍", Cue::Address),
    ("收货", Cue::Address),
    ("住处", Cue::Address),
    ("姓名", Cue::Name),
    ("名字", Cue::Name),
    ("怎么称呼", Cue::Name),
    ("贵姓", Cue::Name),
    ("叫什么", Cue::Name),
    ("如何称呼", Cue::Name),
    ("户名", Cue::Name),
    ("哪位", Cue::Name),
    ("订单", Cue::Other),
    ("单号", Cue::Other),
    ("流水", Cue::Other),
    ("保单", Cue::Other),
    ("工单", Cue::Other),
    ("运单", Cue::Other),
    ("编号", Cue::Other),
    ("编码", Cue::Other),
    ("代码", Cue::Other),
    ("凭证", Cue::Other),
    ("合同", Cue::Other),
    ("发票", Cue::Other),
    ("工号", Cue::Other),
    ("尾号", Cue::Other),
    ("热线", Cue::Other),
    ("批次", Cue::Other),
    ("序列号", Cue::Other),
    ("邮编", Cue::Other),
    ("车牌", Cue::Other),
    ("航班", Cue::Other),
    ("金额", Cue::Other),
    ("余额", Cue::Other),
    ("额度", Cue::Other),
    ("分机", Cue::Other),
    ("日期", Cue::Other),
    ("评分", Cue::Other),
];

static MATCHER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(CUES.iter().map(|(text, _)| *text))
        .expect("a hundred short words make an automaton")
});

/// A cue in a line; `at` is the first character after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CueAt {
    pub(super) cue: Cue,
    pub(super) at: usize,
}

/// The cue that a number answers to, and the place after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) cue: Cue,
    pub(super) line: usize,
    pub(super) at: usize,
}

/// All cues, by line.
#[derive(Debug)]
pub(super) struct Cues(Vec<Vec<CueAt>>);

/// Turns in which a question waits for its answer.
const MAX_WAIT: usize = 6;

impl Cues {
    pub(super) fn new(script: &Script) -> Self {
        let mut text = String::new();
        let mut lines = Vec::with_capacity(script.lines.len());
        for line in &script.lines {
            text.clear();
            text.extend(&line.chars);
            let mut found = Vec::new();
            // Characters are counted along with the matches, which come in order.
            let (mut byte, mut char) = (0, 0);
            for hit in MATCHER.find_iter(&text) {
                char += text.get(byte..hit.end()).map_or(0, |passed| passed.chars().count());
                byte = hit.end();
                if let Some((_, cue)) = CUES.get(hit.pattern().as_usize()) {
                    found.push(CueAt { cue: *cue, at: char });
                }
            }
            lines.push(found);
        }
        Self(lines)
    }

    pub(super) fn of_line(&self, line: usize) -> &[CueAt] {
        self.0.get(line).map_or(&[], Vec::as_slice)
    }

    /// The cues of a line that end at `from` to `to`, both inside.
    pub(super) fn between(&self, line: usize, from: usize, to: usize) -> &[CueAt] {
        let cues = self.of_line(line);
        let (from, to) =
            (cues.partition_point(|cue| cue.at < from), cues.partition_point(|cue| cue.at <= to));
        cues.get(from..to).unwrap_or_default()
    }

    /// Whether a cue between `from` and `to` says that another number begins.
    pub(super) fn parts(&self, line: usize, from: usize, to: usize) -> bool {
        self.between(line, from + 1, to).iter().any(|cue| cue.cue != Cue::Tail)
    }

    /// Whether a line between `from` and `to`, both outside, asks for anything but `kind`.
    pub(super) fn asks_else(&self, from: usize, to: usize, kind: Option<Cue>) -> bool {
        let between = (from + 1..to).flat_map(|line| self.of_line(line));
        between.into_iter().any(|cue| cue.cue != Cue::Tail && Some(cue.cue) != kind)
    }

    /// The cue that a number at `char` of `line` answers to: the last before it in its turn, else the last of the turns
    /// before.
    pub(super) fn before(&self, line: usize, char: usize) -> Option<Answered> {
        let own = self.between(line, 0, char).last();
        if let Some(own) = own {
            return Some(Answered { cue: own.cue, line, at: own.at });
        }
        (1..=MAX_WAIT).find_map(|wait| {
            let asked = line.checked_sub(wait)?;
            // 验证码发到您手机了 asks for the code.
            let cue =
                self.of_line(asked).iter().filter(|cue| cue.cue != Cue::Other).max_by_key(|cue| cue.cue)?;
            Some(Answered { cue: cue.cue, line: asked, at: cue.at })
        })
    }
}
