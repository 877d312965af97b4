#!/usr/bin/env bash
# Speaks the scripts in samples/scripts and writes the recordings in samples/calls.
#
# A script is a table (tab-separated): channel, pause in milliseconds after the line before (negative: the speakers
# overlap), what the voice reads (pinyin with tone digits), what is said (Chinese). Needs espeak-ng and ffmpeg; the
# same versions of both give the same bytes.
set -euo pipefail
cd "$(dirname "$0")"

readonly RATE=8000
readonly BYTES_PER_MS=$((RATE * 2 / 1000))

for tool in espeak-ng ffmpeg; do
    command -v "$tool" >/dev/null || { echo "samples/make.sh needs $tool: install it with your package manager" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# speak CHANNEL PINYIN: 8 kHz 16-bit samples on standard output.
speak() {
    local voice=(-v cmn-latn-pinyin -p 65 -s 150)
    [ "$1" = 0 ] || voice=(-v cmn-latn-pinyin+f5 -s 150)
    espeak-ng "${voice[@]}" --stdout "$2" |
        ffmpeg -nostdin -v error -f wav -i - -ar "$RATE" -ac 1 -f s16le -bitexact -
}

# compose SCRIPT: $work/0.raw and $work/1.raw, one speaker each, equally long.
compose() {
    local channel pause pinyin chinese start end=0
    : >"$work/0.raw"
    : >"$work/1.raw"
    while IFS=$'\t' read -r channel pause pinyin chinese; do
        case "$channel" in '' | '#'*) continue ;; esac
        start=$((end + pause * BYTES_PER_MS))
        # Never back into the same speaker's own words.
        [ "$start" -ge "$(stat -c %s "$work/$channel.raw")" ] || start=$(stat -c %s "$work/$channel.raw")
        truncate -s "$start" "$work/$channel.raw"
        speak "$channel" "$pinyin" >>"$work/$channel.raw"
        end=$(stat -c %s "$work/$channel.raw")
    done <"$1"
    end=$((end + 500 * BYTES_PER_MS))
    truncate -s "$end" "$work/0.raw" "$work/1.raw"
}

# encode OUT CODEC-ARGUMENTS…: both speakers as stereo.
encode() {
    local out=$1
    shift
    ffmpeg -nostdin -v error -y \
        -f s16le -ar "$RATE" -ac 1 -i "$work/0.raw" -f s16le -ar "$RATE" -ac 1 -i "$work/1.raw" \
        -filter_complex '[0:a][1:a]join=inputs=2:channel_layout=stereo' \
        -map_metadata -1 -fflags +bitexact -flags +bitexact "$@" "$out"
}

mkdir -p calls
compose scripts/mis-selling.tsv
encode calls/mis-selling.wav -c:a pcm_alaw
compose scripts/wealth-sale.tsv
encode calls/wealth-sale.wav -c:a pcm_alaw
compose scripts/card-loss.tsv
encode calls/card-loss.mp3 -c:a libmp3lame -b:a 32k
compose scripts/fraud-warning.tsv
encode calls/fraud-warning.opus -c:a libopus -b:a 24k -application voip

ls -l calls
