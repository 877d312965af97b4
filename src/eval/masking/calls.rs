//! The calls that are made up: who asks for what, how it is answered, what stands around it and looks like it.

use super::random::Random;
use super::scene::{Part, Reading, Scene, Voice, groups, text, word};
use super::value;

const PAUSES: [&str; 8] = ["，", " ", "、", "，嗯，", "，然后", "，呃", "。", "，后面是"];
const GO_ON: [&str; 14] = [
    "嗯",
    "好的",
    "嗯，您继续",
    "对，您说",
    "好",
    "嗯嗯",
    "还有呢",
    "您慢点说，然后呢",
    "嗯，在听",
    "后面是",
    "接着念",
    "好的，下面呢",
    "哦",
    "继续",
];

/// Ways to ask for a number of a kind, to announce it, and to say it is right.
struct Phrases {
    kind: &'static str,
    ask: &'static [&'static str],
    tell: &'static [&'static str],
    read_back: &'static [&'static str],
}

const IDENTITY: Phrases = Phrases {
    kind: "id_card",
    ask: &[
        "麻烦您报一下身份证号码",
        "请提供一下您的证件号",
        "身份证号是多少呢",
        "跟您核对一下身份，身份证号码念给我听一下好吗",
        "为了您的账户安全，请说一下身份证号",
        "您的身份证号多少",
        "请您把证件号码报给我",
    ],
    tell: &[
        "",
        "我的身份证是",
        "身份证号：",
        "好，",
        "您记一下，",
        "嗯，那我念了啊，",
        "是",
        "我身份证号码 ",
        "号码是",
    ],
    read_back: &["跟您确认一下，身份证是{}，对吗", "好的，{}是吧", "我重复一遍，{}", "{}，没错吧"],
};

const CARD: Phrases = Phrases {
    kind: "bank_card",
    ask: &[
        "请问您的银行卡号是多少",
        "卡号报一下",
        "麻烦您念一下卡面上的号码",
        "您是哪张卡呢，卡号提供一下",
        "请说一下您要挂失的卡的卡号",
        "还款的那张储蓄卡是哪一张，报下卡号",
    ],
    tell: &[
        "",
        "卡号是",
        "我这张信用卡",
        "就是这张",
        "您听好，",
        "我念给你听",
        "尾号我不记得了，整个是",
        "银行卡：",
        "工资卡是",
    ],
    read_back: &["您的卡号是{}对吧", "{}，我查一下", "确认一下{}", "好的{}，请稍等"],
};

const PHONE: Phrases = Phrases {
    kind: "phone",
    ask: &[
        "方便留个联系方式吗",
        "您的手机号是多少",
        "预留的电话号码报一下",
        "请问联系电话是",
        "我们回头怎么联系您",
        "您绑定的是哪个手机",
    ],
    tell: &[
        "",
        "我电话",
        "手机号是",
        "打这个吧，",
        "你就打",
        "是",
        "我的号码是",
        "电话：",
        "微信同号 ",
        "可以拨我家里的",
    ],
    read_back: &["我复述一下，{}，对吧", "好的{}", "是{}这个号码吗", "{}，记下了"],
};

fn voice(random: &mut Random) -> Voice {
    match random.below(10) {
        0..=3 => Voice::Written,
        4 | 5 => Voice::Spoken,
        6 => Voice::SpokenOne,
        7 => Voice::Radio,
        _ => Voice::Mixed,
    }
}

