"""The programs that are compared: how each is run on calls, and how what it heard is read back."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass
class Setup:
    """What scripts/peers.sh has prepared."""

    diting: Path
    # Everything that is made here goes below this folder.
    work: Path

    def model(self, name):
        """Where diting keeps a model."""
        told = subprocess.run([self.diting, "models", "path", name], check=True, capture_output=True, text=True)
        return told.stdout.strip()

    def converted(self, name):
        """The same weights for faster-whisper; converted when they are not there yet or the cache has newer ones."""
        folder = self.work / "models" / name
        source = Path(self.model(f"{name}-f16"))
        stamp = folder / "source.json"
        wanted = json.dumps([str(source), source.stat().st_mtime_ns, (HERE / "convert.py").stat().st_mtime_ns])
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, HERE / "convert.py", source, folder], check=True)
            stamp.write_text(wanted)
        return folder


@dataclass
class Contender:
    name: str
    # (setup, model, threads, calls, out): the command; it writes into `out`, or its standard output goes there.
    command: Callable
    # Reads `out` as {"calls": [{"name", "channels": [{"channel", "text"}]}]}.
    heard: Callable


def read_reports(out):
    """The reports that `diting analyze --format json` prints, one a line."""
    return [json.loads(line) for line in Path(out).read_text("utf-8").splitlines()]


def heard_by_diting(out):
    calls = []
    for report in read_reports(out):
        channels = defaultdict(str)
        for turn in report["transcript"]["turns"]:
            channels[turn["channel"]] += turn["text"]
        calls.append({"name": report["call"]["callId"],
                      "channels": [{"channel": channel, "text": text} for channel, text in channels.items()]})
    return {"calls": calls}


def diting(setup, model, threads, calls, out):
    # As many recognisers of one thread as there are threads: what `--threads` means.
    return [setup.diting, "analyze", "--model", model, "--threads", threads, "--format", "json", *calls]


def greedy_diting(setup, model, threads, calls, out):
    """Likeliest word by likeliest word, as the peer decodes."""
    config = setup.work / "greedy.toml"
    config.write_text("[speech]\nbeam_size = 1\n", "utf-8")
    return [*diting(setup, model, threads, calls, out), "--config", config]


def faster_whisper(*options):
    def command(setup, model, threads, calls, out):
        return [sys.executable, HERE / "transcribe.py", "--model", setup.converted(model), "--threads", threads,
                "--out", f"{out}.heard", *options, *calls]
    return command


def one_thread_each(setup, model, threads, calls, out):
    """Both channels at the same time, a thread each."""
    return faster_whisper("--workers", threads)(setup, model, 1, calls, out)


def whisper_cpp(setup, model, threads, calls, out):
    return [sys.executable, HERE / "transcribe_cpp.py", "--model", setup.model(model), "--vad", setup.model("vad"),
            "--threads", threads, "--out", f"{out}.heard", *calls]


def heard_by_peer(out):
    return json.loads(Path(f"{out}.heard").read_text("utf-8"))


CONTENDERS = [
    Contender("diting", diting, heard_by_diting),
    Contender("faster-whisper", faster_whisper(), heard_by_peer),
]
# Other ways to run them, for who doubts that the above is their best.
EXTRAS = [
    Contender("diting, greedy", greedy_diting, heard_by_diting),
    Contender("faster-whisper, with word times", faster_whisper("--words"), heard_by_peer),
    Contender("faster-whisper, beam 5", faster_whisper("--beam", 5), heard_by_peer),
    Contender("faster-whisper, not batched", faster_whisper("--batch", 0), heard_by_peer),
    Contender("faster-whisper, a thread per channel", one_thread_each, heard_by_peer),
    Contender("whisper.cpp, beam 5", whisper_cpp, heard_by_peer),
]
