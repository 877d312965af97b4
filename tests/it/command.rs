//! `diting` as a process against a running service.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `diting` in `folder` against the service at `server`, with an access token or without.
pub(crate) async fn diting_with(server: &str, folder: &Path, token: Option<&str>, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diting"));
    command.args(args).current_dir(folder).env("DITING_SERVER", server);
    command.env_remove("DITING_CONFIG").env_remove("DITING_ACCESS_TOKEN");
    // No centre's clock: what is shown and read must not depend on the machine's.
    command.env("TZ", "XYZ+9");
    if let Some(token) = token {
        command.env("DITING_ACCESS_TOKEN", token);
    }
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs")
}

/// The same without a token.
pub(crate) async fn diting(server: &str, folder: &Path, args: &[&str]) -> Output {
    diting_with(server, folder, None, args).await
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}
