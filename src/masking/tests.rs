//! Masking over whole dialogues: what is hidden, what stays, and what holds for every text.

use proptest::prelude::*;

use super::*;
use crate::dialogue::{Dialogue, Turn};
use crate::speech::Word;
use crate::types::{CallId, CallMetadata, ChannelIndex, Millis, SpeakerRole, TimeSpan};

/// `A: …` is the agent, anything else the customer; one word for each character, 100 ms each.
fn dialogue(turns: &[&str]) -> Dialogue {
    let mut clock = 0;
    let turn = |(index, written): (usize, &&str)| {
        let (role, text) = match written.split_once(": ") {
            Some(("A", text)) => (SpeakerRole::Agent, text),
            Some(("C", text)) => (SpeakerRole::Customer, text),
            Some(_) | None => (SpeakerRole::Customer, *written),
        };
        let words: Vec<Word> = text
            .chars()
            .map(|char| {
                clock += 100;
                let span = TimeSpan::new(Millis(clock - 100), Millis(clock));
                Word { text: char.to_string(), span, confidence: 1.0 }
            })
            .collect();
        Turn {
            index: index as u32,
            channel: ChannelIndex(u16::from(role == SpeakerRole::Customer)),
            role,
            text: text.to_owned(),
            words,
            ..Turn::default()
        }
    };
    Dialogue { turns: turns.iter().enumerate().map(turn).collect(), ..Dialogue::default() }
}

fn masker() -> Masker {
    Masker::new(&MaskingConfig::default())
}

fn masked(turns: &[&str]) -> Vec<String> {
    let masked = masker().mask(dialogue(turns), &CallMetadata::default());
    masked.dialogue.turns.into_iter().map(|turn| turn.text).collect()
}

fn one(turn: &str) -> String {
    masked(&[turn]).concat()
}

#[test]
fn written_numbers_keep_their_ends() {
    assert_eq!(one("我的电话是13800138000。"), "我的电话是138****8000。");
    assert_eq!(one("身份证11010519491231002X"), "身份证110105********002X");
    assert_eq!(one("卡号6222021234567894"), "卡号622202******7894");
    assert_eq!(one("座机010-66554433"), "座机010-****4433");
    assert_eq!(one("电话是010-64214657；010-64214658"), "电话是010-****4657；010-****4658");
    assert_eq!(one("号码是**138-1234-5678**，"), "号码是**138-****-5678**，");
    assert_eq!(one("电话是138****5678"), "电话是138****5678");
}

#[test]
fn spoken_numbers_are_numbers() {
    assert_eq!(one("幺三八零零幺三八零零零"), "幺三八****八零零零");
    assert_eq!(one("一三八，零零一三，八零零零"), "一三八，****，八零零零");
    assert_eq!(one("幺三八洞洞幺三，嗯，八洞洞洞"), "幺三八****，嗯，八洞洞洞");
    assert_eq!(one("138零零13八三个零"), "138****八三个零");
}

#[test]
fn a_number_over_several_turns_is_one() {
    let turns = [
        "A: 请报卡号",
        "C: 6222 02",
        "A: 嗯",
        "C: 1234",
        "A: 1234，好的，您继续",
        "C: 56",
        "A: 嗯",
        "C: 7894",
    ];
    let result = masker().mask(dialogue(&turns), &CallMetadata::default());
    let texts: Vec<_> = result.dialogue.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(texts, ["请报卡号", "6222 02", "嗯", "****", "****，好的，您继续", "**", "嗯", "7894"]);
    assert!(
        result.spans.iter().all(|span| span.item == result.spans[0].item && span.kind == MaskKind::BankCard)
    );
    assert_eq!(result.spans[0].span.map(|span| span.duration()), Some(Millis(400)));
}

#[test]
fn said_twice_is_hidden_twice() {
    assert_eq!(one("139，139，1234，5678"), "139，139，****，5678");
    assert_eq!(one("1391，哎，13912345678"), "139*，哎，139****5678");
    let turns = ["C: 验证码是472981", "A: 472981是吗"];
    assert_eq!(masked(&turns), ["验证码是******", "******是吗"]);
}

#[test]
fn a_group_that_ends_an_earlier_number_by_chance_is_no_echo() {
    for (said, shown) in [
        ("手机13966663456，卡号6222 0212 3456 7894", "手机139****3456，卡号6222 02** **** 7894"),
        ("手机13966667894，卡号6222 0212 3456 7894", "手机139****7894，卡号6222 02** **** 7894"),
        ("手机13966663456，身份证110101 1990 0307 3456", "手机139****3456，身份证110101 **** **** 3456"),
        (
            "卡号六二二二，零二一二，三四五六，七八九四，手机13966663456",
            "卡号六二二二，零二**，****，七八九四，手机139****3456",
        ),
        (
            "手机13966663456，卡号六二二二，零二一二，三四五六，七八九四",
            "手机139****3456，卡号六二二二，零二**，****，七八九四",
        ),
    ] {
        assert_eq!(one(said), shown, "{said}");
    }
    let turns = ["C: 手机13966663456", "A: 卡号呢", "C: 6222 0212", "A: 嗯", "C: 3456 7894"];
    assert_eq!(masked(&turns)[2..], ["6222 02**", "嗯", "**** 7894"]);
}

