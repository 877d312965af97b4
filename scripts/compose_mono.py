#!/usr/bin/env python3
"""Composes mono telephone calls of two people (or one) from labelled utterances, with the truth of who speaks when.

    compose_mono.py OUT --data FOLDER [--speakers A,B,...] [--with AGENT] [--voices 0.86,1.14] [--alone] ...

FOLDER/manifest.tsv has the columns path, set, speaker, transcript. Every pair of the speakers becomes one call, or with
--with every speaker together with that one, or with --alone every speaker alone. --voices makes further speakers of each
by resampling, which moves pitch and formants together, as another vocal tract would. The same arguments give the same bytes.

OUT/NAME.mono.wav is 8 kHz A-law; OUT/NAME.truth.json lists utterances with channel (who), start, end, text. Silence at the
ends of utterances is cut, so that the truth is speech. Text of an utterance that was cut is cut in proportion.

Needs numpy and soundfile.
"""

import argparse
import csv
import itertools
import json
import pathlib
import random
import struct
import zlib

import numpy as np
import soundfile as sf

RATE = 8000


def resample(samples, ratio):
    """`samples` at `ratio` times as many samples, band-limited by a windowed sinc."""
    length = int(len(samples) * ratio)
    cut = min(1.0, ratio)
    half = 24
    at = np.arange(length) / ratio
    base = np.floor(at).astype(int)
    out = np.zeros(length)
    padded = np.pad(samples, (half * 2, half * 2 + 2))
    span = int(half / cut) if cut < 1 else half
    span = min(span, half * 2 - 1)
    for k in range(-span, span + 1):
        x = (at - base) - k
        weight = cut * np.sinc(cut * x) * (0.5 + 0.5 * np.cos(np.pi * np.clip(x / (span + 1), -1, 1)))
        out += weight * padded[base + k + half * 2]
    return out


def trimmed(samples):
    """Without silence at both ends."""
    frame = RATE // 100
    count = len(samples) // frame
    power = (samples[: count * frame].reshape(count, frame) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** -3.5)
    return samples[loud[0] * frame : (loud[-1] + 1) * frame]


