//! Runs of mining and what they found.

use super::{duration, timestamp};
use crate::mining::{
    Burst, BurstKind, DayCount, DemandCount, Direction, Example, KeyPhrase, NewWord, Period, PhraseSpot,
    RuleSpot, Run, RunState, StageSpot, Topic, Trend, WordCount,
};
use crate::proto::v1;

impl From<&Run> for v1::MiningRun {
    fn from(run: &Run) -> Self {
        let (state, failure) = match &run.state {
            RunState::Running => (v1::MiningState::Running, None),
            RunState::Done => (v1::MiningState::Done, None),
            RunState::Cancelled => (v1::MiningState::Cancelled, None),
            RunState::Failed(failure) => {
                let failure =
                    v1::Failure { reason: failure.reason.clone(), message: failure.message.clone() };
                (v1::MiningState::Failed, Some(failure))
            }
        };
        Self {
            run: run.id,
            from: Some(timestamp(run.period.from)),
            before: Some(timestamp(run.period.before)),
            background_from: Some(timestamp(run.period.background_from)),
            min_topic_calls: run.min_topic_calls,
            min_word_calls: run.min_word_calls,
            state: state.into(),
            failure,
            started_at: Some(timestamp(run.started_at)),
            ended_at: run.ended_at.map(timestamp),
            num_read: run.num_read,
            num_to_read: run.num_to_read,
        }
    }
}

/// Every item of a list.
pub fn all<'a, T, W>(items: &'a [T]) -> Vec<W>
where
    W: From<&'a T>,
{
    items.iter().map(W::from).collect()
}

impl From<&Example> for v1::CallExample {
    fn from(example: &Example) -> Self {
        Self { call_id: example.call_id.to_string(), turn: example.turn, text: example.text.clone() }
    }
}

impl From<&DayCount> for v1::DayCount {
    fn from(count: &DayCount) -> Self {
        Self { day: count.day.to_string(), num_calls: count.num_calls, of_calls: count.of_calls }
    }
}

impl From<&Trend> for v1::ShareTrend {
    fn from(trend: &Trend) -> Self {
        let direction = match trend.direction {
            Direction::Steady => v1::TrendDirection::Steady,
            Direction::Rising => v1::TrendDirection::Rising,
            Direction::Falling => v1::TrendDirection::Falling,
        };
        Self { days: all(&trend.days), direction: direction.into(), p_value: trend.p_value }
    }
}

/// A topic of a run over `period`.
#[must_use]
pub fn topic_to_wire(topic: &Topic, period: &Period) -> v1::Topic {
    let calls = v1::CallFilter {
        started_from: Some(timestamp(period.from)),
        started_before: Some(timestamp(period.before)),
        topics: vec![topic.name.clone()],
        ..v1::CallFilter::default()
    };
    v1::Topic {
        name: topic.name.clone(),
        automatic_name: topic.automatic_name.clone(),
        is_named: topic.is_named,
        key_words: topic.key_words.clone(),
        num_calls: topic.num_calls,
        representatives: all(&topic.representatives),
        trend: Some((&topic.trend).into()),
        calls: Some(calls),
    }
}

impl From<&KeyPhrase> for v1::KeyPhrase {
    fn from(phrase: &KeyPhrase) -> Self {
        let KeyPhrase { phrase, num_calls, num_background, z_score, g2, p_value } = phrase.clone();
        Self { phrase, num_calls, num_background, z_score, g2, p_value }
    }
}

impl From<&NewWord> for v1::NewWord {
    fn from(word: &NewWord) -> Self {
        Self {
            word: word.word.clone(),
            num_calls: word.num_calls,
            count: word.count,
            pmi: word.pmi,
            left_entropy: word.left_entropy,
            right_entropy: word.right_entropy,
            examples: all(&word.examples),
        }
    }
}

impl From<&WordCount> for v1::WordCount {
    fn from(word: &WordCount) -> Self {
        Self { word: word.word.clone(), num_calls: word.num_calls }
    }
}

impl From<&Burst> for v1::Burst {
    fn from(burst: &Burst) -> Self {
        let kind = match burst.kind {
            BurstKind::Topic => v1::BurstKind::Topic,
            BurstKind::Word => v1::BurstKind::Word,
            BurstKind::NewWord => v1::BurstKind::NewWord,
        };
        Self {
            kind: kind.into(),
            name: burst.name.clone(),
            first_day: burst.from.to_string(),
            last_day: burst.to.to_string(),
            num_calls: burst.num_calls,
            expected: burst.expected,
            lift: burst.lift,
            p_value: burst.p_value,
            examples: all(&burst.examples),
        }
    }
}

impl From<&DemandCount> for v1::DemandCount {
    fn from(count: &DemandCount) -> Self {
        Self {
            demand: count.demand.label().to_owned(),
            num_calls: count.num_calls,
            trend: Some((&count.trend).into()),
            examples: all(&count.examples),
        }
    }
}

impl From<&RuleSpot> for v1::RuleSpot {
    fn from(spot: &RuleSpot) -> Self {
        Self {
            rule_id: spot.rule_id.to_string(),
            rule_name: spot.rule_name.clone(),
            num_calls: spot.num_calls,
            examples: all(&spot.examples),
        }
    }
}

impl From<&StageSpot> for v1::StageSpot {
    fn from(spot: &StageSpot) -> Self {
        Self {
            stage: spot.stage.label().to_owned(),
            num_turns: spot.num_turns,
            num_hits: spot.num_hits,
            hits_per_thousand: spot.hits_per_thousand,
            lift: spot.lift,
            rules: all(&spot.rules),
        }
    }
}

impl From<&PhraseSpot> for v1::PhraseSpot {
    fn from(spot: &PhraseSpot) -> Self {
        Self {
            phrase: spot.phrase.clone(),
            num_said: spot.num_said,
            num_followed: spot.num_followed,
            base_rate: spot.base_rate,
            p_value: spot.p_value,
            mean_silence: spot.mean_silence.map(duration),
            examples: all(&spot.examples),
        }
    }
}
