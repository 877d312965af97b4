#!/usr/bin/env bash
# Builds the `diting` binary and says how far it is: whisper.cpp alone takes minutes the first time.
. "$(dirname "$0")/lib.sh"

[ -x target/debug/diting ] || echo "building diting; the first build takes about ten minutes on two cores"
cargo build --locked
