//! Field masks: which fields of a message are asked for, and the message without the others.
//!
//! **Invariant**: a path that names no field is refused, so a mask never hides what its sender believed to ask for.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};

use super::convert::ConvertError;
use super::json::{self, Named};

/// The fields of a message that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMask {
    /// Every path by its names; `None` asks for all.
    paths: Option<Vec<Vec<String>>>,
    /// Whether whoever answers fills these fields only, so that nothing has to be cut.
    is_default: bool,
}

impl ReadMask {
    /// The mask in field `read_mask`; `when_empty` where nothing is asked for, `*` being everything. Whoever answers
    /// fills no field but those of [`wants`](Self::wants).
    ///
    /// # Errors
    /// [`ConvertError`] for a path that is no field of `M`.
    pub fn of<M: Named>(
        mask: Option<prost_types::FieldMask>,
        when_empty: &[&str],
    ) -> Result<Self, ConvertError> {
        let mut paths = mask.unwrap_or_default().paths;
        let is_default = paths.is_empty();
        if is_default {
            paths = when_empty.iter().map(|path| (*path).to_owned()).collect();
        }
        if paths.iter().any(|path| path == "*") {
            return Ok(Self { paths: None, is_default });
        }
        let message = json::descriptor::<M>();
        let paths = paths.iter().map(|path| {
            let names: Vec<String> = path.split('.').map(str::to_owned).collect();
            check(&message, &names).map_err(|problem| {
                ConvertError::new("read_mask", format!("there is no field `{path}` here: {problem}"))
            })?;
            Ok(names)
        });
        Ok(Self { paths: Some(paths.collect::<Result<_, ConvertError>>()?), is_default })
    }

    /// Whether a field, or something in it, is asked for.
    #[must_use]
    pub fn wants(&self, field: &str) -> bool {
        let is_field = |path: &Vec<String>| path.first().is_some_and(|name| name == field);
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(is_field))
    }

    /// The message without what is not asked for.
    #[must_use]
    pub fn cut<M: Named>(&self, message: M) -> M {
        let Some(paths) = self.paths.as_ref().filter(|_| !self.is_default) else { return message };
        let mut dynamic = json::dynamic(&message);
        let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
        keep(&mut dynamic, &paths);
        M::decode(dynamic.encode_to_vec().as_slice())
            .expect("generated and dynamic messages share their descriptors")
    }
}

fn check(message: &MessageDescriptor, path: &[String]) -> Result<(), String> {
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    let Some(field) = message.get_field_by_name(name) else {
        let names: Vec<_> = message.fields().map(|field| field.name().to_owned()).collect();
        return Err(format!("fields are {}", names.join(", ")));
    };
    match field.kind().as_message() {
        _ if rest.is_empty() => Ok(()),
        Some(inner) if !field.is_map() => check(inner, rest),
        _ => Err(format!("`{name}` has no fields")),
    }
}

/// Clears every field that no path leads to.
fn keep(message: &mut DynamicMessage, paths: &[&[String]]) {
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        let inner: Vec<&[String]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(name, _)| *name == field.name())
            .map(|(_, rest)| rest)
            .collect();
        if inner.is_empty() {
            message.clear_field(&field);
        } else if inner.iter().all(|rest| !rest.is_empty()) {
            // A path into anything else was refused.
            let value = message.get_field_mut(&field);
            if let Value::List(many) = value {
                for one in many {
                    if let Value::Message(one) = one {
                        keep(one, &inner);
                    }
                }
            } else if let Value::Message(one) = value {
                keep(one, &inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1;

    fn mask(paths: &[&str]) -> Result<ReadMask, ConvertError> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        ReadMask::of::<v1::Finding>(Some(prost_types::FieldMask { paths }), &["rule_id"])
    }

    fn finding() -> v1::Finding {
        let evidence = v1::Evidence { turn: 3, text: "保本".to_owned(), ..Default::default() };
        v1::Finding {
            call_id: "c1".to_owned(),
            rule_id: "S01".to_owned(),
            verdict: v1::Verdict::Hit.into(),
            evidence: vec![evidence],
            ..Default::default()
        }
    }

    #[test]
    fn only_what_is_asked_for_stays() {
        let asked = mask(&["rule_id", "evidence.text"]).expect("both are fields");
        assert!(asked.wants("evidence") && !asked.wants("call_id"));
        let evidence = vec![v1::Evidence { text: "保本".to_owned(), ..Default::default() }];
        let expected = v1::Finding { rule_id: "S01".to_owned(), evidence, ..Default::default() };
        assert_eq!(asked.cut(finding()), expected);
        assert_eq!(mask(&["*"]).expect("all").cut(finding()), finding());
        assert_eq!(mask(&["evidence"]).expect("a field").cut(finding()).evidence, finding().evidence);
        assert!(!mask(&[]).expect("as when empty").wants("call_id"));
    }

    #[test]
    fn a_path_that_is_no_field_is_refused() {
        for wrong in ["rule", "evidence.words", "rule_id.x", "", "evidence..text"] {
            assert_eq!(mask(&[wrong]).expect_err("there is no such field").field, "read_mask", "{wrong}");
        }
    }
}
