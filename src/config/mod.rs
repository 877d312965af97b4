//! The configuration: a struct of the stages' own, read from a TOML file, environment variables and flags.
//!
//! A later layer goes over an earlier one: defaults in code, the file, `DITING__SECTION__KEY`, flags. Nothing is read
//! after start.

mod check;
mod env;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;
use serde::{Deserialize, Serialize};

use crate::alert::AlertsConfig;
use crate::archive::ArchiveConfig;
use crate::error::{Classify, ErrorCode};
use crate::ingest::IngestConfig;
use crate::masking::MaskingConfig;
use crate::opinion::OpinionConfig;
use crate::pipeline::PipelineConfig;
use crate::review::ReviewConfig;
use crate::serve::ServeConfig;
use crate::speech::SpeechConfig;
use crate::store::StoreConfig;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Version of this layout: 1.
    pub version: u32,
    /// The service.
    pub serve: ServeConfig,
    /// What is taken in.
    pub ingest: IngestConfig,
    /// Recognition.
    pub speech: SpeechConfig,
    /// How calls are run.
    pub pipeline: PipelineConfig,
    /// Jobs over many calls.
    pub archive: ArchiveConfig,
    /// Reviews and appeals.
    pub review: ReviewConfig,
    /// The data directory.
    pub store: StoreConfig,
    /// By which rules calls are judged.
    pub rules: RulesConfig,
    /// What personal data is masked, and who may see it.
    pub masking: MaskingConfig,
    /// The bank's own language model, for opinions.
    pub opinion: OpinionConfig,
    /// When alerts are damped and escalated, and who receives them.
    pub alerts: AlertsConfig,
    /// Where the weights lie.
    pub models: ModelsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: 1,
            serve: ServeConfig::default(),
            ingest: IngestConfig::default(),
            speech: SpeechConfig::default(),
            pipeline: PipelineConfig::default(),
            archive: ArchiveConfig::default(),
            review: ReviewConfig::default(),
            store: StoreConfig::default(),
            rules: RulesConfig::default(),
            masking: MaskingConfig::default(),
            opinion: OpinionConfig::default(),
            alerts: AlertsConfig::default(),
            models: ModelsConfig::default(),
        }
    }
}

/// By which rules calls are judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// A rule pack with its scheme, as a file or folder; the built-in bank pack when absent.
    pub scheme: Option<PathBuf>,
}

/// Where the weights lie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The folder; `DITING_MODELS`, or the user's cache directory, when absent.
    pub dir: Option<PathBuf>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file `{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A layer does not fit the layout; the message names the layer and the key.
    #[error("the configuration does not fit: {0}")]
    Layout(Box<figment::Error>),
    /// A value makes no sense.
    #[error("the configuration does not fit: `{key}` {problem}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Classify for ConfigError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config.unreadable",
            Self::Layout(_) => "config.layout",
            Self::Invalid { .. } => "config.invalid",
        }
    }
}

/// The layers over the defaults.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those of other programs are passed over.
    pub variables: Vec<(String, String)>,
    /// Flags by key, for example `serve.listen`.
    pub flags: Vec<(&'static str, Value)>,
}

impl Layers {
    /// The file and the variables of this process; flags are added with [`flag`](Self::flag).
    #[must_use]
    pub fn of_process(file: Option<&Path>) -> Self {
        // A variable that is not text cannot be meant for this program.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file: file.map(Path::to_owned), variables, flags: Vec::new() }
    }

    /// Adds a flag, when it was typed.
    #[must_use]
    pub fn flag<T: Serialize>(mut self, key: &'static str, value: Option<T>) -> Self {
        if let Some(value) = value {
            let value = Value::serialize(value).expect("flags are text, numbers and paths that came as text");
            self.flags.push((key, value));
        }
        self
    }
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the layer and the key.
    pub fn load(layers: &Layers) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = &layers.file {
            // The provider would take a missing file for an empty one.
            std::fs::File::open(path)
                .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(env::Variables(layers.variables.clone()));
        for (key, value) in &layers.flags {
            figment = figment.merge(Serialized::default(key, value));
        }
        let config: Self = figment.extract().map_err(|error| ConfigError::Layout(Box::new(error)))?;
        check::check(&config)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layers(text: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Layers) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("diting.toml");
        fs_err::write(&file, text).expect("it is written");
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        (folder, Layers { file: Some(file), variables, flags: Vec::new() })
    }

    #[test]
    fn the_defaults_are_sound_and_listen_to_this_machine_only() {
        let config = Config::load(&Layers::default()).expect("defaults are sound");
        assert_eq!(config, Config::default());
        assert!(config.serve.listen.ip().is_loopback());
    }

    proptest! {
        #[test]
        fn a_later_layer_goes_over_an_earlier_one(file: bool, variable: bool, flag: bool) {
            let text = if file { "[serve]\nmax_uploads = 11" } else { "" };
            let variables: &[_] = if variable { &[("DITING__SERVE__MAX_UPLOADS", "12")] } else { &[] };
            let (_folder, layers) = layers(text, variables);
            let layers = layers.flag("serve.max_uploads", flag.then_some(13));
            let expected = match (file, variable, flag) {
                (_, _, true) => 13,
                (_, true, false) => 12,
                (true, false, false) => 11,
                (false, false, false) => Config::default().serve.max_uploads,
            };
            let config = Config::load(&layers).expect("every layer is sound");
            prop_assert_eq!(config.serve.max_uploads, expected);
            prop_assert_eq!(config.serve.listen, Config::default().serve.listen);
        }
    }

    #[test]
    fn variables_of_other_programs_are_passed_over() {
        let (_folder, layers) =
            layers("", &[("PATH", "/bin"), ("DITING_SERVER", "http://x"), ("DITING", "1")]);
        assert_eq!(Config::load(&layers).expect("nothing is set"), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_layer() {
        let (_folder, in_file) = layers("[serve]\nlisten_on = \"x\"", &[]);
        let error = Config::load(&in_file).expect_err("there is no such key").to_string();
        assert!(error.contains("listen_on") && error.contains("diting.toml"), "{error}");
        let (_folder, in_env) = layers("", &[("DITING__SERVE__LISTEN", "everywhere")]);
        let error = Config::load(&in_env).expect_err("it is no address").to_string();
        assert!(error.contains("DITING__SERVE__LISTEN"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let layers = Layers { file: Some(PathBuf::from("/nowhere/diting.toml")), ..Layers::default() };
        assert!(matches!(Config::load(&layers), Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn a_layout_of_another_version_is_refused() {
        let (_folder, layers) = layers("version = 2", &[]);
        assert!(matches!(Config::load(&layers), Err(ConfigError::Invalid { key: "version", .. })));
    }

    #[test]
    fn a_limit_of_zero_is_refused() {
        let (_folder, layers) = layers("[serve]\nmax_uploads = 0", &[]);
        assert!(matches!(Config::load(&layers), Err(ConfigError::Invalid { key: "serve.max_uploads", .. })));
    }

    #[test]
    fn a_configuration_survives_its_own_toml() {
        let text = toml::to_string(&Config::default()).expect("it has a TOML form");
        let (_folder, layers) = layers(&text, &[]);
        assert_eq!(Config::load(&layers).expect("it reads back"), Config::default());
    }
}
