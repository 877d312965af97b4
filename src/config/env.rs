//! Environment variables as a layer of configuration: `DITING__SERVE__LISTEN` is `serve.listen`.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// What every variable of this layer begins with.
const PREFIX: &str = "DITING__";

/// Variables as they were given; tests give their own.
#[derive(Debug, Clone)]
pub(super) struct Variables(pub(super) Vec<(String, String)>);

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variable(s)")
            .interpolater(|_, keys| format!("{PREFIX}{}", keys.join("__").to_uppercase()))
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        let mut root = Dict::new();
        for (name, text) in &self.0 {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let keys = path.split("__").map(str::to_lowercase).collect::<Vec<_>>();
            // Never fails: what is no number, boolean, list or table is a string.
            let value = text.parse().unwrap_or_else(|_| Value::from(text.clone()));
            insert(&mut root, &keys, value);
        }
        Ok(Profile::Default.collect(root))
    }
}

fn insert(dict: &mut Dict, keys: &[String], value: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        dict.insert(first.clone(), value);
        return;
    }
    let inner = dict.entry(first.clone()).or_insert_with(|| Value::from(Dict::new()));
    if let Value::Dict(_, inner) = inner {
        insert(inner, rest, value);
    }
}