/// A number asked for and given, in one of the ways in which that happens.
pub(super) fn number(scene: &mut Scene, random: &mut Random, which: usize) {
    let (phrases, digits, keep) = match which {
        0 => (&IDENTITY, value::identity(random), (6, 4)),
        1 => (&CARD, value::card(random), (6, 4)),
        _ if random.chance(15) => (&PHONE, value::landline(random), (3, 4)),
        _ => (&PHONE, value::mobile(random), (3, 4)),
    };
    let (voice, manner) = (voice(random), random.below(9));
    // The recogniser writes one digit wrong, or none for one: only where the question says what the number is.
    let misheard = manner < 8 && random.chance(8);
    let digits = if misheard { wrong(digits, random) } else { digits };
    let style = if misheard {
        "misheard"
    } else {
        [
            "whole",
            "whole",
            "grouped",
            "grouped",
            "over turns",
            "over turns",
            "digit by digit",
            "restarted",
            "unasked",
        ][manner]
    };
    let item = scene.plant(phrases.kind, style);
    let reading = Reading { item, digits, keep, voice };
    let length = reading.digits.len();
    let tell = text(random.pick(phrases.tell));
    if manner != 8 {
        scene.agent(&[text(random.pick(phrases.ask))]);
    }
    match manner {
        0 | 1 => {
            let mut parts = vec![tell];
            parts.extend(reading.whole(&[length], &PAUSES, random));
            parts.push(text(random.pick(&["", "。", "，对", "，你查一下吧", "这个"])));
            scene.customer(&parts);
        }
        2 | 3 => {
            let mut parts = vec![tell];
            let groups = groups(length, random);
            parts.extend(reading.whole(&groups, &PAUSES, random));
            scene.customer(&parts);
        }
        4 | 5 => over_turns(scene, random, &reading, tell),
        6 => {
            let groups = vec![1; length];
            let mut parts = vec![tell];
            parts.extend(reading.whole(&groups, &["", " ", "，", "、"], random));
            scene.customer(&parts);
        }
        7 => {
            // Begins, stops, begins again.
            let cut = 3 + random.below(3);
            let mut parts = vec![
                tell,
                reading.piece(0, cut, random),
                text(random.pick(&["，哎，", "……", "，等一下，", "，嗯，"])),
            ];
            let groups = groups(length, random);
            parts.extend(reading.whole(&groups, &PAUSES, random));
            scene.customer(&parts);
        }
        _ => {
            let lead = random.pick(&[
                "你好，我想查一下我那笔款到了没有，",
                "我要改一下信息，",
                "你们之前给我打过电话，我是",
                "帮我看下",
                "短信里写的是",
                "我老公的是",
            ]);
            let mut parts = vec![text(lead)];
            parts.extend(reading.whole(&[length], &PAUSES, random));
            parts.push(text(random.pick(&["，什么情况", "", "，麻烦你了"])));
            scene.customer(&parts);
        }
    }
    if random.chance(35) {
        let item = scene.plant(phrases.kind, "read back");
        let reading = Reading { item, ..reading };
        let form = random.pick(phrases.read_back);
        let (before, after) = form.split_once("{}").unwrap_or((form, ""));
        let groups = if random.chance(50) { vec![length] } else { groups(length, random) };
        let mut parts = vec![text(before)];
        parts.extend(reading.whole(&groups, &["，", " "], random));
        parts.push(text(after));
        scene.agent(&parts);
        scene.customer(&[text(random.pick(&["对的", "没错", "嗯，是的", "对"]))]);
    }
}

/// The number with one digit changed or left out.
fn wrong(mut digits: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let at = random.below(digits.len());
    if random.chance(50) {
        digits.remove(at);
    } else if let Some(digit) = digits.get_mut(at) {
        *digit = (*digit + 1 + random.below(8) as u8) % 10;
    }
    digits
}

/// A number in pieces, with the other's listening and repeating between.
fn over_turns(scene: &mut Scene, random: &mut Random, reading: &Reading, tell: Part) {
    let groups = groups(reading.digits.len(), random);
    let (mut from, mut echo, last) = (0, None, groups.len().saturating_sub(1));
    for (index, group) in groups.into_iter().enumerate() {
        let mut parts = if index == 0 {
            vec![tell.clone()]
        } else {
            vec![text(random.pick(&["", "", "嗯，", "对，", "然后是", "后面是"]))]
        };
        parts.push(reading.piece(from, from + group, random));
        if random.chance(10) {
            parts.extend([text("，"), reading.piece(from, from + group, random)]);
        }
        scene.customer(&parts);
        if index < last {
            if random.chance(35) && group > 1 {
                let item = *echo.get_or_insert_with(|| scene.plant(scene.planted[reading.item].kind, "echo"));
                let other = Reading { item, ..reading.clone() };
                scene.agent(&[
                    other.piece(from, from + group, random),
                    text(random.pick(&["", "，嗯", "，好", "，然后呢"])),
                ]);
            } else {
                scene.agent(&[text(random.pick(&GO_ON))]);
            }
        }
        from += group;
    }
}

