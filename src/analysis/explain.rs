//! Says in one Chinese sentence why a rule hit, was kept or could not be judged, in the rule's own words.

use super::engine::only_by_sound;
use super::operator::Operator;
use super::rule::{Condition, Range, RoleScope, Rule};
use super::{Evidence, MatchMode, RuleKind, Verdict};
use crate::types::SpeakerRole;

/// Keywords and pieces of evidence that a sentence names before it says 等.
const MAX_NAMED: usize = 3;

/// Every reason for N/A.
#[cfg(test)]
pub(super) const REASONS: [&str; 18] = [
    "mono",
    "role_unknown",
    "role_disputed",
    "unheard",
    "no_speech",
    "prerequisite_absent",
    "anchor_absent",
    "not_in_scope",
    "not_in_force",
    "metadata_absent",
    "no_history",
    "no_loudness",
    "low_confidence",
    "excepted",
    "too_short",
    "no_audio",
    "transferred",
    "no_messages",
];

/// What a reason for N/A is called in tables, whatever the rule; `None` for one that is not known.
#[must_use]
pub fn reason_title(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "mono" => "单声道，无法区分双方",
        "role_unknown" => "角色未知",
        "role_disputed" => "声明的角色与话语相反",
        "prerequisite_absent" => "前提未出现",
        "too_short" => "通话太短",
        "no_audio" => "没有音频",
        "no_speech" => "没有可判断的话语",
        "unheard" => "有语音未能识别",
        "anchor_absent" => "参照的内容未出现",
        "not_in_scope" => "不检查这类通话",
        "not_in_force" => "规则未生效或已失效",
        "metadata_absent" => "缺少随录参数",
        "no_history" => "没有以往通话记录",
        "no_loudness" => "没有音量信息",
        "low_confidence" => "识别置信度过低",
        "excepted" => "例外情形",
        "no_messages" => "不是文字会话",
        "transferred" => "已转给下一位座席",
        _ => return None,
    })
}

/// Why a rule could not be judged.
pub(super) fn not_applicable(rule: &Rule, reason: &str) -> String {
    let why = match reason {
        "mono" => "录音为单声道，双方混在一起，无法判定抢话".to_owned(),
        "role_unknown" => format!("无法确定谁是{}，不作判定", rule.role.chinese()),
        "role_disputed" => "话语内容与声明的角色相反，声道可能接反，不作判定".to_owned(),
        "unheard" => format!("有一段{}可能说过的话未能识别，不作判定", rule.role.chinese()),
        "no_speech" => format!("通话中没有听到{}说话，不作判定", rule.role.chinese()),
        "prerequisite_absent" => "通话中没有出现这条规则的前提".to_owned(),
        "anchor_absent" => "通话中没有出现这条规则参照的内容".to_owned(),
        "not_in_scope" => "这条规则不检查这类通话".to_owned(),
        "not_in_force" => "通话发生时这条规则尚未生效或已经失效".to_owned(),
        "metadata_absent" => "缺少判定所需的随录参数".to_owned(),
        "no_history" => "没有该客户以往通话的记录，无法计数".to_owned(),
        "no_loudness" => "没有音量信息，无法测量".to_owned(),
        "low_confidence" => "识别置信度过低，不作判定".to_owned(),
        "excepted" => "出现了规则规定的例外情形".to_owned(),
        "too_short" => "通话或发言太短，不作判定".to_owned(),
        "no_audio" => "没有录音或时间信息，无法测量".to_owned(),
        "no_messages" => "不是文字会话，没有响应时间".to_owned(),
        "transferred" => "通话已转给下一位座席，这一段没有结束语可查".to_owned(),
        other => format!("不适用（{other}）"),
    };
    format!("“{}”：{why}。", rule.name)
}