#[test]
fn what_only_looks_like_it_stays() {
    for text in [
        "我转了三万五千块，还剩12345678元",
        "利率百分之三点八五，年化3.85%",
        "2024年3月15日下午14:30",
        "交易日期20240315，时间10:30",
        "请拨打95588或者400-820-8820",
        "订单号2024031512345678",
        "保单号P123456789012345",
        "分36期，每期1,234.56元",
        "尾号8000的卡",
        "请不要把验证码告诉任何人，六十秒内有效",
        "密码输错三次锁定24小时",
        "我是上海的，我是高级会员，我叫不到车",
        "好的张先生，感谢您的来电",
        "工号8021为您服务",
        "中山路支行周六开门",
    ] {
        assert_eq!(one(text), text);
        assert_eq!(one(&format!("A: {text}")), text);
    }
}

#[test]
fn names_keep_the_family() {
    assert_eq!(one("你好，我叫王建国，想问一下"), "你好，我叫王**，想问一下");
    assert_eq!(one("A: 请问是李娜女士吗"), "请问是李*女士吗");
    assert_eq!(one("A: 您好欧阳秀英女士"), "您好欧阳**女士");
    assert_eq!(masked(&["A: 请问您贵姓", "C: 免贵，周思远"]), ["请问您贵姓", "免贵，周**"]);
    assert_eq!(one("我姓王，叫建国"), "我姓王，叫**");
    assert_eq!(one("A: 您好，我是银行客服李明"), "您好，我是银行客服李明");
    let turns = ["C: 我叫王建国", "A: 王建国，建设的建", "C: 对，国家的国"];
    assert_eq!(masked(&turns), ["我叫王**", "王**，**的*", "对，**的*"]);
}

#[test]
fn the_customer_of_the_metadata_is_hidden_and_the_agent_is_not() {
    let metadata = CallMetadata {
        customer_name: Some("陈大文".to_owned()),
        agent_name: Some("李小明".to_owned()),
        ..CallMetadata::default()
    };
    let turns = ["A: 陈大文您好", "C: 你们的李小明女士呢"];
    let result = masker().mask(dialogue(&turns), &metadata);
    let texts: Vec<_> = result.dialogue.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(texts, ["陈**您好", "你们的李小明女士呢"]);
    assert_eq!(masker().mask_name("陈大文"), "陈**");
}

#[test]
fn addresses_are_kept_to_the_city() {
    assert_eq!(one("我住在北京市朝阳区建国路88号3号楼501。"), "我住在北京市***************。");
    assert_eq!(one("我家在广东深圳南山区科技二路翠湖小区三栋"), "我家在广东深圳*************");
    let turns = ["A: 您的地址是哪里", "C: 杭州市西湖区", "A: 嗯", "C: 文三路四百号二单元"];
    assert_eq!(masked(&turns), ["您的地址是哪里", "杭州市***", "嗯", "*********"]);
}

#[test]
fn secrets_vanish() {
    assert_eq!(masked(&["A: 请问验证码", "C: 四七，二九八一"])[1], "**，****");
    assert_eq!(one("我的密码是abc123456"), "我的密码是*********");
    assert_eq!(masked(&["A: 卡背面后三位安全码", "C: 是527"])[1], "是***");
    assert_eq!(one("卡的有效期是09/27"), "卡的有效期是*****");
}

#[test]
fn a_kind_that_is_not_wanted_stays() {
    let config = MaskingConfig { kinds: vec![MaskKind::Name], ..MaskingConfig::default() };
    let result =
        Masker::new(&config).mask(dialogue(&["我叫王建国，电话13800138000"]), &CallMetadata::default());
    assert_eq!(result.dialogue.turns[0].text, "我叫王**，电话13800138000");
    let none = MaskingConfig { kinds: Vec::new(), ..MaskingConfig::default() };
    let before = dialogue(&["我叫王建国，电话13800138000"]);
    assert_eq!(Masker::new(&none).mask(before.clone(), &CallMetadata::default()).dialogue, before);
}

