"""Recognises calls with whisper.cpp and writes what it heard, channel by channel. One process, one loaded model.

    transcribe_cpp.py --model FILE --vad FILE --threads COUNT --out FILE.json CALL...

Set up as its own command line is unless told otherwise: a beam of 5, time stamps, decoding again when in doubt, windows
of 30 s; with its voice-activity filter.
"""

import argparse
import json
from pathlib import Path

import av
import numpy as np
from pywhispercpp.model import Model

# What diting says too.
LANGUAGE = "zh"
PROMPT = "以下是普通话的句子。"
RATE_HZ = 16000
# Numbers of whisper.cpp: the strategy of beams, and how many.
BEAM_SEARCH, BEAM_SIZE = 1, 5


def channels(call):
    """The channels of a recording, each at 16 kHz."""
    with av.open(call) as container:
        layout = container.streams.audio[0].layout.name
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE_HZ)
        frames = [*container.decode(audio=0), None]
        pieces = [piece.to_ndarray() for frame in frames for piece in resampler.resample(frame)]
    return [np.ascontiguousarray(channel) for channel in np.concatenate(pieces, axis=1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--vad", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("calls", nargs="+")
    args = parser.parse_args()

    model = Model(args.model, params_sampling_strategy=BEAM_SEARCH, beam_search={"beam_size": BEAM_SIZE, "patience": -1.0},
                  n_threads=args.threads, language=LANGUAGE, initial_prompt=PROMPT, vad=True, vad_model_path=args.vad,
                  print_progress=False, redirect_whispercpp_logs_to=None)
    heard = [{"name": Path(call).stem,
              "channels": [{"channel": index, "text": "".join(segment.text for segment in model.transcribe(audio))}
                           for index, audio in enumerate(channels(call))]}
             for call in args.calls]
    Path(args.out).write_text(json.dumps({"calls": heard}, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
