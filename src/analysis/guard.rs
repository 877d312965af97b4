//! Tells saying from denying, asking and quoting: 不保本, 是保本的吗, 凡是承诺保本的都是诈骗 promise nothing.
//!
//! Looks only at the text around a match. Words that contain a negation without denying (非常, 不用担心, 没问题) are
//! blanked first.

use std::sync::LazyLock;

use regex::Regex;

use super::rule::Guards;

/// Characters before a match that guards look at.
const LEFT_CONTEXT: usize = 24;

/// Characters after a match that guards look at.
const RIGHT_CONTEXT: usize = 14;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the guards' expressions are constants that a test compiles")
}

/// What looks like a negation, a question or a quotation and is none.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "非常|非要|非得|特别|差别|级别|区别|类别|性别|别的|别人|别担心|别怕|别错过|不用担心|不必担心|不用怕|不要担心|不要错过|\
         不容错过|不会错过|不错|不仅|不但|不光|不只|不止|不管|不论|无论|不少于|不少|不低于|不低|不过|不断|不同|不久|不瞒|不好意思|\
         不得不|不得了|再不|不还|不交|如果不|要是不|若不|不解决|不处理|不买|不办|不投|了不起|对不起|差不多|要不|没问题|没关系|没错|没事|没说的|未来|是不是|能不能|会不会|可不可以|好不好|行不行|要不要|有没有|\
         [我们]{1,2}[跟和给对向]您[说讲]|[跟和给对向][您你][说讲保承]|[跟和给对向]客户[说讲保承]",
    )
});

static NEGATION: LazyLock<Regex> =
    LazyLock::new(|| regex("(?:不|没|非|别|勿|未|无法|禁止|谨防|严禁|杜绝|拒绝|避免|莫)[^，。？！\n]{0,6}$"));

static NEAR_NEGATION: LazyLock<Regex> = LazyLock::new(|| {
    regex("(?:不|没|没有|别|不会|不想|不要|不是|不用|并未|无需|不必)(?:要|想|去|来|是|打算|准备|说)?$")
});

static ASKED_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| regex("(?:是不是|是否|有没有|会不会|能不能)[^，。？！\n]{0,8}$"));

static ASKED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    regex("^(?:保息|保本|收益|的|了|呢|啊|型|产品|理财|这种|情况){0,3}(?:吗|么[，。？！]|么$|嘛？|？)")
});

static QUOTED_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "(?:(?:您|你|客户|对方|有人|别人|谁|人家)[^。？！\n]{0,6}(?:说|问|讲|提到|听到|听说|看到|以为|担心|所谓)[^。？！\n]{0,7}|\
         (?:骗子|诈骗|不法|冒充|对方|有人)[^。？！\n]{0,20}|\
         (?:凡是|凡|任何|所有|如果有|要是有|若有|遇到|警惕|小心|当心|不要相信|不要轻信|不要听信|不要被|所谓的?)[^。？！\n]{0,12})$",
    )
});

static QUOTED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "^[^。？！\n]{0,8}(?:都是|就是|均为|均属|属于|是)(?:在)?(?:诈骗|骗|违规|违法|假的|虚假|不合规|陷阱)",
    )
});

/// Which guard a match with this text before and after it is stopped by, as a pack names it.
pub(super) fn blocks(guards: Guards, before: &str, after: &str) -> Option<&'static str> {
    if guards == Guards::default() {
        return None;
    }
    let before = last_chars(before, LEFT_CONTEXT);
    let after = first_chars(after, RIGHT_CONTEXT);
    let cleared = clear(before);
    if guards.negation && NEGATION.is_match(&cleared) {
        return Some("negation");
    }
    if guards.near_negation && NEAR_NEGATION.is_match(&cleared) {
        return Some("near_negation");
    }
    if guards.question && (ASKED_BEFORE.is_match(before) || ASKED_AFTER.is_match(after)) {
        return Some("question");
    }
    let quoted = guards.quote && (QUOTED_BEFORE.is_match(&cleared) || QUOTED_AFTER.is_match(after));
    quoted.then_some("quote")
}

/// `text` without the words that look like a negation and are none; the same number of characters keeps the distances
/// that the expressions limit.
fn clear(text: &str) -> std::borrow::Cow<'_, str> {
    HARMLESS.replace_all(text, |found: &regex::Captures<'_>| "＿".repeat(found[0].chars().count()))
}

/// Whether `text` denies something: an odd number of negations.
pub(super) fn denies(text: &str) -> bool {
    let cleared = clear(text);
    let denying = |char: &char| matches!(char, '不' | '没' | '非' | '别' | '勿' | '未' | '无');
    cleared.chars().filter(denying).count() % 2 == 1
}

fn last_chars(text: &str, limit: usize) -> &str {
    let start = text.char_indices().rev().nth(limit.saturating_sub(1)).map_or(0, |(byte, _)| byte);
    text.get(start..).unwrap_or("")
}

fn first_chars(text: &str, limit: usize) -> &str {
    let end = text.char_indices().nth(limit).map_or(text.len(), |(byte, _)| byte);
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: Guards = Guards { negation: true, near_negation: false, question: true, quote: true };
    const WATCHED: Guards = Guards { negation: false, near_negation: true, question: false, quote: false };

    #[track_caller]
    fn assert_blocked(guards: Guards, text: &str, word: &str, expected: bool) {
        let (before, after) = text.split_once(word).expect("the word is in the text");
        assert_eq!(blocks(guards, before, after).is_some(), expected, "{text}");
    }

    #[test]
    fn a_denial_is_no_promise() {
        for text in
            ["这个产品不保本", "我们不能承诺保本", "理财非保本", "没有任何保本的说法", "无法向您保证本金保本"]
        {
            assert_blocked(SAID, text, "保本", true);
        }
    }

    #[test]
    fn words_with_a_negation_inside_deny_nothing() {
        let texts = [
            "非常稳健保本",
            "您不用担心绝对保本",
            "没问题保本",
            "不但保本还有利息",
            "不会亏，保本",
            "是不错的产品保本的",
        ];
        for text in texts {
            assert_blocked(SAID, text, "保本", false);
        }
    }

    #[test]
    fn asking_and_quoting_promise_nothing() {
        let texts = [
            "您是想问保本的吗",
            "您刚才说的保本",
            "凡是承诺保本的都是诈骗",
            "骗子会说保本保息",
            "这个保本吗？",
            "请问是不是保本",
        ];
        for text in texts {
            assert_blocked(SAID, text, "保本", true);
        }
        for text in ["我跟您说保本的", "我向您承诺保本", "保本，您看可以吗？", "这个保本的您放心"]
        {
            assert_blocked(SAID, text, "保本", false);
        }
    }

    #[test]
    fn a_watch_rule_is_stopped_only_by_a_negation_that_touches() {
        assert_blocked(WATCHED, "我不投诉", "投诉", true);
        assert_blocked(WATCHED, "我不想投诉了", "投诉", true);
        assert_blocked(WATCHED, "你再不解决我就投诉", "投诉", false);
    }
}
