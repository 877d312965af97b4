//! Progress bars, drawn on standard error and only when it is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `length` bytes.
pub(super) fn bytes(length: u64, name: &str) -> ProgressBar {
    bar(length, name, "{msg:24!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
}

/// A bar over milliseconds of audio; its length may be set later.
pub(super) fn audio(name: &str) -> ProgressBar {
    let bar = bar(0, name, "{msg:24!} {prefix:12} {wide_bar} {percent:>3} % {elapsed}");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A bar over calls; its length may be set later, its prefix says the rest.
pub(super) fn calls(name: &str) -> ProgressBar {
    let bar = bar(0, name, "{msg:32!} {wide_bar} {pos}/{len}{prefix}");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A line that shows that something is going on.
pub(super) fn spinner(message: &str) -> ProgressBar {
    let spinner = bar(0, message, "{spinner} {msg}");
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

fn bar(length: u64, name: &str, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    // A template that does not parse leaves the default style: a bar all the same.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}
