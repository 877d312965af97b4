#!/usr/bin/env bash
# A month of a large call centre with a known truth: what is found of it, and how well.
#
#   scripts/month.sh [AGENTS]
. "$(dirname "$0")/lib.sh"

DITING_MONTH_AGENTS=${1:-2000} cargo test --release --locked --test it -- month:: --nocapture --test-threads=1
