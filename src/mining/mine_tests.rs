//! Whole runs over made-up months with known truth.

use std::convert::Infallible;

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::mining::RuleHit;
use crate::mining::stage::Stage;
use crate::types::{CallId, Millis, RuleId};

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

/// Calls that were made up, in the order of their numbers.
struct Made(Vec<MinedCall>);

impl Source for Made {
    type Error = Infallible;

    fn numbers(&self) -> Vec<u32> {
        self.0.iter().map(|call| call.number).collect()
    }

    fn one(&self, number: u32) -> Result<Option<MinedCall>, Infallible> {
        Ok(self.0.iter().find(|call| call.number == number).cloned())
    }
}

/// Sentences of a topic: two of them are said in each of its calls.
const TOPICS: [&[&str]; 4] = [
    &[
        "我的信用卡账单不对",
        "这个月账单多了一笔年费",
        "信用卡年费怎么收的",
        "账单上的年费能退吗",
        "信用卡还款日是哪天",
    ],
    &[
        "房贷利率现在多少",
        "我想提前还房贷",
        "房贷利率能降吗",
        "提前还款有违约金吗",
        "违约金怎么算，房贷还剩十年",
    ],
    &["手机银行转账失败", "转账限额怎么改", "转账到账要多久", "手机银行登录失败", "限额太低转账转不了"],
    &["理财产品到期了", "理财收益什么时候到账", "产品净值跌了", "理财净值怎么看", "收益比宣传的低"],
];
/// The topic of the burst; 数币红包 is in no dictionary.
const NEW_TOPIC: &[&str] = &[
    "我的数币红包没到账",
    "数币红包怎么领取",
    "领取了数币红包用不了",
    "那个数币红包过期了吗",
    "扫码领取的数币红包呢",
    "听说有数币红包活动",
    "扫码说活动结束了",
    "参加扫码活动给的数币红包不见了",
];
const TALK: [&str; 6] = ["嗯好的", "你好在吗", "好的谢谢", "麻烦你了", "那行吧", "是的没错"];

