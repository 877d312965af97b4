//! Cuts a turn into digits that may be part of a number that is read out, quantities that are not, and the rest.
//!
//! Digits come written (138), spoken (幺三八, 洞, 拐, 勾), counted (三个零) and mixed. A quantity is a short number with
//! what it counts behind it (元, 年, 个), a date, a code with letters. Fillers are what people say between two groups.

use super::script::Line;

/// The X of an identity number.
pub(super) const X: u8 = 10;

/// One digit, and the characters that say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digit {
    pub(super) value: u8,
    pub(super) line: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// What a stretch of a turn is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Digits without anything between them.
    Digits(Vec<Digit>),
    /// A number that counts or dates something, or that is a code: no part of a number that is read out.
    Quantity,
    /// Said or written between groups; means nothing.
    Filler,
    /// Anything else: one character.
    Other,
}

/// Longest run of digits that a unit behind it makes a quantity, unless the unit is money.
const MAX_COUNTED: usize = 6;

const FILLERS: [&str; 72] = [
    "嗯",
    "呃",
    "额",
    "啊",
    "哦",
    "噢",
    "诶",
    "哎",
    "唉",
    "那个",
    "这个",
    "然后",
    "接着",
    "再来",
    "再",
    "还有",
    "后面",
    "前面",
    "中间",
    "最后",
    "就是",
    "是",
    "的",
    "对",
    "好",
    "吧",
    "呢",
    "哈",
    "嘛",
    "空格",
    "横杠",
    "一杠",
    "杠",
    "我看看",
    "我看一下",
    "等一下",
    "等等",
    "稍等",
    "你记一下",
    "您记一下",
    "没错",
    "数字",
    "跟着",
    "接下来",
    "下面",
    "完了",
    "打头",
    "开头",
    "头",
    "尾",
    "末",
    "前",
    "后",
    "大写",
    "字母",
    "减",
    "那",
    "行",
    "嘞",
    "不对",
    "错了",
    "重新",
    "开始",
    "继续",
    "接",
    "连着",
    "呀",
    "哟",
    "唔",
    "喂",
    "一下",
    "记",
];

const MONEY: [char; 10] = ['元', '块', '圆', '万', '千', '亿', '百', '十', '角', '毛'];

const UNITS: [char; 63] = [
    '元', '块', '圆', '万', '千', '亿', '百', '十', '角', '毛', '%', '年', '月', '日', '天', '点', '分',
    '秒', '时', '小', '岁', '个', '位', '次', '期', '笔', '张', '份', '人', '家', '条', '层', '楼', '栋',
    '幢', '室', '倍', '折', '周', '星', '度', '米', '公', '克', '斤', '项', '种', '级', '路', '段', '单',
    '号', '座', '弄', '组', '刻', '遍', '件', '类', '步', '页', '代', '寸',
];

/// Words that begin with 一 and are no number.
const AFTER_ONE: &str = "下般个起定直样些点旦共切会边句听看方致半向块并律声遍笔次张种把位直月";

/// The value of a digit, however it is said.
pub(super) fn digit(char: char) -> Option<u8> {
    Some(match char {
        '0'..='9' => (char as u32 - '0' as u32) as u8,
        '零' | '〇' | '○' | '洞' => 0,
        '一' | '幺' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' | '拐' => 7,
        '八' => 8,
        '九' | '勾' => 9,
        _ => return None,
    })
}

/// Whether a group of digits that ends in `last`, with `next` behind it, counts something.
fn is_counted(num_digits: usize, last: char, next: Option<char>) -> bool {
    let Some(next) = next else { return false };
    if MONEY.contains(&next) {
        return true;
    }
    // 13800138000一般, 号 and 路 stand behind numbers that are read out as well.
    num_digits <= MAX_COUNTED && UNITS.contains(&next)
        || last.is_ascii_digit() && next.is_ascii_alphabetic() && next != 'x'
}