/// A code that was sent, or a password.
pub(super) fn secret(scene: &mut Scene, random: &mut Random) {
    let (kind, ask, tell, length): (_, &[&str], &[&str], _) = match random.below(4) {
        0 | 1 => (
            "code",
            &[
                "请把刚收到的验证码告诉我",
                "验证码发到您手机了，念一下",
                "短信里有个校验码，是多少",
                "系统给您发了动态码，报一下好吗",
                "六位验证码收到了吗",
            ],
            &["", "验证码是", "收到了，", "好，是", "上面写的", "校验码："],
            *[4, 6, 6, 6][random.below(4)..].first().unwrap_or(&6),
        ),
        2 => (
            "password",
            &["您的查询密码是什么", "请说一下交易密码", "密码多少", "您设置的取款密码是"],
            &["密码是", "", "就是", "我的密码", "我设的是"],
            6,
        ),
        _ => (
            "password",
            &["卡背面后三位安全码是多少", "请提供CVV码", "背面签名栏的末三位数字念一下"],
            &["", "是", "安全码是", "CVV是", "后三位是"],
            3,
        ),
    };
    let (voice, digits) = (voice(random), random.digits(length));
    let manner = random.below(4);
    let item = scene.plant(kind, ["whole", "grouped", "over turns", "same turn"][manner]);
    let reading = Reading { item, digits, keep: (0, 0), voice };
    match manner {
        3 => {
            let lead = match kind {
                "code" => {
                    random.pick(&["我收到验证码了，", "验证码是", "刚才短信说验证码", "您的动态密码为"])
                }
                _ if length == 3 => random.pick(&["安全码", "CVV是", "卡后面的安全码是"]),
                _ => random.pick(&["我密码是", "密码", "支付密码我设的"]),
            };
            let mut parts = vec![text(lead)];
            parts.extend(reading.whole(&[length], &PAUSES, random));
            parts.push(text(random.pick(&["", "，对吗", "，怎么不对"])));
            scene.customer(&parts);
        }
        2 if length > 3 => {
            scene.agent(&[text(random.pick(ask))]);
            let tell = text(random.pick(tell));
            over_turns(scene, random, &reading, tell);
        }
        1 if length > 3 => {
            scene.agent(&[text(random.pick(ask))]);
            let mut parts = vec![text(random.pick(tell))];
            parts.extend(reading.whole(&[length / 2], &["，", " ", "，嗯，"], random));
            scene.customer(&parts);
        }
        _ => {
            scene.agent(&[text(random.pick(ask))]);
            let mut parts = vec![text(random.pick(tell))];
            parts.extend(reading.whole(&[length], &PAUSES, random));
            scene.customer(&parts);
        }
    }
}