def quietest(samples, around):
    """The quietest place within 150 ms of `around`: where an utterance may be cut."""
    frame = RATE // 50
    low, high = max(frame, around - RATE * 3 // 20), min(len(samples) - frame, around + RATE * 3 // 20)
    places = range(low, max(high, low + 1), frame // 2)
    return min(places, key=lambda at: float((samples[at - frame // 2 : at + frame // 2] ** 2).sum()))


def load(path, voice):
    samples, rate = sf.read(path, dtype="float64")
    if samples.ndim > 1:
        samples = samples[:, 0]
    samples = trimmed(resample(samples, RATE / rate / voice))
    return samples / max(1e-9, np.sqrt((samples**2).mean())) * 0.06


class Speaker:
    """Utterances of one speaker, in shuffled order, none used twice."""

    def __init__(self, rows, voice, chance, joined):
        self.pool = []
        rows = list(rows)
        chance.shuffle(rows)
        for group in [rows[i : i + joined] for i in range(0, len(rows), joined)]:
            parts = [load(path, voice) for path, _ in group]
            gap = np.zeros(RATE // 20)
            samples = np.concatenate([p for part in parts for p in (part, gap)][:-1])
            self.pool.append((samples, "".join(text for _, text in group)))
        self.chance = chance

    def next(self, seconds):
        """The next utterance, cut to about `seconds` when given; the rest stays."""
        if not self.pool:
            return None
        samples, text = self.pool.pop(0)
        if seconds is None or len(samples) < seconds * RATE * 1.6:
            return samples, text
        cut = quietest(samples, int(seconds * RATE))
        chars = max(1, round(len(text) * cut / len(samples)))
        rest = trimmed(samples[cut:]), text[chars:]
        if len(rest[0]) > RATE * 0.3 and rest[1]:
            self.pool.insert(0, rest)
        return trimmed(samples[:cut]), text[:chars]


def compose(speakers, seconds, chance, short):
    """Places turns until somebody has nothing left to say, or `seconds` are full."""
    placed, at, who = [], 0.6, 0
    gains = [1.0, 10 ** (chance.uniform(-8, 3) / 20)]
    ends = [0.0, 0.0]
    while at < seconds:
        chimes_in = len(speakers) > 1 and chance.random() < (0.25 if short else 0.15)
        for _ in range(1 if chimes_in else chance.choice([1, 1, 1, 2, 2, 3])):
            brief = (who == 1 and short) or chimes_in
            piece = speakers[who].next(chance.uniform(0.4, 1.0) if brief else chance.choice([None, None, 2.0]))
            if piece is None:
                return placed
            samples, text = piece
            start = max(at, ends[who] + 0.15)
            placed.append((who, start, samples * gains[who], text))
            ends[who] = start + len(samples) / RATE
            at = ends[who] + chance.uniform(0.2, 0.6)
        changes = len(speakers) > 1
        who = 1 - who if changes else 0
        at = max(ends) + (chance.choice([-0.4, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 1.5, 3.0]) if changes else chance.uniform(0.3, 2.0))
    return placed


def alaw(samples):
    """G.711 A-law bytes."""
    pcm = np.clip(np.round(samples * 32767), -32768, 32767).astype(int)
    sign = np.where(pcm >= 0, 0xD5, 0x55)
    magnitude = np.minimum(np.where(pcm >= 0, pcm, -pcm - 1), 32635) >> 3
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 4, 0)
    mantissa = np.where(exponent > 0, magnitude >> np.maximum(exponent, 1), magnitude >> 1) & 0x0F
    exponent = np.where(magnitude >= 32, exponent, 0)
    return ((exponent << 4 | mantissa) ^ sign).astype(np.uint8).tobytes()


def write(folder, name, placed, chance):
    placed.sort(key=lambda one: one[1])
    length = int((max(start + len(s) / RATE for _, start, s, _ in placed) + 0.8) * RATE)
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(length)
    mix = noise * 10 ** (chance.uniform(-62, -50) / 20)
    utterances = []
    for who, start, samples, text in placed:
        first = int(start * RATE)
        mix[first : first + len(samples)] += samples
        span = {"start": round(first / RATE, 3), "end": round((first + len(samples)) / RATE, 3)}
        utterances.append({"channel": who, **span, "text": text})
    data = alaw(mix)
    head = struct.pack("<4sI4s4sIHHIIHHH", b"RIFF", 50 + len(data), b"WAVE", b"fmt ", 18, 6, 1, RATE, RATE, 1, 8, 0)
    head += struct.pack("<4sII", b"fact", 4, len(data)) + struct.pack("<4sI", b"data", len(data))
    (folder / f"{name}.mono.wav").write_bytes(head + data)
    truth = {"name": name, "seconds": round(length / RATE, 2), "utterances": utterances}
    (folder / f"{name}.truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=0) + "\n")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--data", type=pathlib.Path, required=True)
    args.add_argument("--speakers", default="", help="comma-separated; all of the manifest when left out")
    args.add_argument("--with", dest="agent", default="", help="pairs every speaker with this one, who is first")
    args.add_argument("--voices", default="1", help="factors on pitch and formants, comma-separated")
    args.add_argument("--alone", action="store_true", help="one speaker a call")
    args.add_argument("--joined", type=int, default=1, help="recordings that make an utterance")
    args.add_argument("--seconds", type=float, default=150)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()

    rows = {}
    with open(args.data / "manifest.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            rows.setdefault(row["speaker"], []).append((args.data / row["path"], row["transcript"]))
    chosen = args.speakers.split(",") if args.speakers else sorted(rows)
    everybody = [(speaker, float(voice)) for speaker in chosen for voice in args.voices.split(",")]
    if args.alone:
        casts = [(one,) for one in everybody]
    elif args.agent:
        casts = [((args.agent, 1.0), one) for one in everybody if one[0] != args.agent]
    else:
        casts = list(itertools.combinations(everybody, 2))

    args.out.mkdir(parents=True, exist_ok=True)
    for cast in casts:
        name = "+".join(speaker if voice == 1.0 else f"{speaker}x{voice:g}" for speaker, voice in cast)
        chance = random.Random(zlib.crc32(name.encode()) + args.seed)
        speakers = []
        for index, (speaker, voice) in enumerate(cast):
            mine = rows[speaker]
            # Two voices of one speaker never say the same utterance.
            if len(cast) == 2 and cast[0][0] == cast[1][0]:
                mine = mine[index::2]
            speakers.append(Speaker(mine, voice, chance, args.joined))
        write(args.out, name, compose(speakers, args.seconds, chance, bool(args.agent)), chance)


if __name__ == "__main__":
    main()
