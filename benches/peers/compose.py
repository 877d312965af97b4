"""Composes telephone calls from single utterances: two speakers, one per channel, 8 kHz A-law, pauses, some overlap.

    compose.py sets --data FOLDER --out FOLDER [--minutes COUNT]
    compose.py calls --data FOLDER --out FOLDER NAME:SECONDS:SHARE...
    compose.py silence --out FILE.wav

FOLDER of `--data` holds speech/manifest.tsv. `sets` makes calls of about five minutes of every set, each utterance said
once. `calls` makes calls of a given length in which somebody speaks for a given share of the time; utterances return as
often as it takes. `silence` is one second in which nobody speaks. Each call is NAME.wav beside NAME.truth.json. The same
arguments give the same bytes.
"""

import argparse
import csv
import itertools
import json
import random
import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

RATE_HZ = 8000
SEED = 20260301
CALL_SECONDS = 300
# How much of a call somebody speaks, where nothing else is asked for: the two labelled calls at hand have 0.85.
SHARE = 0.85
# One change of speaker in twelve is an interruption.
OVERLAPS = 1 / 12
# An idle telephone line is not digitally silent.
LINE_NOISE = 10 ** (-66 / 20) * 32768


@dataclass
class Utterance:
    speaker: str
    text: str
    samples: np.ndarray

    @property
    def seconds(self):
        return len(self.samples) / RATE_HZ


