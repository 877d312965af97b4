//! Finds what a machine says on a channel: voice menus, announcements, a telephone company's notices.
//!
//! A menu is played on the bank's channel before, after or between what the agent says, so it is marked utterance by
//! utterance: what it says must never count for the agent, neither as a greeting nor as a fault.

use std::sync::LazyLock;

use regex::Regex;

use super::utterance::Stretch;

/// One choice of a menu: 查询余额请按1, 人工服务请按零, 以井号键结束.
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "请按([0-9零一二三四五六七八九幺两]|井|星|[#*＃＊])|按[0-9零一二三四五六七八九幺两](号)?键|[井星]号键",
    )
});

/// What only a machine says.
static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        "(座席|坐席|客服代表|话务员|线路).{0,4}(全忙|正忙|繁忙)|您前面还有.{0,3}位|请(在|听到).{0,5}(嘀|滴|提示音).{0,4}后",
        "|(拨打|呼叫)的(用户|电话|号码).{0,4}(已关机|正在通话|暂时|不在服务区|无法接通|无人接听|已停机|是空号)",
        "|正在为您转接|语音(菜单|导航)|重听请按|返回上一?(级|层)"
    ))
});

/// How a machine opens; a person may say it too, so it needs a menu after it.
static OPENING: LazyLock<Regex> =
    LazyLock::new(|| regex("欢迎(您)?(致电|拨打|使用)|感谢(您)?(的)?(致电|来电|拨打)"));

/// Words of a person that no menu holds.
static PERSON: LazyLock<Regex> = LazyLock::new(|| {
    regex("很高兴为[您你]服务|(有什么|什么可以).{0,4}(帮|为)[您你到]|请问(您)?(贵姓|怎么称呼)|我(是|姓)")
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are literals, compiled by its tests")
}

/// Marks the utterances of `stretches`, which are ordered by start, that a machine says.
pub(super) fn mark(stretches: &mut [Stretch]) {
    let spoken: Vec<String> = stretches.iter().map(|stretch| spoken(&stretch.text())).collect();
    for (stretch, text) in stretches.iter_mut().zip(&spoken) {
        stretch.automatic = is_automatic(text);
    }
    mark_lead_in(stretches, &spoken);
}

/// What leads into a menu belongs to it: 欢迎致电某某银行, a pause, then the choices.
fn mark_lead_in(stretches: &mut [Stretch], spoken: &[String]) {
    let Some(first) = stretches.iter().position(|stretch| stretch.automatic) else { return };
    let Some(channel) = stretches.get(first).map(|stretch| stretch.channel) else { return };
    let lead_in = stretches.iter_mut().zip(spoken).take(first).rev();
    for (stretch, text) in lead_in {
        if stretch.channel != channel || PERSON.is_match(text) {
            break;
        }
        stretch.automatic = true;
    }
}

fn is_automatic(spoken: &str) -> bool {
    if PERSON.is_match(spoken) {
        return false;
    }
    let num_options = OPTION.find_iter(spoken).count();
    num_options >= 2 || NOTICE.is_match(spoken) || (num_options == 1 && OPENING.is_match(spoken))
}

/// Letters, digits and signs that can be pressed, without punctuation.
fn spoken(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || "#*＃＊".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automatic(text: &str) -> bool {
        is_automatic(&spoken(text))
    }

    #[test]
    fn menus_and_notices_are_machines() {
        assert!(automatic("个人业务请按1，公司业务请按2，人工服务请按零。"));
        assert!(automatic("欢迎致电某某银行，普通话请按一"));
        assert!(automatic("座席全忙，请稍候。"));
        assert!(automatic("对不起，您拨打的电话暂时无人接听"));
        assert!(automatic("请输入六位密码，按井号键结束，返回请按星号键"));
    }

    #[test]
    fn people_are_not() {
        assert!(!automatic("您好，很高兴为您服务，请问有什么可以帮您？"));
        assert!(!automatic("感谢您的来电，再见"));
        assert!(!automatic("您稍后听到提示以后请按1就可以了"));
        assert!(!automatic("我按了2号键没有反应"));
    }
}
