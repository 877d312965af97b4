#!/usr/bin/env bash
# Measures recognition on labelled recordings: scripts/eval.sh DITING FOLDER [LIMIT]
#
# FOLDER holds speech/manifest.tsv (path, set, speaker, transcript) or calls/NAME.wav beside NAME.truth.json, or both.
# MODELS (default: base small) names the models; LIMIT bounds the sentences of each run.
. "$(dirname "$0")/lib.sh"

diting=$1
data=$2
limit=(${3:+--limit "$3"})
read -ra models <<<"${MODELS:-base small}"

[ -n "$data" ] || fail "name a folder with labelled recordings: make eval DATA=FOLDER"
scripts/models.sh "$diting" "${models[@]}" vad
names=()
for model in "${models[@]}"; do names+=(--model "$model"); done

if [ -f "$data/speech/manifest.tsv" ]; then
    for through in clean alaw8k; do
        heading "sentences, $through"
        "$diting" eval speech --data "$data/speech" --through "$through" "${names[@]}" "${limit[@]}"
    done
fi
if [ -d "$data/calls" ]; then
    heading "calls"
    "$diting" eval calls --data "$data/calls" "${names[@]}"
fi
heading "sounds without words"
"$diting" eval silence "${names[@]}"
