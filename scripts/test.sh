#!/usr/bin/env bash
# Runs every test, with cargo-nextest where it is installed.
. "$(dirname "$0")/lib.sh"

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
    cargo test --locked --doc
else
    cargo test --locked --workspace --no-fail-fast
fi