#[test]
fn a_long_row_of_digits_takes_no_longer_than_its_length() {
    for text in [
        "1，3，8，0，",
        "13，13，13，",
        "1卡号",
        "138，0013，8000，",
        "1号",
        "建国路1号",
        "上海",
        "我叫王建国，",
        "是张",
        "*1",
        "密码",
        "三个零",
    ] {
        let time = |count: usize| {
            let text = text.repeat(count);
            let started = std::time::Instant::now();
            masked(&[&text, "A: 嗯", &text]);
            started.elapsed().as_secs_f64()
        };
        // Ten times the text, not a hundred times the time; the rest is for a busy machine.
        let (short, long) = (time(400), time(4_000));
        assert!(long < short * 40.0 + 0.5, "{text}: {short} s, {long} s");
    }
}

fn id(text: &str) -> CallId {
    CallId::try_new(text).expect("a valid id")
}

#[test]
fn a_key_is_made_once_and_opens_only_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/masking.key");
    let key = MaskingKey::open(&path).expect("it is made");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let result = masker().mask(dialogue(&["我的电话是13800138000"]), &CallMetadata::default());
    let at = jiff::Timestamp::UNIX_EPOCH;
    let sealed = key.seal(&result.originals, &id("c1"), at).expect("it seals");
    let text = serde_json::to_string(&sealed).expect("it is JSON");
    assert!(!text.contains("0013"));
    let again = MaskingKey::open(&path).expect("it is there");
    assert_eq!(again.unseal(&sealed, &id("c1"), at).expect("it opens"), result.originals);
    assert!(matches!(again.unseal(&sealed, &id("c2"), at), Err(MaskingError::Damaged)));
    let other = MaskingKey::of_process().expect("it is made");
    assert!(matches!(other.unseal(&sealed, &id("c1"), at), Err(MaskingError::WrongKey)));
    fs_err::write(&path, "no key").expect("it is written");
    assert!(matches!(MaskingKey::open(&path), Err(MaskingError::KeyDamaged { .. })));
}

/// Texts made of what the masker looks at.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let piece = prop::sample::select(vec![
        "13800138000",
        "138",
        "0013",
        "8000",
        "6222021234567894",
        "110105",
        "19491231",
        "002X",
        "幺",
        "三个零",
        "零",
        "一",
        "两",
        "拐",
        "x",
        "，",
        "嗯",
        "的",
        "。",
        "验证码",
        "密码是",
        "卡号",
        "身份证",
        "电话",
        "我叫",
        "王",
        "建国",
        "先生",
        "建设的建",
        "北京市",
        "朝阳区",
        "建国路",
        "88号",
        "3单元",
        "501",
        "住在",
        "三万五千块",
        "元",
        "20240315",
        "*",
        "＊",
        "１３８",
        "abc123",
        "年",
        "订单号",
        "有效期09/27",
        "卡",
    ]);
    prop::collection::vec(prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat()), 0..8)
}

proptest! {
    #[test]
    fn masking_changes_no_length_and_can_be_undone(texts in texts()) {
        let turns: Vec<String> = texts.iter().enumerate().map(|(index, text)| format!("{}: {text}", if index % 2 == 0 { "A" } else { "C" })).collect();
        let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
        let before = dialogue(&turns);
        let result = masker().mask(before.clone(), &CallMetadata::default());
        for (turn, was) in result.dialogue.turns.iter().zip(&before.turns) {
            prop_assert_eq!(turn.text.chars().count(), was.text.chars().count());
            prop_assert_eq!(turn.words.iter().map(|word| word.text.as_str()).collect::<String>(), turn.text.clone());
        }
        for span in &result.spans {
            let text = &result.dialogue.turns[span.turn as usize].text;
            prop_assert_eq!(text.chars().nth(span.char_from as usize), Some(HIDDEN));
            prop_assert_eq!(text.chars().nth(span.char_to as usize - 1), Some(HIDDEN));
        }
        let mut back = result.dialogue.clone();
        result.originals.put_back(&mut back);
        prop_assert_eq!(back, before);
    }

    #[test]
    fn no_text_makes_it_fail(texts in prop::collection::vec("\\PC{0,60}", 0..6)) {
        let turns: Vec<&str> = texts.iter().map(String::as_str).collect();
        masked(&turns);
    }

    #[test]
    fn amounts_stay(amount in 1_u64..100_000_000, unit in prop::sample::select(vec!["元", "块钱", "万元", "万"])) {
        let text = format!("一共是{amount}{unit}，请确认");
        prop_assert_eq!(one(&text), text);
    }
}

