//! What the words of a report mean, and what it says of a change.

use crate::report::model::Value;
use crate::report::period::Period;

/// The words and their meanings.
pub(super) fn definitions(period: &Period) -> Vec<(String, String)> {
    let baseline = "日报取此前 14 日，周报取此前 4 周，月报取前一月";
    let words = [
        (
            "通话",
            "本期内开始的通话、文字会话与视频；没有开始时间的按入库时间。一通转接电话在全中心只计一次，在每位座席名下各计一次。",
        ),
        ("已判定", "转写并按规则判定完成的通话。失败的和仍在处理的不在任何比率里，列在“覆盖与未能判定”。"),
        ("得分", "有人工复核的用复核后的得分；能判定的规则太少的通话没有得分，不按满分计。"),
        ("命中", "规则被违反（预警类规则为事项出现）。有人工结论的以人工为准。"),
        ("命中率", "命中 ÷（命中 + 未命中）。未能判定（N/A）既不算命中也不算遵守，不在分母里。"),
        (
            "规则命中率（不含预警类）",
            "座席与班组的命中率：各规则合在一起，命中次数 ÷ 检查次数；不含预警类规则，它们只记出现了什么事项，不说座席做得怎样。",
        ),
        (
            "一票否决",
            "命中了方案定为一票否决的规则，整通降到最低分。有人工结论的以人工为准；仅凭读音的命中不作一票否决。",
        ),
        (
            "95% 区间",
            "命中率用 Wilson 区间，平均分用 t 区间，差值用 Newcombe 或 Welch 区间。通话少时区间宽：两个区间大幅重叠时，排名前后没有意义。",
        ),
        ("变化", "本期减去前一期；比率的变化以百分点计。"),
        (
            "显著",
            "只在中心报告与规则报告里写：全中心每条规则本期对基线的双侧 Fisher 检验，按 Benjamini–Hochberg 对全部规则校正后 q ≤ 0.05，且变化至少 2 个百分点、高的一侧至少是低的 1.3 倍。热点另对全部规则与对象一起校正。班组与座席报告很多份，逐份检验必有偶然的“显著”，所以只给变化及其 95% 区间；弱项与强项的 q 值见该节。没有写“显著”的变化，偶然就可以解释。",
        ),
        ("热点", "相对自身基线上升最多、且校正后仍显著的规则与对象。"),
        ("规则准确率", "机器命中中被人工维持的 ÷ 被人工看过的机器命中。没有人看过的规则没有准确率。"),
        ("抽样偏差", "复核往往抽取可疑的通话，准确率只代表被看过的那些。"),
    ];
    let mut all: Vec<(String, String)> =
        words.iter().map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned())).collect();
    all.push((
        "期间与基线".to_owned(),
        format!("期间按时区 {} 的日历；基线：{baseline}。", period.zone_name()),
    ));
    all
}

/// From a day to a day, on the clocks of `period`.
pub(super) fn short_period(period: &Period, from: jiff::Timestamp, before: jiff::Timestamp) -> String {
    let last = before.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(before);
    format!("{} 至 {}", period.day_of(from), period.day_of(last))
}

/// A sentence with its end.
pub(super) fn sentence(text: &str) -> String {
    let text = crate::report::model::clean(text);
    if text.is_empty() || text.ends_with('。') { text } else { format!("{text}。") }
}

/// The change of a share in hundredths of a percentage point; nothing without both.
pub(super) fn share_change(now: &Value, before: &Value) -> Value {
    match (now, before) {
        (Value::Share(now), Value::Share(before)) => Value::ShareChange(now - before),
        _ => Value::Nothing,
    }
}

/// The change of points in tenths; nothing without both.
pub(super) fn points_change(now: &Value, before: &Value) -> Value {
    match (now, before) {
        (Value::Points(now), Value::Points(before)) => Value::PointsChange(now - before),
        _ => Value::Nothing,
    }
}

/// A note on a change against the period before.
pub(super) fn against(previous: &str, change: &Value, unit: &str) -> String {
    if *change == Value::Nothing { String::new() } else { format!("较{previous} {}{unit}", change.shown()) }
}

/// An interval of rates between 0 and 1.
pub(super) fn interval(interval: Option<crate::insight::Interval>) -> Value {
    use crate::report::model::hundredths;
    interval.map_or(Value::Nothing, |one| {
        Value::ShareInterval(hundredths(one.lower * 100.0), hundredths(one.upper * 100.0))
    })
}

/// An interval of points.
pub(super) fn points_interval(interval: Option<crate::insight::Interval>) -> Value {
    use crate::report::model::tenths;
    interval.map_or(Value::Nothing, |one| Value::PointsInterval(tenths(one.lower), tenths(one.upper)))
}
