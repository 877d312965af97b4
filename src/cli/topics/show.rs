//! Finds of mining as text for a person, in Chinese as inspectors read it.

use std::fmt::Write as _;

use crate::cli::clock::Clock;
use crate::proto::convert::calls_command;
use crate::proto::v1;
use crate::types::Probability;

/// Days of a trend drawn as one bar each.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How often a run reads each call: people count calls.
pub(super) const PASSES: u64 = 2;

/// A run on one line.
pub(super) fn run(run: &v1::MiningRun, clock: &Clock) -> String {
    let state = match run.state() {
        v1::MiningState::Unspecified => "未知",
        v1::MiningState::Running => "进行中",
        v1::MiningState::Done => "完成",
        v1::MiningState::Cancelled => "已取消",
        v1::MiningState::Failed => "失败",
    };
    let failure = run.failure.as_ref().map(|failure| format!("\t{} ({})", failure.message, failure.reason));
    format!(
        "第 {} 次话题分析\t{state}\t{} 至 {}\t已读 {}/{} 通{}",
        run.run,
        clock.full(run.from.as_ref()),
        clock.full(run.before.as_ref()),
        run.num_read / PASSES,
        run.num_to_read / PASSES,
        failure.unwrap_or_default()
    )
}

fn head(of: Option<&v1::MiningRun>, clock: &Clock) -> String {
    of.map(|of| format!("{}\n\n", run(of, clock))).unwrap_or_default()
}

fn examples(text: &mut String, examples: &[v1::CallExample]) {
    for example in examples {
        let v1::CallExample { call_id, turn, text: said } = example;
        // People count turns from 1, as `calls show` does.
        writeln!(text, "      {call_id} 第 {} 轮：{said}", u64::from(*turn) + 1).ok();
    }
}

fn trend(trend: Option<&v1::ShareTrend>) -> String {
    let Some(trend) = trend else { return String::new() };
    let direction = match trend.direction() {
        v1::TrendDirection::Unspecified => "",
        v1::TrendDirection::Steady => "平稳",
        v1::TrendDirection::Rising => "上升",
        v1::TrendDirection::Falling => "下降",
    };
    let shares: Vec<f64> =
        trend.days.iter().map(|day| f64::from(day.num_calls) / f64::from(day.of_calls.max(1))).collect();
    let most = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bars = shares.iter().filter_map(|share| {
        // Within 0 to 7: no share is more than the most.
        let height = (share / most * 7.0).round();
        BARS.iter().enumerate().rev().find(|(at, _)| height >= *at as f64).map(|(_, bar)| *bar)
    });
    format!("{}  {direction}", bars.collect::<String>())
}

fn share(part: u32, of: u32) -> String {
    format!("{:.1}%", f64::from(part) * 100.0 / f64::from(of.max(1)))
}

pub(super) fn topics(answer: &v1::ListTopicsResponse, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    for topic in &answer.topics {
        let (name, number) = (&topic.name, topic.num_calls);
        let share = share(number, answer.num_calls);
        writeln!(text, "{number:>7} 通  {share:>6}  {name}  {}", trend(topic.trend.as_ref())).ok();
    }
    let (none, of) = (answer.num_unclassified, answer.num_calls);
    writeln!(text, "{none:>7} 通  {:>6}  未归类", share(none, of)).ok();
    writeln!(text, "共 {of} 通，另有 {} 通无法使用", answer.num_left_out).ok();
    text
}

pub(super) fn topic(topic: &v1::Topic) -> String {
    let mut text = format!("{}：{} 通\n", topic.name, topic.num_calls);
    if topic.is_named {
        writeln!(text, "  自动名称：{}", topic.automatic_name).ok();
    }
    writeln!(text, "  关键词：{}", topic.key_words.join("、")).ok();
    writeln!(text, "  趋势：{}", trend(topic.trend.as_ref())).ok();
    writeln!(text, "  代表通话：").ok();
    examples(&mut text, &topic.representatives);
    text
}

