"""Recognises calls with faster-whisper and writes what it heard, channel by channel. One process, one loaded model.

    transcribe.py --model FOLDER --threads COUNT --out FILE.json CALL...

Set up as its makers advise for speed: batches of windows, int8, its own voice-activity filter; greedy, which is its cheapest.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.audio import decode_audio

# What diting says too.
LANGUAGE = "zh"
PROMPT = "以下是普通话的句子。"


def channels(call):
    """The channels of a recording, each at 16 kHz."""
    with av.open(call) as container:
        is_stereo = container.streams.audio[0].codec_context.channels == 2
    decoded = decode_audio(call, split_stereo=is_stereo)
    return list(decoded) if is_stereo else [decoded]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1, help="channels recognised at the same time")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8, help="windows in a batch; 0: one after the other")
    parser.add_argument("--words", action="store_true", help="times of words too, as diting gives them")
    parser.add_argument("--out", required=True)
    parser.add_argument("calls", nargs="+")
    args = parser.parse_args()

    model = WhisperModel(args.model, device="cpu", compute_type="int8",
                         cpu_threads=args.threads, num_workers=args.workers)
    options = {"language": LANGUAGE, "initial_prompt": PROMPT, "beam_size": args.beam, "vad_filter": True,
               "word_timestamps": args.words}
    if args.batch:
        recogniser = BatchedInferencePipeline(model)
        options["batch_size"] = args.batch
    else:
        recogniser = model
        # Its documentation advises so for the voice-activity filter: a bad window does not spoil the next.
        options["condition_on_previous_text"] = False

    def text(audio):
        segments, _ = recogniser.transcribe(audio, **options)
        return "".join(segment.text for segment in segments)

    heard = []
    with ThreadPoolExecutor(args.workers) as pool:
        for call in args.calls:
            texts = pool.map(text, channels(call))
            heard.append({"name": Path(call).stem,
                          "channels": [{"channel": index, "text": said} for index, said in enumerate(texts)]})
    Path(args.out).write_text(json.dumps({"calls": heard}, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
