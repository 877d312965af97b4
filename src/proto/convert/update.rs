//! Late metadata: the fields of one message put over another's.

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage};

use super::ConvertError;
use crate::proto::{json, v1};
use crate::types::CallMetadata;

/// `old` with the fields of `new` that `paths` name, or with all that are set in `new` when there are none.
///
/// # Errors
/// [`ConvertError`] when a path is no field of the metadata, or what comes out makes no sense.
pub fn updated(
    old: &CallMetadata,
    new: &v1::CallMetadata,
    paths: &[String],
) -> Result<CallMetadata, ConvertError> {
    let dynamic = |message: &v1::CallMetadata| json::dynamic(message);
    let (mut merged, new) = (dynamic(&v1::CallMetadata::from(old)), dynamic(new));
    let descriptor = merged.descriptor();
    let mut chosen = Vec::new();
    for path in paths {
        let field = descriptor.get_field_by_name(path).or_else(|| descriptor.get_field_by_json_name(path));
        chosen.push(field.ok_or_else(|| {
            let names: Vec<_> = descriptor.fields().map(|field| field.name().to_owned()).collect();
            let problem = format!("`{path}` is no field of the metadata, which has {}", names.join(", "));
            ConvertError::new("update_mask", problem)
        })?);
    }
    if paths.is_empty() {
        chosen = descriptor.fields().filter(|field| new.has_field(field)).collect();
    }
    for field in chosen {
        if new.has_field(&field) {
            merged.set_field(&field, new.get_field(&field).into_owned());
        } else {
            merged.clear_field(&field);
        }
    }
    to_wire(&merged)?.try_into()
}

fn to_wire(message: &DynamicMessage) -> Result<v1::CallMetadata, ConvertError> {
    v1::CallMetadata::decode(message.encode_to_vec().as_slice())
        .map_err(|error| ConvertError::new("metadata", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(agent_id: &str, team: &str) -> v1::CallMetadata {
        v1::CallMetadata {
            agent_id: agent_id.to_owned(),
            team: team.to_owned(),
            ..v1::CallMetadata::default()
        }
    }

    fn merged(new: &v1::CallMetadata, paths: &[&str]) -> Result<CallMetadata, ConvertError> {
        let old = metadata("A1", "north").try_into().expect("valid");
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        updated(&old, new, &paths)
    }

    #[test]
    fn without_paths_what_is_set_goes_over_what_was() {
        let merged = merged(&metadata("A2", ""), &[]).expect("valid");
        assert_eq!((merged.agent_id.as_deref(), merged.team.as_deref()), (Some("A2"), Some("north")));
    }

    #[test]
    fn a_named_field_that_is_not_set_is_cleared() {
        let merged = merged(&metadata("A2", ""), &["team"]).expect("valid");
        assert_eq!((merged.agent_id.as_deref(), merged.team.as_deref()), (Some("A1"), None));
    }

    #[test]
    fn a_path_that_is_no_field_is_refused_with_those_that_are() {
        let error = merged(&metadata("A2", ""), &["agent"]).expect_err("no such field");
        assert_eq!(error.field, "update_mask");
        assert!(error.problem.contains("agent_id"), "{error}");
    }
}