/// The tokens of line number `number`.
pub(super) fn tokens(line: &Line, number: usize) -> Vec<Token> {
    let mut lexer =
        Lexer { line, number: u32::try_from(number).unwrap_or(u32::MAX), at: 0, tokens: Vec::new() };
    while lexer.at < line.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    line: &'a Line,
    number: u32,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn push(&mut self, token: Token, num_chars: usize) {
        self.tokens.push(token);
        self.at += num_chars;
    }

    fn step(&mut self) {
        let Some(char) = self.line.at(self.at) else { return };
        // Found before, as something else.
        if self.line.is_marked(self.at) {
            return self.push(Token::Other, 1);
        }
        if let Some(length) = self.date() {
            return self.push(Token::Quantity, length);
        }
        if digit(char).is_some() {
            return self.number();
        }
        if matches!(char, 'x' | '叉')
            && !self.line.at(self.at + 1).is_some_and(|next| next.is_ascii_alphanumeric())
        {
            let digit = self.digit_at(self.at, 1, X);
            return self.push(Token::Digits(vec![digit]), 1);
        }
        if let Some(filler) = self.filler() {
            return self.push(Token::Filler, filler);
        }
        if char.is_ascii_alphabetic() {
            // Letters with digits on them are a code.
            let mut end = self.at;
            while self.line.at(end).is_some_and(|char| char.is_ascii_alphanumeric()) {
                end += 1;
            }
            return self.push(Token::Quantity, end - self.at);
        }
        self.push(Token::Other, 1);
    }

    fn digit_at(&self, from: usize, num_chars: usize, value: u8) -> Digit {
        let place = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Digit { value, line: self.number, from: place(from), to: place(from + num_chars) }
    }

    /// 三个零, 双八: how often and which digit.
    fn counted(&self, at: usize) -> Option<(u8, u8, usize)> {
        let (count, length) = match self.line.at(at)? {
            '双' => (2, 1),
            char => {
                let count = digit(char).filter(|count| (2..=6).contains(count))?;
                (self.line.at(at + 1) == Some('个')).then_some((count, 2))?
            }
        };
        let value = digit(self.line.at(at + length)?)?;
        let behind = self.line.at(at + length + 1);
        (!behind.is_some_and(|next| UNITS.contains(&next))).then_some((count, value, length + 1))
    }

    fn number(&mut self) {
        let start = self.at;
        if let Some((count, value, length)) = self.counted(start) {
            let digit = self.digit_at(start, length, value);
            return self.push(Token::Digits(vec![digit; usize::from(count)]), length);
        }
        // 后四位, 前三位
        if self.line.at(start + 1) == Some('位') {
            return self.push(Token::Filler, 2);
        }
        let is_written = self.line.at(start).is_some_and(|char| char.is_ascii_digit());
        let mut end = start;
        while let Some(char) = self.line.at(end) {
            let same =
                digit(char).is_some() && char.is_ascii_digit() == is_written && !self.line.is_marked(end);
            if !same || end > start && self.counted(end).is_some() {
                break;
            }
            end += 1;
        }
        let next = self.line.at(end);
        let last = self.line.before(end);
        if last == Some('一') && next.is_some_and(|next| AFTER_ONE.contains(next)) {
            end -= 1;
            if end == start {
                return self.push(Token::Other, 1);
            }
            return self.digits(start, end);
        }
        let before = self.line.before(start);
        let is_part = |char: char| {
            matches!(char, '第' | '¥' | '$' | '￥' | '十' | '百' | '千' | '万' | '亿' | '之' | '点')
        };
        let decimal = before == Some('.')
            && start.checked_sub(2).and_then(|at| self.line.at(at)).is_some_and(|char| char.is_ascii_digit())
            && end - start <= 2;
        if is_counted(end - start, last.unwrap_or_default(), next)
            || before.is_some_and(is_part) && end - start <= MAX_COUNTED
            || decimal
            || self.is_masked_end(start, end)
        {
            self.withdraw(start);
            return self.push(Token::Quantity, end - start);
        }
        self.digits(start, end);
    }

    /// Whether the digits `start..end` are what masking left of a number. Two marks that no digit stands behind are
    /// emphasis: **13800138000**.
    fn is_masked_end(&self, start: usize, end: usize) -> bool {
        let is_mark = |at: &usize| self.line.at(*at) == Some(super::HIDDEN);
        let before = (0..start).rev().take_while(is_mark).count();
        let after = (end..self.line.chars.len()).take_while(is_mark).count();
        let left = start.checked_sub(before + 1).and_then(|at| self.line.at(at));
        let right = self.line.at(end + after);
        let masks = |count: usize, beyond: Option<char>| match count {
            0 => false,
            1 | 2 => beyond.is_some_and(|char| digit(char).is_some()),
            _ => true,
        };
        masks(before, left) || masks(after, right)
    }

    fn digits(&mut self, from: usize, to: usize) {
        let digits = (from..to).filter_map(|at| Some(self.digit_at(at, 1, digit(self.line.at(at)?)?)));
        let token = Token::Digits(digits.collect());
        self.push(token, to - from);
    }

    /// 1,234,567.89元: what stands before belongs to the amount.
    fn withdraw(&mut self, mut start: usize) {
        while matches!(self.line.before(start), Some(',' | '.')) {
            let count = self.tokens.len();
            let [.., Token::Digits(digits), Token::Filler] = self.tokens.as_slice() else { return };
            if digits.last().is_none_or(|digit| digit.to as usize + 1 != start) {
                return;
            }
            start = start.saturating_sub(1 + digits.len());
            if let Some(token) = self.tokens.get_mut(count - 2) {
                *token = Token::Quantity;
            }
        }
    }

    /// 2024-03-15, 2024/3/15, 2024年3月, 10:30.
    fn date(&self) -> Option<usize> {
        let run = |from: usize| {
            (from..from + 5)
                .take_while(|at| self.line.at(*at).is_some_and(|char| char.is_ascii_digit()))
                .count()
        };
        if self.line.before(self.at).is_some_and(|char| char.is_ascii_digit()) {
            return None;
        }
        let first = run(self.at);
        let mark = self.line.at(self.at + first)?;
        let second = run(self.at + first + 1);
        if mark == ':' && (1..=2).contains(&first) && second == 2 {
            return Some(first + 1 + second);
        }
        let after = self.at + first + 1 + second;
        let third = run(after + 1);
        let is_date = first == 4
            && self.line.has(self.at, if self.line.at(self.at) == Some('1') { "19" } else { "20" })
            && matches!(mark, '-' | '/' | '.')
            && (1..=2).contains(&second)
            && self.line.at(after) == Some(mark)
            && (1..=2).contains(&third);
        is_date.then_some(first + second + third + 2)
    }

    /// The length of the filler or mark at this place.
    fn filler(&self) -> Option<usize> {
        let char = self.line.at(self.at)?;
        if char.is_whitespace() || is_mark(char) {
            return Some(1);
        }
        let fillers = FILLERS.iter().filter(|filler| self.line.has(self.at, filler));
        fillers.map(|filler| filler.chars().count()).max()
    }
}

fn is_mark(char: char) -> bool {
    matches!(
        char,
        '，' | ','
            | '。'
            | '.'
            | '、'
            | '-'
            | '–'
            | '—'
            | '－'
            | '/'
            | '·'
            | '_'
            | ';'
            | '；'
            | '?'
            | '？'
            | '!'
            | '！'
            | '~'
            | '…'
            | ':'
            | '+'
            | '('
            | ')'
            | '"'
            | '“'
            | '”'
            | '\''
            | '*'
    )
}