pub(super) fn words(answer: &v1::ListNewWordsResponse, all: bool, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    writeln!(text, "新词").ok();
    for word in &answer.new_words {
        let v1::NewWord { word, num_calls, pmi, left_entropy, right_entropy, examples: shown, .. } = word;
        writeln!(
            text,
            "{num_calls:>7} 通  {word}  凝固度 {pmi:.1}  左熵 {left_entropy:.1}  右熵 {right_entropy:.1}"
        )
        .ok();
        examples(&mut text, shown);
    }
    if all {
        writeln!(text, "\n高频词").ok();
        for v1::WordCount { word, num_calls } in &answer.words {
            writeln!(text, "{num_calls:>7} 通  {word}").ok();
        }
    }
    if answer.rare_limit > 0 {
        writeln!(text, "出现在不超过 {} 通的词可能未列出", answer.rare_limit).ok();
    }
    text
}

pub(super) fn phrases(answer: &v1::ListKeyPhrasesResponse, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    let (calls, background) = (answer.num_calls, answer.num_background);
    writeln!(text, "本期 {calls} 通，对照期 {background} 通").ok();
    if background < 100 {
        writeln!(text, "对照期不足 100 通，无法比较").ok();
    }
    for phrase in &answer.key_phrases {
        let (here, there) = (share(phrase.num_calls, calls), share(phrase.num_background, background));
        let (words, z) = (&phrase.phrase, phrase.z_score);
        writeln!(text, "{words}  本期 {here}  对照 {there}  z={z:.1}  G²={:.0}", phrase.g2).ok();
    }
    text
}

/// What a burst is held against. Of next to nothing a multiple says nothing.
fn against(expected: f64, lift: f64) -> String {
    if expected < 0.5 {
        "其余日子几乎没有".to_owned()
    } else {
        format!("预期 {expected:.1}，{lift:.1} 倍")
    }
}

pub(super) fn bursts(answer: &v1::ListBurstsResponse, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    if answer.bursts.is_empty() {
        writeln!(text, "没有突发").ok();
    }
    for burst in &answer.bursts {
        let kind = match burst.kind() {
            v1::BurstKind::Unspecified => "",
            v1::BurstKind::Topic => "话题",
            v1::BurstKind::Word => "词",
            v1::BurstKind::NewWord => "新词",
        };
        let v1::Burst { name, first_day, last_day, num_calls, expected, lift, p_value, .. } = burst;
        let p = Probability(*p_value).of('p');
        let against = against(*expected, *lift);
        writeln!(text, "{kind} {name}  {first_day} 至 {last_day}  {num_calls} 通，{against}，{p}").ok();
        examples(&mut text, &burst.examples);
    }
    text
}

pub(super) fn demands(answer: &v1::ListDemandsResponse, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    for demand in &answer.demands {
        let v1::DemandCount { demand: name, num_calls, .. } = demand;
        let share = share(*num_calls, answer.num_calls);
        writeln!(text, "{num_calls:>7} 通  {share:>6}  {name}  {}", trend(demand.trend.as_ref())).ok();
        examples(&mut text, &demand.examples);
    }
    text
}

/// The command that lists the calls of a run in which a rule hit, in whatever stage.
fn hit_anywhere(run: Option<&v1::MiningRun>, rule: &str) -> Option<String> {
    let run = run?;
    calls_command(v1::CallFilter {
        started_from: run.from,
        started_before: run.before,
        rule_ids: vec![rule.to_owned()],
        verdicts: vec![v1::Verdict::Hit.into()],
        ..Default::default()
    })
}

