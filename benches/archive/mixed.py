#!/usr/bin/env python3
"""An archive of mixed files, made of the sample calls: every format that diting reads, whole, truncated and corrupt.

    benches/archive/mixed.py SAMPLES FOLDER [--count 500]

Needs ffmpeg, and sox with all its formats. The same arguments give the same names and kinds; bytes follow the encoders' versions.
"""

import argparse
import json
import pathlib
import random
import subprocess

# Seconds of speech in one file, and of how many different pieces the sample calls are cut into.
PIECE_SECONDS = 4
NUM_PIECES = 25

# Extension and the encoder's arguments, mono at 8 kHz unless they say otherwise.
FFMPEG = {
    "pcm16.wav": ["-c:a", "pcm_s16le"],
    "pcm8.wav": ["-c:a", "pcm_u8"],
    "alaw.wav": ["-c:a", "pcm_alaw"],
    "ulaw.wav": ["-c:a", "pcm_mulaw"],
    "ima.wav": ["-c:a", "adpcm_ima_wav"],
    "ms.wav": ["-c:a", "adpcm_ms"],
    "g726.wav": ["-c:a", "g726", "-b:a", "32k"],
    "wav49.wav": ["-c:a", "libgsm_ms"],
    "mp3in.wav": ["-c:a", "libmp3lame", "-ar", "16000", "-f", "wav"],
    "rf64.wav": ["-c:a", "pcm_s16le", "-rf64", "always"],
    "sony.w64": ["-c:a", "pcm_s16le"],
    "layer3.mp3": ["-c:a", "libmp3lame", "-ar", "16000"],
    "lc.m4a": ["-c:a", "aac", "-ar", "16000"],
    "lc.aac": ["-c:a", "aac", "-ar", "16000"],
    "voice.opus": ["-c:a", "libopus", "-ar", "16000"],
    "voice.webm": ["-c:a", "libopus", "-ar", "16000"],
    "voice.mka": ["-c:a", "libopus", "-ar", "16000"],
    "vorbis.ogg": ["-c:a", "libvorbis", "-ar", "16000"],
    "lossless.flac": ["-c:a", "flac"],
    "big.aiff": ["-c:a", "pcm_s16be"],
    "core.caf": ["-c:a", "pcm_s16be"],
    "wide.g722": ["-c:a", "g722", "-ar", "16000"],
    "raw.ul": ["-c:a", "pcm_mulaw", "-f", "mulaw"],
    "raw.al": ["-c:a", "pcm_alaw", "-f", "alaw"],
    "raw.sln": ["-c:a", "pcm_s16le", "-f", "s16le"],
    "raw.gsm": ["-c:a", "libgsm", "-f", "gsm"],
}
SOX = {"dialogic.vox": ["-t", "vox"], "nb.amr": ["-t", "amr-nb"]}
VIDEO = {
    "room.mp4": ["-c:v", "mpeg4", "-c:a", "aac", "-ar", "16000"],
    "room.mkv": ["-c:v", "mpeg4", "-c:a", "libopus", "-ar", "16000"],
}
KINDS = ["good"] * 8 + ["truncated", "corrupt"]
CHAT_EVERY = 50


def run(*args):
    subprocess.run([str(arg) for arg in args], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def pieces(samples, scratch):
    """Short pieces of the sample calls, mono at 8 kHz."""
    calls = sorted(path for path in samples.iterdir() if path.suffix in {".wav", ".opus", ".mp3", ".flac", ".m4a"})
    made = []
    for index in range(NUM_PIECES):
        path = scratch / f"piece-{index}.wav"
        source = calls[index % len(calls)]
        start = 3 + PIECE_SECONDS * (index // len(calls))
        run("ffmpeg", "-y", "-v", "error", "-ss", start, "-t", PIECE_SECONDS, "-i", source, "-ac", 1, "-ar", 8000, path)
        made.append(path)
    return made


def encode(piece, kind, path):
    head = ["ffmpeg", "-y", "-v", "error"]
    if kind in SOX:
        run("sox", piece, *SOX[kind], path)
    elif kind in VIDEO:
        video = ["-f", "lavfi", "-i", f"testsrc=size=160x120:rate=5:duration={PIECE_SECONDS}"]
        run(*head, "-i", piece, *video, "-shortest", "-strict", "-2", *VIDEO[kind], path)
    else:
        run(*head, "-i", piece, "-ac", 1, *FFMPEG[kind], path)


def chat(number, path):
    said = [("agent", "您好，请问有什么可以帮您？"), ("customer", f"我要投诉，第{number}次了"), ("agent", "这个产品保本保息，请放心。")]
    line = {
        "id": f"chat-{number:03}",
        "metadata": {"media": "MEDIA_CHAT", "agentId": "8021"},
        "turns": [{"role": role, "text": text} for role, text in said],
    }
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    draw = random.Random(5)
    options.folder.mkdir(parents=True)
    scratch = options.folder.with_name(options.folder.name + ".scratch")
    scratch.mkdir()
    made = pieces(options.samples, scratch)
    formats = [*FFMPEG, *SOX, *VIDEO]
    cache = {}
    for number in range(options.count):
        if number % CHAT_EVERY == CHAT_EVERY - 1:
            chat(number, options.folder / f"chat-{number:03}.jsonl")
            continue
        form = formats[number % len(formats)]
        piece = number // len(formats) % len(made)
        kind = KINDS[(number // len(formats) + number) % len(KINDS)]
        if (form, piece) not in cache:
            path = scratch / f"{piece}.{form}"
            encode(made[piece], form, path)
            cache[form, piece] = path.read_bytes()
        data = bytearray(cache[form, piece])
        # A byte of its own behind the end would change some formats; a call is told apart by its id anyway.
        if kind == "truncated":
            del data[int(len(data) * draw.uniform(0.05, 0.9)) :]
        elif kind == "corrupt":
            for _ in range(max(8, len(data) // 200)):
                data[draw.randrange(len(data))] = draw.randrange(256)
        stem, extension = form.split(".")
        name = f"20261101_{8000 + number % 7}_{number:03}-{stem}-{kind}.{extension}"
        (options.folder / name).write_bytes(bytes(data))
    for path in scratch.iterdir():
        path.unlink()
    scratch.rmdir()
    print(f"{len(list(options.folder.iterdir()))} files in {options.folder}")


if __name__ == "__main__":
    main()
