#!/usr/bin/env python3
"""Imports an archive twice, once undisturbed and once with a kill -9 at short intervals, and compares what is there.

    benches/archive/killed.py DITING ARCHIVE [--model base] [--every 20]

Ends with an error when the two differ in any call, finding, transcript, score, problem or number of the job.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

PATTERN = "{time:%Y%m%d}_{agent_id}_{call_id}"


class Server:
    """One `diting serve` over a data directory."""

    def __init__(self, options, data):
        self.options, self.data = options, data
        self.start()

    def start(self):
        ready = self.data.with_suffix(".ready")
        ready.unlink(missing_ok=True)
        self.log = open(self.data.with_suffix(".log"), "a", encoding="utf-8")
        # The same key for both, so that the same chat is sealed to the same bytes.
        environment = dict(os.environ, DITING__MASKING__KEY_FILE=str(self.data.parent / "masking.key"))
        self.process = subprocess.Popen(
            [self.options.diting, "serve", "--model", self.options.model, "--listen", "127.0.0.1:0"]
            + ["--data", str(self.data), "--ready-file", str(ready)],
            stderr=self.log,
            env=environment,
        )
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit(f"the server ended: see {self.log.name}")
            time.sleep(0.05)
        self.url = "http://" + ready.read_text(encoding="utf-8").strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, *args):
        command = [self.options.diting, *args, "--server", self.url, "--format", "json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode not in (0, 2):
            raise RuntimeError(f"{' '.join(args)}: {result.stderr}")
        return [json.loads(line) for line in result.stdout.splitlines()]


def imported(options, data, kill_every):
    """Runs the import to its end; gives the server, the job, how often it was killed and how long it took."""
    server, num_kills, begun = Server(options, data), 0, time.monotonic()
    arguments = ["batch", "import", str(options.archive), "--names", PATTERN, "--zone", "Asia/Shanghai"]
    [job] = server.ask(*arguments, "--detach")
    killed_at = time.monotonic()
    while job["state"] in ("JOB_STATE_LISTING", "JOB_STATE_RUNNING"):
        if kill_every and time.monotonic() - killed_at >= kill_every:
            server.kill()
            num_kills += 1
            server.start()
            killed_at = time.monotonic()
        time.sleep(0.2)
        [job] = server.ask("batch", "status", job["jobId"])
    return server, job, num_kills, time.monotonic() - begun


def left(server, job):
    """What an import left, without the times at which it happened."""
    calls = {}
    for summary in server.ask("calls", "list", "--limit", "100000"):
        call = summary["call"]
        for name in ("receivedAt", "numAttempts", "jobId"):
            call.pop(name, None)
        if call["state"] == "CALL_STATE_DONE":
            [report] = server.ask("calls", "show", call["callId"])
            del report["call"]
            summary["report"] = report
        calls[call["callId"]] = summary
    problems = sorted(json.dumps(problem) for problem in server.ask("batch", "problems", job["jobId"]))
    return {"calls": calls, "problems": problems, "counts": job["counts"]}


def differences(one, other, path=""):
    """Where two values of JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left_item, right_item) in enumerate(zip(one, other)):
            yield from differences(left_item, right_item, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {str(one)[:60]} | {str(other)[:60]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("diting")
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--model", default="base")
    parser.add_argument("--every", type=float, default=20.0)
    options = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, kill_every in (("undisturbed", None), ("killed", options.every)):
            server, job, num_kills, seconds = imported(options, pathlib.Path(scratch) / name, kill_every)
            counts = {key: value for key, value in job["counts"].items() if value != "0"}
            print(f"{name}: {seconds:.0f} s, {num_kills} kills, {job['state']}, {counts}", flush=True)
            outcomes.append(left(server, job))
            server.stop()
    undisturbed, killed = outcomes
    reasons = {}
    for problem in undisturbed["problems"]:
        reason = json.loads(problem)["failure"]["reason"]
        reasons[reason] = reasons.get(reason, 0) + 1
    print(f"problems by reason: {reasons}")
    if undisturbed == killed:
        print(f"the same {len(killed['calls'])} calls, findings, transcripts, scores, problems and numbers")
        return
    for call_id in sorted(undisturbed["calls"].keys() | killed["calls"].keys()):
        if undisturbed["calls"].get(call_id) != killed["calls"].get(call_id):
            where = differences(undisturbed["calls"].get(call_id), killed["calls"].get(call_id))
            print(f"differs: {call_id} {next(where)}")
    for key in ("problems", "counts"):
        if undisturbed[key] != killed[key]:
            print(f"differs: {key}: {undisturbed[key]} {killed[key]}")
    sys.exit("the two differ")


if __name__ == "__main__":
    main()
