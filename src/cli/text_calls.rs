//! Opens files of calls that are written down as text or exported from a chat system.

use std::io::{BufReader, Read};
use std::path::Path;

use jiff::tz::TimeZone;

use super::exit::UsageError;
use crate::analysis::parse_role;
use crate::app::chat_way;
use crate::proto::{self, ReadOptions, TextCall, read_text_calls, v1};
use crate::types::{CallId, Millis, SpeakerRole};

/// Whether `path` is a file of calls rather than a recording.
pub(super) fn is_text_calls(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson")
}

/// Who is who in such files, as typed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct RoleArgs {
    /// What a role is called in calls as text, for example left=agent; may be repeated
    #[arg(long = "role", value_name = "NAME=ROLE", value_parser = parse_role_name)]
    pub(super) roles: Vec<(String, SpeakerRole)>,
    #[command(flatten)]
    chats: ChatArgs,
}

/// Whose accounts are whose in chats, as typed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ChatArgs {
    /// Account of an agent in chats: a name, a prefix as kf_* or an expression as /kf[0-9]+/; may be repeated
    #[arg(long = "agent-account", value_name = "ACCOUNT")]
    agent_accounts: Vec<String>,
    /// Account of a robot in chats, which is never judged; may be repeated
    #[arg(long = "bot-account", value_name = "ACCOUNT")]
    bot_accounts: Vec<String>,
    /// Account of a customer in chats; may be repeated
    #[arg(long = "customer-account", value_name = "ACCOUNT")]
    customer_accounts: Vec<String>,
    /// In archives of messages, a pause of more than so many minutes ends a chat
    #[arg(long = "chat-gap", value_name = "MINUTES", default_value_t = 360)]
    pub(super) gap_minutes: u64,
}

impl ChatArgs {
    /// The accounts.
    pub(super) fn accounts(&self) -> v1::ChatAccounts {
        v1::ChatAccounts {
            agents: self.agent_accounts.clone(),
            bots: self.bot_accounts.clone(),
            customers: self.customer_accounts.clone(),
        }
    }
}

impl RoleArgs {
    /// How files are read, with times that name no zone in `time_zone`.
    pub(super) fn options(&self, time_zone: TimeZone) -> anyhow::Result<ReadOptions> {
        Ok(ReadOptions {
            roles: self.roles.clone(),
            accounts: proto::convert::accounts_from_wire(self.chats.accounts())?,
            gap: Millis(self.chats.gap_minutes.saturating_mul(60_000)),
            time_zone,
        })
    }
}

fn parse_role_name(text: &str) -> Result<(String, SpeakerRole), String> {
    let wrong = || format!("`{text}` does not read like left=agent, usr=customer or sys=bot");
    let (name, role) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), parse_role(role).ok_or_else(wrong)?))
}

/// The calls of an opened file.
pub(super) type TextCalls = proto::TextCalls<BufReader<Box<dyn Read>>>;

/// Opens a file; `-` is standard input.
pub(super) fn open(path: &Path, options: &ReadOptions) -> std::io::Result<TextCalls> {
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs_err::File::open(path)?)
    };
    Ok(read_text_calls(BufReader::new(source), options))
}

/// The id of a call: its own, or made of its file and line.
pub(super) fn call_id(path: &Path, line: usize, call: &TextCall) -> CallId {
    // As an import of this file alone names them.
    let way = chat_way(path.parent().unwrap_or(Path::new("")), path);
    proto::text_call_id(&way, line, call)
}

/// The one call of a file that `id` or `line` names; without both the only one or the first.
pub(super) fn one_call(
    path: &Path,
    roles: &RoleArgs,
    time_zone: TimeZone,
    id: Option<&str>,
    line: Option<usize>,
) -> anyhow::Result<(CallId, TextCall)> {
    let options = roles.options(time_zone)?;
    for next in open(path, &options)? {
        let (number, call) = next?;
        if line.is_some_and(|line| line != number) {
            continue;
        }
        match call {
            Ok(call) => {
                let own = call_id(path, number, &call);
                if id.is_none_or(|id| own.as_str() == id) {
                    return Ok((own, call));
                }
            }
            Err(error) if line.is_some() || id.is_none() => {
                return Err(anyhow::Error::from(error).context(format!("{}:{number}", path.display())));
            }
            Err(_) => {}
        }
    }
    let wanted = match (id, line) {
        (Some(id), _) => format!("call `{id}`"),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => "call".to_owned(),
    };
    Err(UsageError(format!("there is no {wanted} in `{}`", path.display())).into())
}