#[test]
fn an_account_that_is_a_telephone_is_hidden() {
    use crate::dialogue::{ChatFacts, Recalled};
    let mut dialogue = dialogue(&["C 你好"]);
    dialogue.turns[0].sender = Some("wx_13912345678".to_owned());
    let recall = Recalled {
        role: SpeakerRole::Customer,
        sender: "13912345678".to_owned(),
        message_id: None,
        said_at: None,
        at: None,
    };
    dialogue.chat = Some(ChatFacts { recalls: vec![recall], ..ChatFacts::default() });
    let masked = Masker::new(&MaskingConfig::default()).mask(dialogue, &CallMetadata::default()).dialogue;
    assert_eq!(masked.turns[0].sender.as_deref(), Some("wx_139****5678"));
    assert_eq!(masked.chat.expect("a chat").recalls[0].sender, "139****5678");
}

#[test]
fn the_customers_account_is_hidden_and_kept_the_agents_is_not() {
    use crate::dialogue::{ChatFacts, MessageKind, Recalled};
    let named = |sender: &str, role| Turn {
        role,
        text: "你好".to_owned(),
        sender: Some(sender.to_owned()),
        ..Turn::default()
    };
    let mut turns = vec![
        named("陈大文", SpeakerRole::Customer),
        named("客户_欧阳小红女士", SpeakerRole::Unknown),
        named("王小明", SpeakerRole::Agent),
        named("李客服", SpeakerRole::Unknown),
        named("139 1234 5678", SpeakerRole::Customer),
        named("微信用户", SpeakerRole::Customer),
        named("wm_巴特尔", SpeakerRole::Customer),
        Turn { kind: MessageKind::Event, ..named("陈大文", SpeakerRole::Bot) },
        // The menu was told to end after this, and the customer's role was not known.
        Turn { told_role: Some(SpeakerRole::Unknown), ..named("赵六", SpeakerRole::Bot) },
    ];
    turns.iter_mut().zip(0..).for_each(|(turn, index)| turn.index = index);
    let recall = |role, sender: &str| Recalled {
        role,
        sender: sender.to_owned(),
        message_id: None,
        said_at: None,
        at: None,
    };
    let recalls = vec![recall(SpeakerRole::Customer, "陈大文"), recall(SpeakerRole::Agent, "王小明")];
    let chat = Some(ChatFacts { recalls, ..ChatFacts::default() });
    let before = Dialogue { turns, chat, ..Dialogue::default() };
    let metadata = CallMetadata {
        agent_id: Some("李客服".to_owned()),
        customer_name: Some("巴特尔".to_owned()),
        ..CallMetadata::default()
    };
    let masked = masker().mask(before.clone(), &metadata);
    let shown: Vec<_> = masked.dialogue.turns.iter().filter_map(|turn| turn.sender.as_deref()).collect();
    assert_eq!(
        shown,
        [
            "陈**",
            "客户_欧阳**女士",
            "王小明",
            "李客服",
            "139 **** 5678",
            "微信用户",
            "wm_巴**",
            "陈**",
            "赵*"
        ]
    );
    let recalls: Vec<_> =
        masked.dialogue.chat.iter().flat_map(|chat| &chat.recalls).map(|one| one.sender.as_str()).collect();
    assert_eq!(recalls, ["陈**", "王小明"]);
    assert_eq!(masker().mask(masked.dialogue.clone(), &metadata).dialogue, masked.dialogue);
    let mut back = masked.dialogue;
    masked.originals.put_back(&mut back);
    assert_eq!(back, before);
}

#[test]
fn what_is_hidden_stays_hidden_in_other_turns() {
    let turns = ["A: 请问手机号", "13912345678", "A: 王建国先生您好，验证码472981"];
    let was = masker().mask(dialogue(&turns), &CallMetadata::default());
    // Every word becomes a turn, and those of the first half of the number are gone.
    let mut is = Dialogue::default();
    for turn in &was.dialogue.turns {
        for word in turn.words.iter().filter(|word| !(700..1_100).contains(&word.span.start.0)) {
            is.turns.push(Turn {
                index: is.turns.len() as u32,
                channel: turn.channel,
                span: Some(word.span),
                text: word.text.clone(),
                words: vec![word.clone()],
                ..Turn::default()
            });
        }
    }
    let carried = carry(&was.spans, &was.dialogue, &is);
    let marked: Vec<u32> =
        carried.iter().filter(|span| !span.is_heard_only()).map(|span| span.turn).collect();
    let hidden: Vec<u32> =
        is.turns.iter().filter(|turn| turn.text.contains(HIDDEN)).map(|turn| turn.index).collect();
    assert_eq!(marked, hidden);
    let times = |spans: &[MaskedSpan]| -> u64 {
        spans.iter().filter_map(|one| one.span).map(|one| one.duration().0).sum()
    };
    assert_eq!(times(&carried), times(&was.spans));
    assert!(carried.iter().any(MaskedSpan::is_heard_only));
    let back = carry(&carried, &is, &was.dialogue);
    assert_eq!(times(&back), times(&was.spans));
    assert_eq!(carry(&was.spans, &was.dialogue, &was.dialogue), was.spans);
}
