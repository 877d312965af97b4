"""Measures how the cost of a call grows: with its length, with how much is spoken in it, with how many come at once.

    curves.py --diting PROGRAM --data FOLDER --work FOLDER [--quick]

Calls are composed from the utterances of DATA/speech. Length and share of speech: one thread, diting and faster-whisper
in turns. Calls at once: a server of diting with as many workers as calls. Writes WORK/curves.json and three charts
beside it.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
from contenders import CONTENDERS, HERE, Setup
from plot import Panel, figure

# Speech in a call where nothing else varies, and minutes of a call.
SHARE = 0.6
LENGTHS, SHARES, COUNTS = [1, 5, 15, 60, 120], [10, 30, 50, 70, 90], [1, 2, 4, 8, 16]
SHARE_MINUTES, COUNT_MINUTES = 10, 3
QUICK_LENGTHS, QUICK_SHARES, QUICK_COUNTS = [1, 5, 15], [10, 50, 90], [1, 2, 4]
QUICK_SHARE_MINUTES, QUICK_COUNT_MINUTES = 3, 1


class Curves:
    def __init__(self, args, setup):
        self.args, self.setup = args, setup
        self.calls = setup.work / "curves"
        self.out = setup.work / "out" / "curve"
        self.out.parent.mkdir(parents=True, exist_ok=True)

    def compose(self, wanted):
        """Calls of (minutes, share of speech), in order."""
        names = [f"call-{number}" for number in range(len(wanted))]
        texts = [f"{name}:{minutes * 60}:{share}" for name, (minutes, share) in zip(names, wanted)]
        subprocess.run([sys.executable, HERE / "compose.py", "calls", "--data", self.args.data, "--out", self.calls, *texts],
                       check=True)
        return [self.calls / f"{name}.wav" for name in names]

    def take_turns(self, curve, value, call, minutes):
        """Runs every contender on one call; one point of each."""
        rounds = [{contender.name: measure.run(contender.command(self.setup, self.args.model, 1, [call], self.out), self.out)
                   for contender in CONTENDERS} for _ in range(self.args.rounds)]
        for contender in CONTENDERS:
            cost = measure.median_cost([costs[contender.name] for costs in rounds])
            yield self.point(curve, value, contender.name, cost, minutes)

    def point(self, curve, value, program, cost, minutes):
        print(f"{curve} {value}: {program}: {cost.cpu_secs:.1f} CPU s, {cost.wall_secs:.1f} s, {cost.peak_mib:.0f} MiB",
              file=sys.stderr)
        return {"curve": curve, "value": value, "program": program, "audio_minutes": minutes, **cost.as_dict(),
                "cpu_secs_per_hour": round(cost.cpu_secs * 60 / minutes, 1),
                "real_time_factor": round(cost.wall_secs / minutes / 60, 4)}

    def by_length(self, lengths):
        for minutes, call in zip(lengths, self.compose([(minutes, SHARE) for minutes in lengths])):
            yield from self.take_turns("length", minutes, call, minutes)

    def by_share(self, shares, minutes):
        for percent, call in zip(shares, self.compose([(minutes, percent / 100) for percent in shares])):
            yield from self.take_turns("share", percent, call, minutes)

    def by_count(self, counts, minutes):
        calls = self.compose([(minutes, SHARE)] * max(counts))
        for count in counts:
            costs = [self.serve(calls[:count]) for _ in range(self.args.rounds)]
            yield self.point("count", count, "diting", measure.median_cost(costs), minutes * count)

    def serve(self, calls):
        """What a fresh server takes for calls that all come at once: its own time and memory, the wall of the sender."""
        with tempfile.TemporaryDirectory(dir=self.setup.work) as data:
            server = measure.Child([self.setup.diting, "serve", "--model", self.args.model, "--listen", "127.0.0.1:0",
                                    "--data", data], f"{self.out}.serve",
                                   DITING__PIPELINE__NUM_WORKERS=str(len(calls)),
                                   DITING__SPEECH__NUM_RECOGNIZERS=str(self.args.threads))
            try:
                address = server.wait_to_say("listening on ")
                sender = measure.run([self.setup.diting, "push", "--wait", "--server", f"http://{address}", *calls],
                                     f"{self.out}.push")
            finally:
                server.terminate()
                cost = server.wait()
        return measure.Cost(cost.cpu_secs, sender.wall_secs, cost.peak_mib)


def series(points, curve, field):
    """One line of a chart per program."""
    lines = {}
    for point in points:
        if point["curve"] == curve:
            lines.setdefault(point["program"], []).append((point["value"], point[field]))
    return lines


def charts(points):
    """The charts of each figure, by the figure's name."""
    def panel(curve, title, x, y, field, is_log):
        lines = series(points, curve, field)
        ticks = [value for value, _ in next(iter(lines.values()))]
        return Panel(title, x, y, lines, ticks, is_log)

    def pair(curve, of, x, is_log):
        return [panel(curve, f"Processor time by {of}", x, "CPU s per audio hour", "cpu_secs_per_hour", is_log),
                panel(curve, f"Peak memory by {of}", x, "MiB", "peak_mib", is_log)]

    yield "length", pair("length", "length of the call", "minutes", True)
    yield "share", pair("share", "share of speech", "% of the call in which somebody speaks", False)
    waiting = panel("count", "Until the last call is done", "calls", "seconds", "wall_secs", True)
    yield "count", [*pair("count", "calls at once", "calls", True), waiting]


def as_markdown(points):
    heads = {"length": "minutes", "share": "% speech", "count": "calls at once"}
    for curve, head in heads.items():
        yield f"| {head} | program | CPU s per audio hour | real-time factor | peak MiB |"
        yield "| ---: | --- | ---: | ---: | ---: |"
        for point in (point for point in points if point["curve"] == curve):
            yield (f"| {point['value']} | {point['program']} | {point['cpu_secs_per_hour']:.0f} | "
                   f"{point['real_time_factor']:.3f} | {point['peak_mib']:.0f} |")
        yield ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--diting", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", default="base")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="recognisers of the server")
    parser.add_argument("--quick", action="store_true", help="short calls, few of them: minutes instead of an hour")
    args = parser.parse_args()

    setup = Setup(args.diting, args.work)
    machine = measure.machine()
    setup.converted(args.model)
    curves = Curves(args, setup)
    if args.quick:
        lengths, shares, counts = QUICK_LENGTHS, QUICK_SHARES, QUICK_COUNTS
        share_minutes, count_minutes = QUICK_SHARE_MINUTES, QUICK_COUNT_MINUTES
    else:
        lengths, shares, counts = LENGTHS, SHARES, COUNTS
        share_minutes, count_minutes = SHARE_MINUTES, COUNT_MINUTES
    points = []
    kept = {"machine": machine, "model": args.model, "rounds": args.rounds, "points": points}
    for point in itertools.chain(curves.by_length(lengths), curves.by_share(shares, share_minutes),
                                 curves.by_count(counts, count_minutes)):
        points.append(point)
        # After each: who stops an hour's run keeps what it has found.
        (setup.work / "curves.json").write_text(json.dumps(kept, indent=1), "utf-8")

    print(f"{machine['processor']}, {machine['cores']} cores; model {args.model}, {args.rounds} round(s)\n")
    print("\n".join(as_markdown(points)))
    for name, panels in charts(points):
        (setup.work / f"{name}.svg").write_text(figure(panels), "utf-8")


if __name__ == "__main__":
    main()
