"""Compares diting with its peers on the same calls, weights and threads: cost, memory and errors side by side.

    compare.py --diting PROGRAM --data FOLDER --work FOLDER

Each set of calls is one process per program and round: the programs take turns, so that a machine that is busy for a
while is busy for all of them. Prints Markdown; keeps every single measurement in WORK/peers.json.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import measure
from contenders import CONTENDERS, EXTRAS, HERE, Setup, read_reports

# One second without a sound, to see what a program takes before it hears anything.
START = "start"


def find_sets(args, setup):
    """Folders of calls by the name of their set: those of DATA/calls, and what can be composed from DATA/speech."""
    sets = {}
    if (args.data / "calls").is_dir():
        sets["calls"] = args.data / "calls"
    if (args.data / "speech" / "manifest.tsv").is_file():
        composed = setup.work / "composed"
        # Another folder may have had other sets.
        shutil.rmtree(composed, ignore_errors=True)
        subprocess.run([sys.executable, HERE / "compose.py", "sets", "--data", args.data, "--out", composed,
                        "--minutes", str(args.minutes)], check=True)
        sets |= {folder.name: folder for folder in sorted(composed.iterdir())}
    if args.sets:
        sets = {name: folder for name, folder in sets.items() if name in args.sets}
    if not sets:
        raise SystemExit(f"nothing to compare on in {args.data}: expected calls/NAME.wav beside NAME.truth.json, "
                         "or speech/manifest.tsv")
    return sets


def calls_in(folder):
    """Calls with a channel for each speaker."""
    return [path for path in sorted(folder.glob("*.wav"))
            if not path.stem.endswith(".mono") and path.with_name(f"{path.stem}.truth.json").is_file()]


def write_silence(path):
    """One second of a stereo A-law call in which nothing is heard."""
    subprocess.run([sys.executable, HERE / "compose.py", "silence", "--out", path], check=True)


def audio_seconds(out):
    return sum(float(report["call"]["duration"].removesuffix("s")) for report in read_reports(out))


def score(setup, folder, heard, out):
    """Edits and characters by call, both texts normalised by diting's own rules."""
    hypothesis = Path(f"{out}.hypothesis.json")
    hypothesis.write_text(json.dumps(heard, ensure_ascii=False), "utf-8")
    told = subprocess.run([setup.diting, "eval", "score", "--data", folder, "--hypothesis", hypothesis,
                           "--format", "json"], check=True, capture_output=True, text=True)
    counts = {call["name"]: call["counts"] for call in json.loads(told.stdout)["calls"]}
    return {name: (count["substitutions"] + count["insertions"] + count["deletions"], count["reference"])
            for name, count in counts.items()}