/// A month of calls; with a burst from day 15 to 18 if asked for.
fn month(seed: u64, num_calls: usize, has_burst: bool) -> Vec<MinedCall> {
    let mut random = Random(seed);
    (0..num_calls)
        .map(|number| {
            let day = date(2026, 10, 1 + i8::try_from(number * 31 / num_calls).unwrap());
            let is_burst = has_burst && (15..=18).contains(&day.day()) && random.below(4) == 0;
            let is_other = !is_burst && random.below(10) == 0;
            let topic = if is_burst { NEW_TOPIC } else { TOPICS[random.below(TOPICS.len())] };
            let mut turns = vec![(SpeakerRole::Agent, "您好，请问有什么可以帮您？", None)];
            turns.push((SpeakerRole::Customer, random.of(&TALK), None));
            if !is_other {
                turns.push((SpeakerRole::Customer, random.of(topic), None));
            }
            // Waits of a minute follow one question, moods turn after one phrase, nobody knows one thing.
            let asks_password = random.below(4) == 0;
            if asks_password {
                let waits = random.below(10) < 6;
                let silence = Some(Millis(if waits { 20_000 } else { 500 }));
                turns.push((SpeakerRole::Agent, "请问您的查询密码是多少呢？", silence));
                turns.push((SpeakerRole::Customer, if waits { "不知道" } else { "输好了" }, None));
            } else {
                let silence = Some(Millis(if random.below(50) == 0 { 9_000 } else { 300 }));
                turns.push((SpeakerRole::Agent, "请问您是本人吗？", silence));
                turns.push((SpeakerRole::Customer, "是本人", None));
            }
            let blames = random.below(5) == 0;
            turns.push((
                SpeakerRole::Agent,
                if blames { "这是系统规定，我也没办法" } else { "我马上为您处理" },
                None,
            ));
            let gets_angry = random.below(10) < if blames { 6 } else { 1 };
            turns.push((
                SpeakerRole::Customer,
                if gets_angry { "你们什么态度，气死我了" } else { "好的" },
                None,
            ));
            if !is_other {
                turns.push((SpeakerRole::Customer, random.of(topic), None));
            }
            turns.push((SpeakerRole::Agent, "感谢您的来电，再见", None));
            let turns: Vec<MinedTurn> = (0..)
                .zip(turns)
                .map(|(index, (role, text, silence_after))| MinedTurn {
                    index,
                    role,
                    text: text.to_owned(),
                    silence_after,
                })
                .collect();
            let blamed = turns.iter().find(|turn| turn.text.contains("规定")).map(|turn| turn.index);
            let hit = blamed.map(|turn| RuleHit {
                rule_id: RuleId::try_new("S09").unwrap(),
                rule_name: "推诿".to_owned(),
                turn: Some(turn),
            });
            let at = day.at(10, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
            MinedCall {
                number: u32::try_from(number).unwrap(),
                id: CallId::try_new(format!("c{number}")).unwrap(),
                started_at: at,
                day,
                turns,
                hits: hit.into_iter().collect(),
            }
        })
        .collect()
}

fn request() -> Request {
    let start = date(2026, 10, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let end = date(2026, 11, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let period = Period { from: start, before: end, background_from: start };
    Request { period, min_topic_calls: 100, min_word_calls: 10, names: Vec::new() }
}

fn run(calls: Vec<MinedCall>, request: &Request) -> Mined {
    let mined = mine(&Made(calls), request, &mut |_| ControlFlow::Continue(()));
    mined.unwrap().expect("nobody broke it")
}

#[test]
fn what_is_planted_is_found_and_nothing_else_is_claimed() {
    let mined = run(month(11, 6_000, true), &request());
    let found = &mined.outcome;
    assert_eq!((found.num_calls, found.rare_limit), (6_000, 0));

    let new: Vec<&str> = found.new_words.iter().map(|word| word.word.as_str()).collect();
    // 年费 is a word, but the dictionary lacks it.
    assert_eq!(new, ["年费", "数币红包"], "{:?}", found.new_words);

    let names: Vec<_> =
        found.topics.iter().map(|topic| (topic.num_calls, topic.key_words.join("、"))).collect();
    assert_eq!(found.topics.len(), TOPICS.len() + 1, "{names:?}");
    let topic_with =
        |word: &str| found.topics.iter().find(|topic| topic.key_words.iter().any(|key| key == word));
    for word in ["年费", "房贷", "限额", "净值", "数币红包"] {
        assert!(topic_with(word).is_some(), "{word} of {names:?}");
    }
    // Every tenth call has no topic but its talk, and a few say nothing of theirs: 收益比宣传的低.
    let share = f64::from(found.num_unclassified) / 6_000.0;
    assert!((0.09..0.16).contains(&share), "{share}");

    let burst = &found.bursts[0];
    let new_topic = topic_with("数币红包").unwrap();
    assert_eq!((burst.kind, burst.name.as_str()), (BurstKind::Topic, new_topic.name.as_str()));
    assert_eq!((burst.from, burst.to), (date(2026, 10, 15), date(2026, 10, 18)));
    assert!(!burst.examples.is_empty());
    for burst in &found.bursts {
        let is_planted =
            burst.name == new_topic.name || NEW_TOPIC.iter().any(|said| said.contains(&burst.name));
        assert!(is_planted, "{burst:?}");
    }
    for topic in &found.topics {
        assert_eq!(topic.representatives.len(), 3);
    }

    let spots = &found.weak_spots;
    let phrases = |spots: &[crate::mining::PhraseSpot]| -> Vec<String> {
        spots.iter().map(|spot| spot.phrase.clone()).collect()
    };
    assert_eq!(phrases(&spots.silences), ["请问您的查询密码是多少呢"]);
    assert_eq!(spots.silences[0].mean_silence, Some(Millis(20_000)));
    assert_eq!(phrases(&spots.unclear_to_customers), ["请问您的查询密码是多少呢"]);
    assert_eq!(phrases(&spots.turns_for_the_worse), ["我也没办法", "这是系统规定"]);
    assert!(spots.unclear_to_agents.is_empty());
    let handling = spots.stages.iter().find(|spot| spot.stage == Stage::Handling).unwrap();
    assert!(handling.lift > 2.0 && handling.rules[0].rule_id.as_str() == "S09", "{handling:?}");
}

#[test]
fn quiet_months_claim_no_burst() {
    let mut claimed = 0;
    for seed in 1..=12 {
        let found = run(month(seed, 2_500, false), &request()).outcome;
        claimed += usize::from(!found.bursts.is_empty());
        assert_eq!(found.topics.len(), TOPICS.len(), "{seed}");
    }
    // One in a hundred at most: two of twelve come once in a hundred and sixty tries.
    assert!(claimed < 2, "{claimed} of 12");
}

#[test]
fn the_same_calls_give_the_same_finds_bit_by_bit() {
    let once = run(month(5, 1_500, true), &request());
    let twice = run(month(5, 1_500, true), &request());
    assert_eq!(serde_json::to_string(&once.outcome).unwrap(), serde_json::to_string(&twice.outcome).unwrap());
    assert_eq!(once.assignments, twice.assignments);
}

#[test]
fn every_call_is_counted_once() {
    let mined = run(month(8, 2_000, true), &request());
    let in_topics: u32 = mined.outcome.topics.iter().map(|topic| topic.num_calls).sum();
    assert_eq!(in_topics + mined.outcome.num_unclassified, 2_000);
    assert_eq!(mined.assignments.len(), 2_000);
    for (at, topic) in mined.outcome.topics.iter().enumerate() {
        let assigned = mined.assignments.iter().filter(|one| one.topic.map(usize::from) == Some(at)).count();
        assert_eq!(assigned, topic.num_calls as usize);
        assert_eq!(topic.trend.days.iter().map(|day| day.num_calls).sum::<u32>(), topic.num_calls);
    }
}

#[test]
fn a_name_given_by_a_person_is_found_again() {
    let first = run(month(5, 2_000, true), &request()).outcome;
    let topic = &first.topics[0];
    let named = NamedTopic { name: "我的话题".to_owned(), key_words: topic.key_words.clone() };
    let second = run(month(6, 2_000, true), &Request { names: vec![named], ..request() }).outcome;
    let found: Vec<_> = second.topics.iter().filter(|topic| topic.is_named).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), &found[0].automatic_name), ("我的话题", &topic.name));
}

#[test]
fn key_phrases_mark_the_period_against_the_one_before() {
    let middle = date(2026, 10, 15).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let mut request = request();
    request.period.from = middle;
    let found = run(month(4, 6_000, true), &request).outcome;
    assert!(found.num_background > 2_000);
    let first: Vec<&str> = found.key_phrases.iter().take(2).map(|phrase| phrase.phrase.as_str()).collect();
    assert_eq!(first, ["红包", "数币红包"], "{:?}", found.key_phrases);
    for phrase in &found.key_phrases {
        assert!(NEW_TOPIC.iter().any(|said| said.contains(&phrase.phrase)), "{phrase:?}");
    }
}

#[test]
fn a_run_that_is_broken_gives_nothing() {
    let broken = mine(&Made(month(5, 100, false)), &request(), &mut |read| {
        if read > 150 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(broken.unwrap().is_none());
}
