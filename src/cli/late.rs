//! `diting calls update`: what is known later about a call.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Map, Value};

use super::client::{Client, ServerArgs};
use super::exit::UsageError;
use super::output::{Format, emit};
use crate::proto::{json, v1};

/// What was typed after `diting calls update`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The call
    call_id: String,
    /// A field of the metadata, for example agent_id=8021 or ivr_end=12s; lists and objects as JSON; may be repeated
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// A field to clear; may be repeated
    #[arg(long, value_name = "FIELD")]
    clear: Vec<String>,
    /// Metadata as JSON; every field in it is taken over
    #[arg(long, value_name = "FILE.json")]
    metadata: Option<PathBuf>,
}

/// Sends the change and prints the call as it is now.
pub(super) async fn update(
    args: &Args,
    client: &mut Client,
    server: &ServerArgs,
    format: Format,
) -> anyhow::Result<()> {
    let mut fields = match &args.metadata {
        None => Map::new(),
        Some(path) => {
            let text = fs_err::read_to_string(path)?;
            serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON object", path.display()))?
        }
    };
    for pair in &args.set {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| UsageError(format!("`{pair}`: write a field and its value, FIELD=VALUE")))?;
        fields.insert(name.to_owned(), value(name, text));
    }
    if fields.is_empty() && args.clear.is_empty() {
        return Err(UsageError("say what is known now: --set, --clear or --metadata".to_owned()).into());
    }
    let mut paths: Vec<String> = fields.keys().cloned().collect();
    paths.extend(args.clear.iter().cloned());
    let text = Value::Object(fields).to_string();
    let metadata: v1::CallMetadata = json::parse(&text).map_err(|error| {
        let hint = json::hint::<v1::CallMetadata>(&text);
        UsageError(hint.unwrap_or_else(|| format!("this is no metadata of a call: {error}")))
    })?;
    let update_mask = Some(prost_types::FieldMask { paths });
    let request =
        v1::UpdateCallRequest { call_id: args.call_id.clone(), metadata: Some(metadata), update_mask };
    let response = client.update_call(request).await.map_err(|status| server.explain(&status))?;
    let call = response.into_inner().call.unwrap_or_default();
    match format {
        Format::Json => emit(&json::to_line(&call))?,
        Format::Text | Format::Srt => emit(&format!("updated\t{}", call.call_id))?,
    }
    Ok(())
}

/// What was typed, as text where the field takes text, else as JSON.
fn value(name: &str, text: &str) -> Value {
    let as_text = Value::String(text.to_owned());
    let alone = Value::Object([(name.to_owned(), as_text.clone())].into_iter().collect()).to_string();
    if json::parse::<v1::CallMetadata>(&alone).is_ok() {
        return as_text;
    }
    serde_json::from_str(text).unwrap_or(as_text)
}
