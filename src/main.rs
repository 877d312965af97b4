//! The `diting` command.

fn main() {}
