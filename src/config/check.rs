//! Rules over the whole configuration. Each problem names its key.

use super::{Config, ConfigError};

/// The version of the configuration's layout.
const VERSION: u32 = 1;

/// Checks what one section cannot check alone.
///
/// # Errors
/// [`ConfigError::Invalid`] for the first problem.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    if config.version != VERSION {
        problems.push(("version", format!("is {}, this program knows {VERSION}", config.version)));
    }
    problems.extend(config.serve.problems());
    problems.extend(config.masking.problems());
    problems.extend(config.review.problems());
    problems.extend(config.opinion.problems(!config.masking.kinds.is_empty()));
    problems.extend(config.alerts.problems());
    match problems.into_iter().next() {
        Some((key, problem)) => Err(ConfigError::Invalid { key, problem }),
        None => Ok(()),
    }
}
