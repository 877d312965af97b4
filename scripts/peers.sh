#!/usr/bin/env bash
# Compares diting with other recognisers: scripts/peers.sh SCRIPT FOLDER [OPTION…]
#
# SCRIPT is compare or curves of benches/peers, FOLDER holds labelled recordings as for `make eval`; options are the
# script's own. The peers go into an environment of their own under target/peers, where the results go too.
. "$(dirname "$0")/lib.sh"

script=$1
data=$2
shift 2
work=target/peers
python=$work/venv/bin/python
wanted=benches/peers/requirements.txt

[ -n "$data" ] || fail "name a folder with labelled recordings, for example: make bench-peers DATA=FOLDER"

if ! cmp -s "$wanted" "$work/venv/installed.txt"; then
    heading "peers, with pip into $work"
    # Where Python is packaged by Debian, its venv comes apart from it.
    python3 -m venv "$work/venv" >/dev/null 2>&1 || { apt_install python3-venv && python3 -m venv "$work/venv"; } ||
        fail "Python with venv is missing: install it with your package manager"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$work/venv/installed.txt"
fi

# The release profile, which nothing else here uses: a peer is not to be measured against code that is not optimised.
heading "diting, optimised"
cargo build --locked --release
diting=target/release/diting
# Each model as diting keeps it and in the form that is converted for the peers.
scripts/models.sh "$diting" base base-f16 small small-f16 vad

heading "measuring"
# -B: nothing is written beside the sources.
"$python" -B "benches/peers/$script.py" --diting "$diting" --data "$data" --work "$work" "$@"