def read_audio(path):
    """A recording as 8 kHz mono, 16 bit."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces)


def read_sets(folder):
    """Utterances by set, as `diting eval speech` reads them."""
    sets = defaultdict(list)
    with open(folder / "manifest.tsv", encoding="utf-8", newline="") as manifest:
        for row in csv.reader(itertools.islice(manifest, 1, None), delimiter="\t", quoting=csv.QUOTE_NONE):
            if row:
                path, name, speaker, text = row[:4]
                sets[name].append(Utterance(speaker, text, read_audio(folder / path)))
    return sets


def trim(utterance):
    """Without the silence that the corpus has around it: only then does a share of speech mean what it says."""
    frame = RATE_HZ // 50
    energies = np.square(utterance.samples[:len(utterance.samples) // frame * frame].reshape(-1, frame).astype(np.float64))
    loud = np.flatnonzero(energies.mean(1) > energies.mean(1).max() * 10 ** (-35 / 10))
    margin = 4
    first, last = max(0, loud[0] - margin) * frame, (loud[-1] + 1 + margin) * frame
    return Utterance(utterance.speaker, utterance.text, utterance.samples[first:last])


def sides(utterances, rng):
    """Divides utterances between two channels so that nobody is on both: by speaker, evenly."""
    by_speaker = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.speaker].append(utterance)
    speakers = sorted(by_speaker)
    rng.shuffle(speakers)
    divided = [[], []]
    for speaker in speakers:
        divided[len(divided[0]) > len(divided[1])].extend(by_speaker[speaker])
    for side in divided:
        rng.shuffle(side)
    return divided


def place(queues, share, rng, seconds=None):
    """Says when each utterance is spoken: (channel, start, utterance) until all are said or the time is up."""
    ends, spoken, placed = [0.0, 0.0], 0.0, []
    channel = rng.randrange(2)
    while True:
        utterance = next(queues[channel], None)
        if utterance is None:
            channel ^= 1
            utterance = next(queues[channel], None)
        if utterance is None:
            break
        now = max(ends)
        # What has been spoken so far says how long to wait, so that the share holds at every length.
        due = spoken / share if placed else 0.8
        start = max(now + 0.1, now + (due - now) * rng.uniform(0.5, 1.5))
        if placed and placed[-1][0] != channel and rng.random() < OVERLAPS:
            start = now - rng.uniform(0.3, 1.2)
        start = max(start, ends[channel] + 0.1)
        if seconds is not None and start + utterance.seconds > seconds:
            break
        placed.append((channel, start, utterance))
        ends[channel] = start + utterance.seconds
        spoken += utterance.seconds
        # Three times in four the other one answers.
        channel ^= rng.random() < 0.75
    return placed


def alaw_codes():
    """The A-law code of every 16-bit value, shifted by 32,768: the one whose decoded value is nearest (ITU-T G.711)."""
    codes = np.arange(256) ^ 0x55
    segment, step = codes >> 4 & 7, codes & 15
    size = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0)) * 8
    levels = np.where(codes & 0x80, size, -size)
    order = np.argsort(levels)
    bounds = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(bounds, np.arange(-32768, 32768))].astype(np.uint8)


def write_wav(path, placed, seconds, rng):
    num_frames = round(seconds * RATE_HZ)
    noise = np.random.default_rng(rng.getrandbits(64)).normal(0, LINE_NOISE, (2, 10 * RATE_HZ)).astype(np.int16)
    mixed = np.stack([np.resize(line, num_frames) for line in noise])
    for channel, start, utterance in placed:
        at = round(start * RATE_HZ)
        # No utterance is so loud that faint noise makes it wrap around.
        said = np.clip(utterance.samples, -32000, 32000)[:num_frames - at]
        mixed[channel, at:at + len(said)] += said
    data = alaw_codes()[mixed.T.astype(np.int32) + 32768].tobytes()
    # Format 6 is A-law; the size of its extension (none) follows the usual fields.
    head = struct.pack("<HHIIHHH", 6, 2, RATE_HZ, 2 * RATE_HZ, 2, 8, 0)
    chunks = [b"WAVE", b"fmt ", struct.pack("<I", len(head)), head, b"data", struct.pack("<I", len(data)), data]
    body = b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def write_call(folder, name, placed, seconds, rng):
    write_wav(folder / f"{name}.wav", placed, seconds, rng)
    truth = {"name": name, "seconds": seconds, "utterances": [
        {"channel": channel, "start": round(start, 3), "end": round(start + utterance.seconds, 3), "text": utterance.text}
        for channel, start, utterance in placed]}
    (folder / f"{name}.truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1), "utf-8")


def write_sets(sets, out, minutes):
    """Calls of every set under OUT/SET, no more than `minutes` of each set."""
    for name, utterances in sets.items():
        rng = random.Random(f"{SEED} {name}")
        divided = sides(utterances, rng)
        per_side = int(CALL_SECONDS * SHARE / 2 / np.mean([utterance.seconds for utterance in utterances]))
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        written = 0.0
        for number in itertools.count(1):
            if not any(divided) or written >= minutes * 60:
                break
            queues = [iter(side[:per_side]) for side in divided]
            divided = [side[per_side:] for side in divided]
            placed = place(queues, SHARE, rng)
            seconds = max(start + utterance.seconds for _, start, utterance in placed) + 0.8
            write_call(folder, f"{name}-{number}", placed, seconds, rng)
            written += seconds


def write_wanted(sets, out, wanted):
    """Calls of given lengths, of the largest set: one sort of audio, so that only what is asked for varies."""
    largest = [trim(utterance) for utterance in max(sets.values(), key=len)]
    out.mkdir(parents=True, exist_ok=True)
    for name, seconds, share in wanted:
        rng = random.Random(f"{SEED} {name}")
        queues = [itertools.cycle(side) for side in sides(largest, rng)]
        write_call(out, name, place(queues, share, rng, seconds), seconds, rng)


def wanted(text):
    name, seconds, share = text.split(":")
    return name, float(seconds), float(share)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("sets", "calls"):
        one = commands.add_parser(command)
        one.add_argument("--data", type=Path, required=True)
        one.add_argument("--out", type=Path, required=True)
        if command == "sets":
            one.add_argument("--minutes", type=float, default=30)
        else:
            one.add_argument("wanted", nargs="+", type=wanted, metavar="NAME:SECONDS:SHARE")
    commands.add_parser("silence").add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.command == "silence":
        write_wav(args.out, [], 1, random.Random(SEED))
        return
    sets = read_sets(args.data / "speech")
    if args.command == "sets":
        write_sets(sets, args.out, args.minutes)
    else:
        write_wanted(sets, args.out, args.wanted)


if __name__ == "__main__":
    main()
