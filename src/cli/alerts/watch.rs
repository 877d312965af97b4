//! `diting alerts watch`: follows the stream of events, and comes back with its cursor when the stream broke.
//!
//! **Invariant**: the cursor is written after what it stands for was printed, so that nothing is missed and the last event
//! may come twice.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fs_err as fs;
use tonic::{Code, Status};

use super::super::client::{AlertClient, ServerArgs, retry_delay};
use super::super::clock::Clock;
use super::super::exit::UsageError;
use super::super::output::{Format, emit};
use super::{WatchArgs, show};
use crate::cli::Exit;
use crate::proto::{json, v1};

/// Longest wait for a server that is away.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Follows until interrupted, or until the server refuses for good.
pub(super) async fn run(
    client: &mut AlertClient,
    server: &ServerArgs,
    args: &WatchArgs,
    format: Format,
) -> anyhow::Result<Exit> {
    let file = args.cursor_file.as_deref();
    let mut cursor = match (args.cursor, file) {
        (Some(cursor), _) => Some(cursor),
        (None, Some(file)) => Some(read_cursor(file)?),
        (None, None) => None,
    };
    let (mut num_breaks, mut clock) = (0, None);
    loop {
        let turn = async {
            let clock = match &clock {
                Some(clock) => clock,
                None => match server.try_clock().await? {
                    Ok(told) => clock.insert(told),
                    Err(status) => return Ok(status),
                },
            };
            let request = v1::WatchAlertsRequest {
                cursor: cursor.unwrap_or_default(),
                filter: Some(args.filter.wire(clock)?),
                from_now: cursor.is_none(),
            };
            follow(client, request, &mut cursor, &mut num_breaks, file, (format, clock)).await
        };
        let status = tokio::select! {
            outcome = turn => outcome?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Success),
        };
        // A server that is killed leaves a stream that ends in the middle.
        let is_away = status.code() == Code::Unavailable || status.code() == Code::Unknown;
        num_breaks += 1;
        let delay = retry_delay(&status, num_breaks).or(is_away.then_some(MAX_WAIT));
        let Some(delay) = delay else { return Err(server.explain(&status)) };
        if num_breaks == 1 {
            eprintln!("diting: {:#}; it goes on when the server is back", server.explain(&status));
        }
        tokio::select! {
            () = tokio::time::sleep(delay.min(MAX_WAIT)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Success),
        }
    }
}

/// One stream to its end. The error is this side's; the status the server's.
async fn follow(
    client: &mut AlertClient,
    request: v1::WatchAlertsRequest,
    cursor: &mut Option<u64>,
    num_breaks: &mut u32,
    file: Option<&Path>,
    (format, clock): (Format, &Clock),
) -> anyhow::Result<Status> {
    let mut updates = match client.watch_alerts(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Ok(status),
    };
    loop {
        match updates.message().await {
            Ok(Some(update)) => {
                *num_breaks = 0;
                if let Some(event) = &update.event {
                    match format {
                        Format::Json => emit(&json::to_line(&update))?,
                        Format::Text | Format::Srt => {
                            emit(&show::event_line(event, &update.alert.clone().unwrap_or_default(), clock))?;
                        }
                    }
                }
                *cursor = Some(update.cursor);
                if let Some(file) = file {
                    write_cursor(file, update.cursor)?;
                }
            }
            Ok(None) => return Ok(Status::unavailable("the server ended the stream")),
            Err(status) => return Ok(status),
        }
    }
}

fn read_cursor(file: &Path) -> anyhow::Result<u64> {
    if !file.exists() {
        return Ok(0);
    }
    let text = fs::read_to_string(file)?;
    let wrong = || UsageError(format!("`{}` holds no cursor: remove it to begin anew", file.display()));
    Ok(text.trim().parse().map_err(|_| wrong())?)
}

/// The file appears whole or not at all.
fn write_cursor(file: &Path, cursor: u64) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(draft, "{cursor}")?;
    draft.persist(file).with_context(|| format!("`{}` cannot be written", file.display()))?;
    Ok(())
}