pub(super) fn weak_spots(answer: &v1::ListWeakSpotsResponse, clock: &Clock) -> String {
    let mut text = head(answer.run.as_ref(), clock);
    writeln!(
        text,
        "各环节的命中（通数是第一处证据在该环节的通话；命令打开该规则在任一环节命中的全部通话，可能更多）"
    )
    .ok();
    for spot in &answer.stages {
        let v1::StageSpot { stage, num_hits, hits_per_thousand, lift, .. } = spot;
        writeln!(text, "  {stage}  {num_hits} 次命中，每千轮 {hits_per_thousand:.1}，为整体的 {lift:.1} 倍")
            .ok();
        for rule in &spot.rules {
            writeln!(text, "    {} {}  在此环节 {} 通", rule.rule_id, rule.rule_name, rule.num_calls).ok();
            if let Some(command) = hit_anywhere(answer.run.as_ref(), &rule.rule_id) {
                writeln!(text, "      任一环节：{command}").ok();
            }
            examples(&mut text, &rule.examples);
        }
    }
    writeln!(text, "  另有 {} 次命中没有位置（整通未说）", answer.num_hits_nowhere).ok();
    let lists = [
        ("座席哪些问题之后长时间静音", &answer.silences),
        ("座席哪些话之后客户情绪变差", &answer.turns_for_the_worse),
        ("座席哪些问题客户答不清楚", &answer.unclear_to_customers),
        ("客户哪些问题座席答不清楚", &answer.unclear_to_agents),
    ];
    for (title, spots) in lists {
        writeln!(text, "\n{title}").ok();
        if spots.is_empty() {
            writeln!(text, "  没有超出偶然的").ok();
        }
        for spot in spots {
            let v1::PhraseSpot { phrase, num_said, num_followed, base_rate, p_value, .. } = spot;
            let here = share(*num_followed, *num_said);
            let silence = spot.mean_silence.as_ref().map(|mean| format!("，平均 {} 秒", mean.seconds));
            let silence = silence.unwrap_or_default();
            let (base, p) = (base_rate * 100.0, Probability(*p_value).of('p'));
            writeln!(text, "  {phrase}  {num_followed}/{num_said}（{here}，其余 {base:.1}%）{silence}，{p}")
                .ok();
            examples(&mut text, &spot.examples);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> Clock {
        Clock::new(jiff::tz::TimeZone::UTC)
    }

    #[test]
    fn calls_are_counted_once_though_they_are_read_twice() {
        let done = v1::MiningRun { run: 3, num_read: 5_800, num_to_read: 5_800, ..Default::default() };
        let told = run(&done, &utc());
        assert!(told.starts_with("第 3 次话题分析\t") && told.ends_with("已读 2900/2900 通"), "{told}");
    }

    #[test]
    fn a_multiple_of_next_to_nothing_is_not_told() {
        assert_eq!(against(0.04, 46.0), "其余日子几乎没有");
        assert_eq!(against(5.0, 4.6), "预期 5.0，4.6 倍");
    }

    #[test]
    fn a_stage_s_number_and_its_command_say_what_each_counts() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let rule = v1::RuleSpot { rule_id: "B04".to_owned(), num_calls: 12, ..Default::default() };
        let stage = v1::StageSpot { stage: "处理".to_owned(), rules: vec![rule], ..Default::default() };
        let found = v1::ListWeakSpotsResponse {
            run: Some(v1::MiningRun { from: at(0), before: at(86_400), ..Default::default() }),
            stages: vec![stage],
            ..Default::default()
        };
        let told = weak_spots(&found, &utc());
        assert!(told.contains("在此环节 12 通\n"), "{told}");
        let command = "任一环节：diting calls list --since 1970-01-01T00:00:00Z --before 1970-01-02T00:00:00Z \
                       --rule B04 --verdict hit\n";
        assert!(told.contains(command), "{told}");
    }

    #[test]
    fn turns_are_counted_from_one_for_people() {
        let mut text = String::new();
        let first = v1::CallExample { call_id: "c1".to_owned(), turn: 0, text: "您好".to_owned() };
        examples(&mut text, &[first]);
        assert_eq!(text, "      c1 第 1 轮：您好\n");
    }
}
