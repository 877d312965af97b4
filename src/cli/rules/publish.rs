//! `diting rules publish`: freezes a version of a scheme.
//!
//! The file that it writes is loaded with the pack; from then on the same version with other content is refused.

use std::path::PathBuf;

use super::super::output::emit;
use super::{Exit, with_rules};

/// What was typed after `diting rules publish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Pack files (.toml) or folders of them; loaded together as one set
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The file that keeps published versions; made when it is not there, and best kept beside the pack
    #[arg(long, value_name = "FILE.toml")]
    into: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let mut paths = args.paths.clone();
    let known = if args.into.exists() { fs_err::read_to_string(&args.into)? } else { String::new() };
    // In a folder that is loaded as a whole it is read already.
    let inside = args.paths.iter().any(|path| path.is_dir() && args.into.parent() == Some(path));
    if !known.is_empty() && !inside && !paths.contains(&args.into) {
        paths.push(args.into.clone());
    }
    with_rules(&paths, |rules| {
        let (scheme, digest) = (rules.scheme(), rules.digest());
        let revision = rules.revision();
        if known.contains(&format!("digest = \"{digest}\"")) {
            emit(&format!("ok: scheme {} revision {revision} was published before", scheme.name))?;
            return Ok(Exit::Success);
        }
        let mut text = if known.is_empty() {
            "# Published versions: their content never changes again. Written by `diting rules publish`.\nversion = 2\n"
                .to_owned()
        } else {
            known
        };
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        text.push_str(&format!(
            "\n[[published]]\nscheme = {}\nversion = {}\ndigest = \"{digest}\"\n",
            quoted(&scheme.name),
            quoted(&scheme.version)
        ));
        fs_err::write(&args.into, text)?;
        emit(&format!(
            "ok: published scheme {} revision {revision} in {}",
            scheme.name,
            args.into.display()
        ))?;
        Ok(Exit::Success)
    })
}
