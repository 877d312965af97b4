//! Scores text that any recogniser gave for labelled calls, so that several can be compared by one measure.
//!
//! Recognises nothing and measures no cost. Unlike recognition of our own, a stranger may write traditional characters:
//! here, both sides are simplified before they pass [`characters`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use serde::{Deserialize, Serialize};

use super::calls::{find_calls, read_truth};
use super::{EditCounts, EvalError, align, characters};
use crate::types::ChannelIndex;

/// What was heard: `{"calls": [{"name": "c1", "channels": [{"channel": 0, "text": "您好"}]}]}`.
#[derive(Deserialize)]
struct Hypothesis {
    calls: Vec<HeardCall>,
}

#[derive(Deserialize)]
struct HeardCall {
    name: String,
    channels: Vec<HeardChannel>,
}

#[derive(Deserialize)]
struct HeardChannel {
    channel: u16,
    text: String,
}

/// How well one call was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallScore {
    /// Its file's name without the extension.
    pub name: String,
    /// Edits of all channels.
    pub counts: EditCounts,
}

/// How well every call was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// In the order of the hypothesis.
    pub calls: Vec<CallScore>,
    /// All of them together.
    pub total: EditCounts,
}

/// Compares the texts in the file `hypothesis` with the truth that `folder` holds, channel by channel.
///
/// A channel on which nothing was heard counts as missed. Calls that the hypothesis does not name are left out.
///
/// # Errors
/// [`EvalError::Read`], [`EvalError::Truth`], [`EvalError::Hypothesis`]; [`EvalError::Empty`] for a call without truth.
pub fn score_calls(folder: &Path, hypothesis: &Path) -> Result<Scores, EvalError> {
    let text = std::fs::read_to_string(hypothesis)
        .map_err(|source| EvalError::Read { path: hypothesis.to_owned(), source })?;
    let heard: Hypothesis = serde_json::from_str(&text)
        .map_err(|source| EvalError::Hypothesis { path: hypothesis.to_owned(), source })?;
    let labelled = find_calls(folder)?;
    let simplify = OpenCC::from_config(BuiltinConfig::T2s)
        .expect("the built-in conversion tables are part of the binary");
    let counted = |text: &str| characters(&simplify.convert(text));
    let mut scores = Scores { calls: Vec::new(), total: EditCounts::default() };
    for heard in heard.calls {
        let call =
            labelled.iter().find(|call| call.path.file_stem().is_some_and(|stem| *stem == *heard.name));
        let call = call.ok_or_else(|| EvalError::Empty {
            path: folder.join(format!("{}.wav", heard.name)),
            expected: "a recording beside its NAME.truth.json",
        })?;
        let mut channels = BTreeMap::<ChannelIndex, (String, String)>::new();
        for (channel, spoken) in read_truth(call)? {
            let said = spoken.into_iter().map(|utterance| utterance.text).collect();
            channels.insert(channel, (said, String::new()));
        }
        for HeardChannel { channel, text } in heard.channels {
            channels.entry(ChannelIndex(channel)).or_default().1.push_str(&text);
        }
        let mut counts = EditCounts::default();
        for (said, heard) in channels.values() {
            counts += align(&counted(said), &counted(heard)).counts;
        }
        scores.total += counts;
        scores.calls.push(CallScore { name: heard.name, counts });
    }
    Ok(scores)
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14} {:>7} {:>8} {:>6} {:>6} {:>6}", "call", "chars", "CER", "sub", "ins", "del")?;
        let total = CallScore { name: "all".to_owned(), counts: self.total };
        for CallScore { name, counts } in self.calls.iter().chain([&total]) {
            let rate = counts.rate().map_or("–".to_owned(), |rate| format!("{:.2} %", 100.0 * rate));
            let EditCounts { reference, substitutions, insertions, deletions } = counts;
            write!(
                f,
                "\n{name:<14} {reference:>7} {rate:>8} {substitutions:>6} {insertions:>6} {deletions:>6}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &str = r#"{"utterances": [
        {"channel": 1, "start": 2.5, "end": 3.0, "text": "在这里"},
        {"channel": 0, "start": 3.0, "end": 4.0, "text": "幺二三"},
        {"channel": 0, "start": 0.5, "end": 2.25, "text": "您好"}]}"#;

    fn score(hypothesis: &str) -> Result<Scores, EvalError> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("x.truth.json"), TRUTH).unwrap();
        std::fs::write(at("x.wav"), "").unwrap();
        std::fs::write(at("heard.json"), hypothesis).unwrap();
        score_calls(folder.path(), &at("heard.json"))
    }

    #[test]
    fn script_digits_and_punctuation_do_not_count() {
        let heard = r#"{"calls": [{"name": "x", "channels": [
            {"channel": 0, "text": "您好，123。"}, {"channel": 1, "text": "在這裡"}]}]}"#;
        let scores = score(heard).unwrap();
        assert_eq!(scores.total, EditCounts { reference: 8, ..EditCounts::default() });
        assert!(scores.to_string().contains("0.00 %"), "{scores}");
    }

    #[test]
    fn a_channel_counts_on_either_side() {
        let heard = r#"{"calls": [{"name": "x", "channels": [
            {"channel": 0, "text": "您好幺二四"}, {"channel": 2, "text": "谢谢"}]}]}"#;
        let expected = EditCounts { reference: 8, substitutions: 1, insertions: 2, deletions: 3 };
        assert_eq!(score(heard).unwrap().calls, [CallScore { name: "x".to_owned(), counts: expected }]);
    }

    #[test]
    fn what_cannot_be_scored_is_named() {
        assert!(matches!(score(r#"{"calls": [{}]}"#), Err(EvalError::Hypothesis { .. })));
        let unknown = score(r#"{"calls": [{"name": "y", "channels": []}]}"#);
        assert!(matches!(unknown, Err(EvalError::Empty { path, .. }) if path.ends_with("y.wav")));
    }
}
