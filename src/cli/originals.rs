//! `diting calls audio`, `unmask` and `access`: recordings with what is masked silenced, and originals for who may see them.
//!
//! The token comes from DITING_ACCESS_TOKEN or a file, never from a flag, which every user of the machine could read.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fs_err as fs;
use tempfile::NamedTempFile;
use tonic::Request;
use tonic::metadata::MetadataValue;

use super::Exit;
use super::client::ServerArgs;
use super::exit::UsageError;
use super::output::{self, Format, emit};
use super::table::Table;
use crate::proto::{json, v1};

/// The variable that holds the token.
const TOKEN_VARIABLE: &str = "DITING_ACCESS_TOKEN";
/// Largest page a server gives.
const MAX_PAGE: u32 = 500;

/// Who asks for an original, and why.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct AccessArgs {
    /// Why the original is needed; kept in the audit record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For whom it is asked, when that is not the holder of the token
    #[arg(long, value_name = "NAME", default_value = "")]
    operator: String,
    #[command(flatten)]
    token: TokenArgs,
}

/// Where the access token is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TokenArgs {
    /// File that holds the access token, in place of DITING_ACCESS_TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What was typed after `diting calls audio`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct AudioArgs {
    /// The call
    call_id: String,
    /// The WAV file to write
    #[arg(short, long, value_name = "FILE.wav")]
    output: PathBuf,
    /// Leaves nothing silenced; needs an access token and --reason
    #[arg(long, requires = "reason")]
    unmasked: bool,
    /// Why the whole recording is needed; kept in the audit record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For whom it is asked, when that is not the holder of the token
    #[arg(long, value_name = "NAME", default_value = "")]
    operator: String,
    #[command(flatten)]
    token: TokenArgs,
}

impl TokenArgs {
    /// A request that carries the token, if there is one: the server says what is missing.
    fn request<T>(&self, message: T) -> anyhow::Result<Request<T>> {
        let token = match &self.token_file {
            Some(path) => Some(fs::read_to_string(path)?.trim().to_owned()),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        let mut request = Request::new(message);
        if let Some(token) = token {
            let value = MetadataValue::try_from(format!("Bearer {token}")).map_err(|_| {
                UsageError(
                    "the access token holds characters that cannot be sent: take letters and digits"
                        .to_owned(),
                )
            })?;
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

/// Prints a call with its transcript as it was said.
pub(super) async fn unmask(
    server: &ServerArgs,
    call_id: &str,
    args: &AccessArgs,
    format: Format,
) -> anyhow::Result<Exit> {
    let AccessArgs { reason, operator, token } = args.clone();
    let call_id = call_id.to_owned();
    let request = v1::GetUnmaskedTranscriptRequest { call_id: call_id.clone(), reason, operator };
    // Before the transcript, which leaves an entry: it is not kept back then because the clock cannot be had.
    let clock = server.clock_if(format == Format::Text).await?;
    let mut client = server.privacy_client()?;
    let response = client.get_unmasked_transcript(token.request(request)?).await;
    let transcript = response.map_err(|status| server.explain(&status))?.into_inner().transcript;
    match format {
        Format::Json => emit(&json::to_line(&transcript.unwrap_or_default()))?,
        Format::Text | Format::Srt => {
            let call = Some(v1::Call { call_id, state: v1::CallState::Done.into(), ..v1::Call::default() });
            let report = v1::CallReport { call, transcript, ..v1::CallReport::default() };
            output::print_report(&report, format, clock.zone())?;
        }
    }
    Ok(Exit::Success)
}

/// Writes the recording of a call; nothing is left when it breaks off.
pub(super) async fn audio(server: &ServerArgs, args: &AudioArgs) -> anyhow::Result<Exit> {
    let request = v1::ExportAudioRequest {
        call_id: args.call_id.clone(),
        silence_masked: Some(!args.unmasked),
        reason: args.reason.clone().unwrap_or_default(),
        operator: args.operator.clone(),
    };
    let mut client = server.privacy_client()?;
    let response = client.export_audio(args.token.request(request)?).await;
    let mut parts = response.map_err(|status| server.explain(&status))?.into_inner();
    let folder =
        args.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        NamedTempFile::new_in(folder).with_context(|| format!("cannot write into `{}`", folder.display()))?;
    let mut num_silenced = 0;
    while let Some(part) = parts.message().await.map_err(|status| server.explain(&status))? {
        num_silenced += part.num_silenced;
        file.write_all(&part.chunk)?;
    }
    file.persist(&args.output).with_context(|| format!("cannot write `{}`", args.output.display()))?;
    let silenced = if args.unmasked {
        "nothing silenced".to_owned()
    } else {
        format!("{num_silenced} stretches silenced")
    };
    eprintln!("{}: {silenced}", args.output.display());
    Ok(Exit::Success)
}

/// Lists who asked for originals.
pub(super) async fn access(
    server: &ServerArgs,
    token: &TokenArgs,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut client = server.privacy_client()?;
    let clock = server.clock_if(format == Format::Text).await?;
    let when = format!("时间 {}", clock.name());
    let mut table = Table::new([&when, "结果", "令牌持有人", "为谁", "种类", "通话", "理由"]);
    let (mut num_seen, mut page_token) = (0, String::new());
    while num_seen < limit {
        let page_size = u32::try_from(limit - num_seen).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let request = token.request(v1::ListAccessRequest { page_size, page_token })?;
        let page = client.list_access(request).await.map_err(|status| server.explain(&status))?.into_inner();
        for record in &page.records {
            match format {
                Format::Json => emit(&json::to_line(record))?,
                Format::Text | Format::Srt => table.add(row(record, table.time(&clock, record.at.as_ref()))),
            }
        }
        num_seen += page.records.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    table.print()?;
    Ok(Exit::Success)
}

/// One entry as a row: when as it is to be shown, who, for whom, what, of which call, why, and why it was refused.
fn row(record: &v1::AccessRecord, at: String) -> Vec<String> {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.replace(['\t', '\n'], " ") };
    let kind = match record.kind() {
        v1::AccessKind::Transcript => "transcript",
        v1::AccessKind::Audio => "audio",
        v1::AccessKind::List => "list",
        v1::AccessKind::Unspecified => "unknown",
    };
    let outcome = if record.refused.is_empty() { "granted" } else { record.refused.as_str() };
    vec![
        at,
        outcome.to_owned(),
        or_dash(&record.holder),
        or_dash(&record.operator),
        kind.to_owned(),
        or_dash(&record.call_id),
        or_dash(&record.reason),
    ]
}
