//! Reads files of calls that are written down as text, one a line, without holding more than one of them.
//!
//! A line that cannot be taken is told with its number; the others go on.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::exit::UsageError;
use crate::analysis::parse_role;
use crate::proto::{TextCall, TextCallError, parse_text_call};
use crate::types::{CallId, SpeakerRole};

/// Longest line: an hour of dialogue with the time of every word takes about a megabyte.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Whether `path` is a file of calls rather than a recording.
pub(super) fn is_text_calls(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson")
}

/// Names of roles in such files, as typed: `left=agent`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct RoleArgs {
    /// What a role is called in calls as text, for example left=agent; may be repeated
    #[arg(long = "role", value_name = "NAME=ROLE", value_parser = parse_role_name)]
    pub(super) roles: Vec<(String, SpeakerRole)>,
}

fn parse_role_name(text: &str) -> Result<(String, SpeakerRole), String> {
    let wrong = || format!("`{text}` does not read like left=agent, usr=customer or sys=bot");
    let (name, role) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), parse_role(role).ok_or_else(wrong)?))
}

/// The calls of a file with the numbers of their lines, from 1.
pub(super) struct TextCalls<'a> {
    source: BufReader<Box<dyn Read>>,
    roles: &'a RoleArgs,
    line: usize,
}

impl std::fmt::Debug for TextCalls<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextCalls").field("line", &self.line).finish_non_exhaustive()
    }
}

impl<'a> TextCalls<'a> {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path, roles: &'a RoleArgs) -> std::io::Result<Self> {
        let source: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin())
        } else {
            Box::new(fs_err::File::open(path)?)
        };
        Ok(Self { source: BufReader::new(source), roles, line: 0 })
    }

    /// The next line without its end; `None` at the end of the file.
    fn next_line(&mut self) -> std::io::Result<Option<Result<String, TextCallError>>> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read as u64 == MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
            self.source.skip_until(b'\n')?;
            let problem = format!("the line has more than {MAX_LINE_BYTES} bytes");
            return Ok(Some(Err(TextCallError { problem })));
        }
        let text = String::from_utf8(bytes);
        Ok(Some(text.map_err(|_| TextCallError { problem: "the line is not UTF-8".to_owned() })))
    }
}

impl Iterator for TextCalls<'_> {
    /// Number of the line, and its call.
    type Item = std::io::Result<(usize, Result<TextCall, TextCallError>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.next_line() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            let call = match line {
                Ok(text) if text.trim().is_empty() => continue,
                // A byte order mark is what some editors put first.
                Ok(text) => parse_text_call(text.trim_start_matches('\u{feff}').trim(), &self.roles.roles),
                Err(error) => Err(error),
            };
            return Some(Ok((self.line, call)));
        }
    }
}

/// The id of a call: its own, or made of its file and line.
pub(super) fn call_id(path: &Path, line: usize, call: &TextCall) -> CallId {
    let given = call.id.as_ref().and_then(|id| CallId::try_new(id.clone()).ok());
    given.unwrap_or_else(|| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let own = call.id.as_deref().unwrap_or(&stem);
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-:@".contains(c) { c } else { '_' };
        let name: String = own.chars().map(allowed).take(100).collect();
        let id = CallId::try_new(format!(
            "{}:{line}",
            name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        ));
        id.or_else(|_| CallId::try_new(format!("line:{line}")))
            .expect("letters, a colon and digits make an id")
    })
}

/// The one call of a file that `id` or `line` names; without both the only one or the first.
pub(super) fn one_call(
    path: &Path,
    roles: &RoleArgs,
    id: Option<&str>,
    line: Option<usize>,
) -> anyhow::Result<(CallId, TextCall)> {
    for next in TextCalls::open(path, roles)? {
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
