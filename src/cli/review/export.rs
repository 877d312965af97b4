//! Labelled calls of a server as the examples that `diting eval rules` reads.

use crate::analysis::Verdict;
use crate::eval::{ExampleFacts, RuleExample};
use crate::proto::{ConvertError, convert, v1};
use crate::types::CallMetadata;

/// The example that a labelled call is.
pub(in crate::cli) fn example(call: v1::LabelledCall) -> Result<RuleExample, ConvertError> {
    let metadata = CallMetadata::try_from(call.metadata.unwrap_or_default())?;
    let mut expect = std::collections::BTreeMap::new();
    for label in call.labels {
        let rule_id = convert::rule_id("labels.rule_id", label.rule_id)?;
        let verdict = convert::some_verdict("labels.verdict", label.verdict)?;
        expect.insert(rule_id, verdict.unwrap_or(Verdict::NotApplicable));
    }
    let seconds = call.length.map(|length| length.seconds as f64 + f64::from(length.nanos) / 1e9);
    Ok(RuleExample {
        call_id: call.call_id,
        turns: call.turns,
        mono: call.mono,
        call_seconds: seconds.filter(|seconds| *seconds > 0.0),
        metadata: ExampleFacts::from(&metadata),
        expect,
    })
}
