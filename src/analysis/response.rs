//! Judges how long the customer of a chat waits for an answer: what silence is on the telephone.

use super::acoustic::{Outcome, View, enough};
use super::found::{Measured, seconds};
use super::operator::ResponseTime;
use crate::dialogue::Response;
use crate::types::TimeSpan;

/// Judges the waits of a chat; a call that is none has no answers to wait for.
pub(super) fn judge(view: &View<'_>, limit: ResponseTime) -> Outcome {
    let Some(chat) = &view.dialogue.chat else { return Outcome::Unmeasured("no_messages") };
    if view.dialogue.turns.iter().any(|turn| turn.span.is_none()) {
        return Outcome::Unmeasured("no_audio");
    }
    if chat.responses.is_empty() {
        return Outcome::NotMet("客户没有等待回复".to_owned());
    }
    let measured = |response: &Response, limit: String| {
        let turn = |index: u32| view.dialogue.turns.get(index as usize);
        let asked = turn(response.asked).and_then(|turn| turn.span).unwrap_or_default();
        let (answer, shown) = match response.answer {
            Some(answer) => (answer, format!("{}后回复", seconds(response.wait))),
            None => (response.asked, format!("{}后会话结束，仍未回复", seconds(response.wait))),
        };
        Measured {
            turn: Some(answer),
            sentence: None,
            between: false,
            span: Some(TimeSpan::new(asked.start, asked.start + response.wait)),
            limit,
            shown,
            value: response.wait.as_secs_f64(),
        }
    };
    match limit {
        ResponseTime::First(limit) => match chat.responses.first() {
            Some(first) if first.wait > limit => {
                Outcome::Met(vec![measured(first, format!("首次回复不超过 {}", seconds(limit)))])
            }
            Some(first) => Outcome::NotMet(format!("首次 {}后回复", seconds(first.wait))),
            None => Outcome::NotMet(String::new()),
        },
        ResponseTime::Each(limit) => {
            let long = chat.responses.iter().filter(|response| response.wait > limit);
            let named = |response| measured(response, format!("回复不超过 {}", seconds(limit)));
            enough(view, long.map(named).collect())
        }
        ResponseTime::Average(limit) => {
            let Some(mean) = chat.mean_response() else { return Outcome::NotMet("没有回复".to_owned()) };
            if mean <= limit {
                return Outcome::NotMet(format!("平均 {}后回复", seconds(mean)));
            }
            let longest = chat.responses.iter().max_by_key(|response| response.wait);
            let found = longest.map(|longest| Measured {
                shown: format!("平均 {}后回复，最长 {}", seconds(mean), seconds(longest.wait)),
                value: mean.as_secs_f64(),
                ..measured(longest, format!("平均回复不超过 {}", seconds(limit)))
            });
            Outcome::Met(found.into_iter().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::{RuleSet, Verdict, WrittenCall};
    use crate::types::{CallMetadata, Media};

    fn verdict(operator: &str, turns: &[&str], media: Media) -> Verdict {
        let pack = format!(
            "version = 2\n[[rule]]\nid = \"R1\"\nname = \"回复慢\"\nkind = \"process\"\nlevel = \"S4\"\n\
             role = \"agent\"\ndimension = \"服务规范\"\nhits = [\"客服: 好\"]\nmisses = [\"客服: 好\"]\n\
             [[rule.condition]]\nresponse_time = {{ {operator} }}\n"
        );
        let rules = RuleSet::compile("pack.toml", &pack).expect("the pack is well formed");
        let call = WrittenCall {
            turns: turns.iter().map(|turn| (*turn).to_owned()).collect(),
            metadata: CallMetadata { media, ..CallMetadata::default() },
            ..WrittenCall::default()
        };
        let dialogue = call.dialogue().expect("the turns are well formed");
        rules.evaluate(&dialogue, &call.metadata).findings.remove(0).verdict
    }

    #[test]
    fn each_limit_is_passed_by_longer_waits_only() {
        let turns = [
            "客户@0-1: 在吗",
            "客服@30-31: 您好",
            "客户@40-41: 查账单",
            "客服@140-141: 好的",
            "客户@150-151: 谢谢",
        ];
        for (operator, wanted) in [
            ("first_over_seconds = 29", Verdict::Hit),
            ("first_over_seconds = 30", Verdict::Miss),
            ("average_over_seconds = 64", Verdict::Hit),
            ("average_over_seconds = 65", Verdict::Miss),
            ("over_seconds = 99", Verdict::Hit),
            ("over_seconds = 100", Verdict::Miss),
        ] {
            assert_eq!(verdict(operator, &turns, Media::Chat), wanted, "{operator}");
            assert_eq!(verdict(operator, &turns, Media::Voice), Verdict::NotApplicable, "{operator}");
        }
    }

    #[test]
    fn a_customer_who_is_never_answered_waits_till_the_end() {
        let turns = ["客服@0-1: 您好", "客户@5-6: 在吗", "客户@95-96: 人呢"];
        assert_eq!(verdict("over_seconds = 60", &turns, Media::Chat), Verdict::Hit);
        assert_eq!(verdict("over_seconds = 90", &turns, Media::Chat), Verdict::Miss);
        let untimed = ["客户: 在吗", "客服: 您好"];
        assert_eq!(verdict("over_seconds = 0", &untimed, Media::Chat), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_is_waited_for_where_nobody_asks() {
        assert_eq!(verdict("first_over_seconds = 0", &["客服@0-1: 您好"], Media::Chat), Verdict::Miss);
    }
}