class Bench:
    """Everything of one model and number of threads."""

    def __init__(self, setup, model, threads, contenders, sets):
        self.setup, self.model, self.threads, self.contenders = setup, model, threads, contenders
        self.calls = {name: calls_in(folder) for name, folder in sets.items()}
        self.sets = sets
        # (set, contender): costs, one a round.
        self.costs = {}
        # (set, contender): edits and characters of each call. No program draws random numbers as run here: counted once.
        self.errors = {}
        self.seconds = {}

    def run(self, set_name, calls, contender):
        out = self.setup.work / "out" / f"{self.model}-{self.threads}-{set_name}-{contender.name.replace(' ', '-')}"
        out.parent.mkdir(parents=True, exist_ok=True)
        command = contender.command(self.setup, self.model, self.threads, calls, out)
        cost = measure.run(command, out)
        self.costs.setdefault((set_name, contender.name), []).append(cost)
        print(f"{self.model}, {self.threads} thread(s), {set_name}: {contender.name}: {cost.cpu_secs:.1f} CPU s, "
              f"{cost.wall_secs:.1f} s, {cost.peak_mib:.0f} MiB", file=sys.stderr)
        if set_name == START or (set_name, contender.name) in self.errors:
            return
        heard = contender.heard(out)
        self.errors[set_name, contender.name] = score(self.setup, self.sets[set_name], heard, out)
        if contender is self.contenders[0]:
            self.seconds[set_name] = audio_seconds(out)

    def round(self, silence):
        for contender in self.contenders:
            self.run(START, [silence], contender)
        for set_name, calls in self.calls.items():
            for contender in self.contenders:
                self.run(set_name, calls, contender)

    def rows(self):
        """What the table shows, a set at a time and all of them together."""
        groups = {name: [name] for name in self.calls}
        if len(groups) > 1:
            groups["all"] = list(self.calls)
        for group, names in groups.items():
            hours = sum(self.seconds[name] for name in names) / 3600
            first = self.summed(names, self.contenders[0])
            for contender in self.contenders:
                costs = self.summed(names, contender)
                median = measure.median_cost(costs)
                start = measure.median_cost(self.costs[START, contender.name])
                counts = [count for name in names for count in self.errors[name, contender.name].values()]
                errors, characters = map(sum, zip(*counts))
                pairs = [other.cpu_secs / own.cpu_secs for other, own in zip(costs, first)]
                yield {
                    "set": group, "program": contender.name, "audio_minutes": round(hours * 60, 1),
                    "cpu_secs_per_hour": round(median.cpu_secs / hours, 1),
                    "cpu_secs_per_hour_without_start": round((median.cpu_secs - len(names) * start.cpu_secs) / hours, 1),
                    "real_time_factor": round(median.wall_secs / hours / 3600, 4),
                    "peak_mib": round(median.peak_mib),
                    "errors": errors, "characters": characters,
                    "cpu_against_first": [round(value, 3) for value in
                                          (statistics.median(pairs), min(pairs), max(pairs))],
                }

    def summed(self, names, contender):
        """Costs of several sets together, one a round."""
        by_set = [self.costs[name, contender.name] for name in names]
        return [sum(costs, measure.NOTHING) for costs in zip(*by_set)]


def as_markdown(bench, rows, rounds):
    yield f"### {bench.model}, {bench.threads} thread{'s' if bench.threads > 1 else ''}"
    yield ""
    yield ("| set | program | CPU s per audio hour | without start | real-time factor | peak MiB | character errors | "
           f"CPU against {bench.contenders[0].name} |")
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for row in rows:
        middle, least, most = row["cpu_against_first"]
        spread = f" ({least:.2f} to {most:.2f})" if rounds > 1 and most > least else ""
        rate = 100 * row["errors"] / max(1, row["characters"])
        yield (f"| {row['set']}, {row['audio_minutes']:.0f} min | {row['program']} | {row['cpu_secs_per_hour']:.0f} | "
               f"{row['cpu_secs_per_hour_without_start']:.0f} | {row['real_time_factor']:.3f} | {row['peak_mib']} | "
               f"{rate:.2f} % | {middle:.2f}{spread} |")
    yield ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--diting", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["base", "small"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--sets", nargs="+", help="only these sets")
    parser.add_argument("--minutes", type=float, default=30, help="most minutes to compose of one set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--extras", action="store_true", help="also other settings and other programs")
    args = parser.parse_args()

    setup = Setup(args.diting, args.work)
    machine = measure.machine()
    sets = find_sets(args, setup)
    for model in args.models:
        setup.converted(model)
    silence = setup.work / "silence.wav"
    write_silence(silence)
    contenders = CONTENDERS + (EXTRAS if args.extras else [])

    benches = [Bench(setup, model, threads, contenders, sets) for model in args.models for threads in args.threads]
    for _ in range(args.rounds):
        for bench in benches:
            bench.round(silence)

    print(f"{machine['processor']}, {machine['cores']} cores; {args.rounds} round(s), medians\n")
    kept = {"machine": machine, "rounds": args.rounds, "benches": []}
    for bench in benches:
        rows = list(bench.rows())
        print("\n".join(as_markdown(bench, rows, args.rounds)))
        runs = [{"set": name, "program": program, "costs": [cost.as_dict() for cost in costs],
                 "errors_and_characters": bench.errors.get((name, program), {})}
                for (name, program), costs in bench.costs.items()]
        kept["benches"].append({"model": bench.model, "threads": bench.threads, "rows": rows, "runs": runs})
    (setup.work / "peers.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
