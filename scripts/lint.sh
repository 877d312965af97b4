#!/usr/bin/env bash
# Checks formatting, lints and documentation; every warning is an error.
. "$(dirname "$0")/lib.sh"

heading "formatting"
cargo fmt --all --check

heading "lints"
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

heading "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet

# Optional tools: their configuration is in the repository, installing them takes longer than it saves here.
if have buf; then
    heading "proto files"
    buf lint
fi
if have cargo-deny; then
    heading "dependencies"
    cargo deny --locked check
fi
