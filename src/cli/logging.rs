//! Logs on standard error: what `DITING_LOG` asks for, else what the command chose.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends events of `default_level` and above to standard error. `json` writes one object per line.
pub(super) fn init(default_level: &str, json: bool) {
    let filter = EnvFilter::try_from_env("DITING_LOG").unwrap_or_else(|_| EnvFilter::new(default_level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when a test has set up logging before; its choice stays.
    if json {
        builder.json().try_init().ok();
    } else {
        builder.try_init().ok();
    }
}