/// Why a rule hit or was kept.
pub(super) fn verdict(rule: &Rule, verdict: Verdict, evidence: &[Evidence], homophone_weight: f64) -> String {
    let who = rule.role.chinese();
    let shown = show(evidence);
    let mut sentence = match (verdict, rule.kind) {
        (Verdict::Hit, RuleKind::Required) => {
            let place = rule.conditions.first().map_or_else(String::new, |first| place(&first.range));
            let own = rule.conditions.get(..rule.parts.0).unwrap_or_default();
            let examples = examples(own);
            format!("{who}{place}没有“{}”的表述{examples}。", rule.name)
        }
        (Verdict::Hit, RuleKind::Forbidden) if evidence.is_empty() => format!("触犯“{}”。", rule.name),
        (Verdict::Hit, RuleKind::Forbidden) => format!("{who}说了{shown}，触犯“{}”。", rule.name),
        (Verdict::Hit, RuleKind::Watch)
            if rule.role != RoleScope::Any && evidence.iter().any(|one| one.role == SpeakerRole::Unknown) =>
        {
            format!("有人说了{shown}，说话人未知，需要关注：“{}”。", rule.name)
        }
        (Verdict::Hit, RuleKind::Watch) => format!("{who}说了{shown}，需要关注：“{}”。", rule.name),
        (Verdict::Hit, RuleKind::Acoustic | RuleKind::Process) => {
            let measured = evidence.iter().find(|one| one.mode == MatchMode::Measured);
            let limit = measured.map_or_else(String::new, |first| format!("，要求{}", first.pattern));
            match evidence.is_empty() {
                true => format!("触犯“{}”。", rule.name),
                false => format!("“{}”：{shown}{limit}。", rule.name),
            }
        }
        (Verdict::Miss, RuleKind::Required) => format!("{who}说了{shown}，符合“{}”。", rule.name),
        (Verdict::Miss | Verdict::NotApplicable, _) => format!("没有出现“{}”。", rule.name),
    };
    if let Some(by_sound) = evidence.iter().find(|one| one.mode == MatchMode::Homophone) {
        sentence.push_str(&format!(
            "“{}”与规则中的“{}”读音相同或相近{}，疑为识别用字。",
            by_sound.text,
            by_sound.pattern,
            match by_sound.tolerances.is_empty() {
                true => String::new(),
                false => format!("（{}）", by_sound.tolerances.join("、")),
            }
        ));
    }
    if verdict == Verdict::Hit && rule.kind == RuleKind::Forbidden && only_by_sound(evidence) {
        let percent = homophone_weight * 100.0;
        sentence.push_str(&format!("仅凭读音命中，不作一票否决，按 {percent:.0}% 扣分，请人工复核。"));
    }
    if verdict == Verdict::Hit && !rule.advice.is_empty() {
        sentence.push_str(&format!("建议：{}。", rule.advice.trim_end_matches('。')));
    }
    sentence
}

fn show(evidence: &[Evidence]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for one in evidence {
        let text = match (one.mode, one.span) {
            (MatchMode::Measured, Some(span)) => format!("{}（{}）", one.text, span.start),
            (MatchMode::Measured, None) => one.text.clone(),
            (_, Some(span)) => format!("“{}”（第 {} 轮 {}）", one.text, one.turn + 1, span.start),
            (_, None) => format!("“{}”（第 {} 轮）", one.text, one.turn + 1),
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let more = if texts.len() > MAX_NAMED { format!("等 {} 处", texts.len()) } else { String::new() };
    texts.truncate(MAX_NAMED);
    format!("{}{more}", texts.join("、"))
}

fn place(range: &Range) -> String {
    let mut places = Vec::new();
    places.extend(range.first_sentences.map(|limit| format!("前 {limit} 句")));
    places.extend(range.last_sentences.map(|limit| format!("最后 {limit} 句")));
    places.extend(range.first.map(|limit| format!("前 {} 秒", limit.0 / 1000)));
    places.extend(range.last.map(|limit| format!("最后 {} 秒", limit.0 / 1000)));
    places.extend(range.sentences.map(|(from, to)| format!("第 {from} 到 {to} 句")));
    places.extend(range.time.map(|(from, to)| format!("第 {} 到 {} 秒", from.0 / 1000, to.0 / 1000)));
    places.extend(range.percent.map(|(from, to)| format!("通话的 {from}% 到 {to}% ")));
    if places.is_empty() { "全程".to_owned() } else { format!("在{}内", places.join("或")) }
}

/// Some of the keywords that would have done.
fn examples(conditions: &[Condition]) -> String {
    let mut words = Vec::new();
    for condition in conditions {
        if let Operator::Keyword(keyword) = &condition.operator {
            words.extend(keyword.words.iter().take(MAX_NAMED).map(|word| format!("“{word}”")));
        }
    }
    words.truncate(MAX_NAMED);
    if words.is_empty() { String::new() } else { format!("，例如{}", words.join("")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_title() {
        assert!(REASONS.iter().all(|reason| reason_title(reason).is_some()));
        assert_eq!(reason_title("nonsense"), None);
    }
}