/// A name, given by its bearer or used by the agent.
pub(super) fn name(scene: &mut Scene, random: &mut Random) {
    let (family, given) = value::name(random);
    let manner = random.below(7);
    let item = scene
        .plant("name", ["told", "answer", "addressed", "checked", "third person", "holder", "title"][manner]);
    let parts = |before: &str, after: &str| {
        [text(before), word(item, &family, false), word(item, &given, true), text(after)]
    };
    match manner {
        0 => {
            let before = random.pick(&["你好，我叫", "我的名字是", "我姓名叫", "您好，我名字叫", "喂，我是"]);
            let after = random.pick(&["，想问一下贷款的事", "。", "，昨天打过电话", "，之前办过卡"]);
            scene.customer(&parts(before, after));
        }
        1 => {
            scene.agent(&[text(random.pick(&[
                "请问怎么称呼您",
                "您的姓名是",
                "请问您贵姓",
                "麻烦说一下您的名字",
                "户主叫什么",
            ]))]);
            let before = random.pick(&["", "我叫", "嗯，", "免贵，"]);
            scene.customer(&parts(before, random.pick(&["", "。", "，三点水那个", "，有什么事"])));
        }
        2 => {
            let before = random.pick(&["请问是", "您好，", "您是", "是", "喂，您好，请问是"]);
            let after = random.pick(&["先生吗", "女士吗", "先生本人吗", "女士对吧", "小姐是吗"]);
            scene.agent(&parts(before, after));
            scene.customer(&[text(random.pick(&["是的", "对，我是", "嗯，你哪位"]))]);
        }
        3 => {
            let before = random.pick(&["您是", "请问您是", "请问是", "跟您核实一下，您是"]);
            scene.agent(&parts(before, random.pick(&["本人吗", "吗", "对吗", "本人对吧"])));
        }
        4 => {
            let before = random.pick(&[
                "我爱人叫",
                "我儿子名字叫",
                "我妈妈叫",
                "联系人是",
                "紧急联系人写的是",
                "推荐人叫",
            ]);
            scene.customer(&parts(before, random.pick(&["", "，她也在你们这儿办的", "。"])));
        }
        5 => {
            let before = random.pick(&["户名是", "收款人：", "持卡人姓名", "户名", "收款人姓名是"]);
            scene.customer(&parts(before, random.pick(&["，没错", "", "，开户行是工行"])));
        }
        _ => {
            let before = random.pick(&["好的，", "", "感谢您的来电，", "那", "麻烦"]);
            let after = random.pick(&[
                "先生，这边帮您查到了",
                "女士，您的申请已经受理",
                "先生，请您稍等",
                "女士您看还有别的问题吗",
            ]);
            scene.agent(&parts(before, after));
        }
    }
}

/// Where somebody lives.
pub(super) fn address(scene: &mut Scene, random: &mut Random) {
    let spoken = random.chance(60);
    let (city, rest) = value::address(random, spoken);
    let manner = random.below(5);
    let item = scene.plant("address", ["told", "asked", "over turns", "checked", "unasked"][manner]);
    match manner {
        0 => {
            let before = random.pick(&[
                "我住在",
                "地址是",
                "我家在",
                "收货地址",
                "寄到",
                "我现在的住址是",
                "账单寄到",
            ]);
            scene.customer(&[
                text(before),
                word(item, &city, false),
                word(item, &rest, true),
                text(random.pick(&["", "。", "，记下了吗"])),
            ]);
        }
        1 => {
            scene.agent(&[text(random.pick(&[
                "请问您的地址是哪里",
                "卡片寄到哪里呢",
                "您家住哪儿",
                "现居住地址麻烦说一下",
                "通讯地址是什么",
            ]))]);
            scene.customer(&[
                text(random.pick(&["", "嗯，", "寄", "在"])),
                word(item, &city, false),
                word(item, &rest, true),
            ]);
        }
        2 => {
            scene.agent(&[text(random.pick(&["详细地址说一下", "您的家庭住址是", "请说一下收件地址"]))]);
            let chars: Vec<char> = rest.chars().collect();
            // People pause after 区, 路 or 号.
            let pause = chars
                .iter()
                .position(|char| matches!(char, '区' | '路' | '号' | '道'))
                .map_or(chars.len(), |at| at + 1);
            let (first, second) = chars.split_at(pause);
            let piece = |chars: &[char]| word(item, &chars.iter().collect::<String>(), true);
            scene.customer(&[word(item, &city, false), piece(first)]);
            scene.agent(&[text(random.pick(&GO_ON))]);
            if !second.is_empty() {
                scene.customer(&[piece(second)]);
            }
        }
        3 => {
            let before = random.pick(&["我看到您登记的地址是", "您预留的地址是", "给您寄到"]);
            scene.agent(&[
                text(before),
                word(item, &city, false),
                word(item, &rest, true),
                text(random.pick(&["，对吗", "是吧", "，还是这里吗"])),
            ]);
        }
        _ => {
            let before = random.pick(&["快递送到", "我人在", "上门到", "你们派人来"]);
            scene.customer(&[
                text(before),
                word(item, &city, false),
                word(item, &rest, true),
                text(random.pick(&["可以吗", "", "就行"])),
            ]);
        }
    }
}
