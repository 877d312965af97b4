//! The proto3 JSON mapping of wire messages: what `--format json` prints and what metadata files hold.
//!
//! Every field without presence is written, also when it is zero: `channel: 0` and an empty list are facts a reader
//! looks for. Absent optional fields stay absent.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

use super::{FILE_DESCRIPTOR_SET, v1};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors were compiled by build.rs")
});

/// A message that has a name in `proto/`.
pub trait Named: Message + Default {
    /// Its full name.
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident),*) => {
        $(impl Named for v1::$message {
            const NAME: &'static str = concat!("diting.v1.", stringify!($message));
        })*
    };
}
named!(
    AccessRecord,
    AgentLine,
    Alert,
    Appeal,
    Call,
    CallFilter,
    CallMetadata,
    CallReport,
    CallSummary,
    CancelMiningResponse,
    CommonProblem,
    DeadLetter,
    DiffRevisionsResponse,
    ExportTableResponse,
    Finding,
    GetAlertResponse,
    GetMiningRunResponse,
    GetReviewerAgreementResponse,
    HotSpot,
    ImprovementWithEffect,
    Job,
    JobProblem,
    JudgeCallResponse,
    LabelledCall,
    LeaseReviewTaskResponse,
    ListBurstsResponse,
    ListDemandsResponse,
    ListKeyPhrasesResponse,
    ListMiningRunsResponse,
    ListNewWordsResponse,
    ListReviewTasksResponse,
    ListTopicsResponse,
    ListWeakSpotsResponse,
    MineTopicsResponse,
    PeopleReport,
    QueryMetricsResponse,
    QueueForReviewResponse,
    RenameTopicResponse,
    ReportFile,
    ReturnReviewTaskResponse,
    Review,
    ReviewPlan,
    ReviewTask,
    RuleCountInfo,
    RunReviewPlanResponse,
    SummarizeCallResponse,
    SummarizeTopicResponse,
    Topic,
    Transcript,
    WatchAlertsResponse,
    WatchCallResponse
);

pub(super) fn descriptor<M: Named>() -> MessageDescriptor {
    POOL.get_message_by_name(M::NAME).expect("every name in this file stands in proto/")
}

/// `message` with its fields by name.
pub(super) fn dynamic<M: Named>(message: &M) -> DynamicMessage {
    DynamicMessage::decode(descriptor::<M>(), message.encode_to_vec().as_slice())
        .expect("generated and dynamic messages share their descriptors")
}

/// `message` as one compact line of JSON.
#[must_use]
pub fn to_line<M: Named>(message: &M) -> String {
    let dynamic = dynamic(message);
    let mut line = serde_json::Serializer::new(Vec::new());
    dynamic
        .serialize_with_options(&mut line, &SerializeOptions::new().skip_default_fields(false))
        .expect("a message without google.protobuf.Any always has a JSON form");
    String::from_utf8(line.into_inner()).expect("JSON is UTF-8")
}

/// Reads the JSON form of a message; field names in either case.
///
/// # Errors
/// What is wrong and where, for example an unknown field.
pub fn parse<M: Named>(text: &str) -> Result<M, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize_with_options(
        descriptor::<M>(),
        &mut source,
        &DeserializeOptions::new().deny_unknown_fields(true),
    )?;
    source.end()?;
    Ok(M::decode(dynamic.encode_to_vec().as_slice())
        .expect("generated and dynamic messages share their descriptors"))
}

/// What to write instead of the first unknown field or value in `text`, when that is what is wrong with it.
#[must_use]
pub fn hint<M: Named>(text: &str) -> Option<String> {
    hint_in(&descriptor::<M>(), &serde_json::from_str(text).ok()?)
}

fn hint_in(message: &MessageDescriptor, value: &Value) -> Option<String> {
    // Times and lengths are written as text, not as their fields.
    if message.full_name().starts_with("google.") {
        return None;
    }
    value.as_object()?.iter().find_map(|(name, value)| {
        let field = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        let Some(field) = field else {
            let names: Vec<_> = message.fields().map(|field| field.json_name().to_owned()).collect();
            return Some(choice(name, "fields", &names));
        };
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let kind = field.kind();
        if let Some(inner) = kind.as_message().filter(|_| !field.is_map()) {
            return items.iter().find_map(|item| hint_in(inner, item));
        }
        let kind = kind.as_enum()?;
        let wrong =
            items.iter().filter_map(Value::as_str).find(|given| kind.get_value_by_name(given).is_none())?;
        let names: Vec<_> = kind.values().skip(1).map(|value| value.name().to_owned()).collect();
        Some(choice(wrong, "values", &names))
    })
}

/// Names that may be written, and the one that was meant if a part of it was typed.
fn choice(typed: &str, what: &str, names: &[String]) -> String {
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    let near = names.iter().find(|name| plain(name) == plain(typed));
    let near = near.or_else(|| names.iter().find(|name| plain(name).ends_with(&plain(typed))));
    let near = near.or_else(|| names.iter().find(|name| plain(name).starts_with(&plain(typed))));
    let meant = near.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    format!("{meant}{what}: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_fields_are_written_and_absent_ones_are_not() {
        let turn = v1::Turn { text: "您好".to_owned(), confidence: None, ..Default::default() };
        let report = v1::CallReport {
            transcript: Some(v1::Transcript { turns: vec![turn], ..Default::default() }),
            ..Default::default()
        };
        let line = to_line(&report);
        let json: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(json["transcript"]["turns"][0]["channel"], 0);
        assert_eq!(json["transcript"]["turns"][0]["words"], serde_json::json!([]));
        assert_eq!(json["findings"], serde_json::json!([]));
        assert!(json["transcript"]["turns"][0].get("confidence").is_none());
        assert!(json.get("call").is_none());
        assert!(!line.contains('\n'));
    }

    #[test]
    fn metadata_is_read_in_both_spellings() {
        let text = r#"{"agentId": "7", "channel_roles": [{"role": "SPEAKER_ROLE_AGENT"}],
                       "startedAt": "2026-11-23T09:00:00Z", "attributes": {"queue": "5"}}"#;
        let metadata: v1::CallMetadata = parse(text).expect("it is well-formed");
        assert_eq!(metadata.agent_id, "7");
        assert_eq!(metadata.channel_roles.first().map(|role| role.role()), Some(v1::SpeakerRole::Agent));
        assert!(metadata.started_at.is_some());
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = parse::<v1::CallMetadata>(r#"{"agentid": "7"}"#).expect_err("there is no such field");
        assert!(error.to_string().contains("agentid"), "{error}");
    }
}
