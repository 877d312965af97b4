#!/usr/bin/env bash
# Builds the fuzz targets with the stable toolchain; fuzz/README.md says how to let them run.
. "$(dirname "$0")/lib.sh"

cargo build --locked --package diting-fuzz
