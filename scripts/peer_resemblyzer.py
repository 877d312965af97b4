#!/usr/bin/env python3
"""Speakers by Resemblyzer, as a peer: its embeddings, two clusters, one RTTM per recording.

    peer_resemblyzer.py OUT RECORDING…

The wheel of Resemblyzer carries its weights. Speech is found by webrtcvad, which Resemblyzer itself uses; embeddings of
1.6 s, eight a second, as its diarization demo takes them; two clusters by k-means of unit vectors; a frame of speech goes to
the cluster of the embeddings around it. Prints processor seconds.

Needs resemblyzer, torch, scikit-learn, soundfile, scipy and webrtcvad.
"""

import pathlib
import sys
import time

import numpy as np
import soundfile as sf
import torch
import webrtcvad
from resemblyzer import VoiceEncoder
from scipy.signal import resample_poly
from sklearn.cluster import KMeans

RATE = 16000
FRAME = RATE * 30 // 1000


def speech(samples):
    """Which frames of 30 ms are speech: webrtcvad, smoothed over 8 frames, as in Resemblyzer's own trimming."""
    vad = webrtcvad.Vad(3)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    count = len(pcm) // FRAME
    flags = [vad.is_speech(pcm[i * FRAME : (i + 1) * FRAME].tobytes(), RATE) for i in range(count)]
    smooth = np.convolve(np.array(flags, dtype=float), np.ones(8) / 8, mode="same") >= 0.5
    return np.convolve(smooth, np.ones(7), mode="same") > 0


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    encoder = VoiceEncoder("cpu", verbose=False)
    seconds, cpu = 0.0, time.process_time()
    for path in map(pathlib.Path, sys.argv[2:]):
        samples, rate = sf.read(path, dtype="float32")
        samples = resample_poly(samples if samples.ndim == 1 else samples[:, 0], RATE, rate).astype("float32")
        samples *= 10 ** (-30 / 20) / max(1e-6, np.sqrt((samples**2).mean()))
        seconds += len(samples) / RATE
        active = speech(samples)
        _, partials, slices = encoder.embed_utterance(samples, return_partials=True, rate=8)
        centres = np.array([(s.start + s.stop) / 2 for s in slices])
        share = [active[int(s.start / FRAME) : max(int(s.stop / FRAME), 1)].mean() for s in slices]
        used = np.flatnonzero(np.array(share) > 0.5)
        if len(used) < 2:
            used = np.arange(len(slices))
        labels = KMeans(2, n_init=10, random_state=0).fit_predict(partials[used])
        means = np.stack([partials[used][labels == k].mean(axis=0) for k in (0, 1)])
        lean = partials @ (means[0] - means[1]) / np.linalg.norm(means[0] - means[1])
        lean -= (lean[used][labels == 0].mean() + lean[used][labels == 1].mean()) / 2
        name = path.name.removesuffix(".wav").removesuffix(".mono")
        lines, open_one = [], None
        for frame, on in enumerate(active):
            who = None
            if on:
                at = (frame + 0.5) * FRAME
                near = np.abs(centres - at) <= 0.4 * RATE
                near = near if near.any() else np.abs(centres - at) == np.abs(centres - at).min()
                who = int(lean[near].mean() < 0)
            if open_one and open_one[0] == who:
                open_one[2] = frame + 1
            else:
                lines += [open_one] if open_one and open_one[0] is not None else []
                open_one = [who, frame, frame + 1]
        lines += [open_one] if open_one and open_one[0] is not None else []
        text = "".join(
            f"SPEAKER {name} 1 {a * 0.03:.3f} {(b - a) * 0.03:.3f} <NA> <NA> s{who} <NA> <NA>\n" for who, a, b in lines
        )
        (out / f"{name}.rttm").write_text(text)
    cpu = time.process_time() - cpu
    print(f"{seconds:.0f} s of audio, {cpu:.1f} CPU s, {cpu / seconds * 3600:.0f} CPU s per hour")


if __name__ == "__main__":
    main()
