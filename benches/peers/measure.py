"""Runs programs as children and measures what they took: processor seconds, seconds on the wall, peak memory.

Only the standard library, and small on purpose: Linux counts the memory of the process that starts a child into the
child's peak.
"""

import os
import queue
import statistics
import subprocess
import threading
import time
from dataclasses import asdict, dataclass


@dataclass
class Cost:
    """User and system time of all threads; seconds on the wall; most memory resident at once."""

    cpu_secs: float
    wall_secs: float
    peak_mib: float

    def __add__(self, other):
        return Cost(self.cpu_secs + other.cpu_secs, self.wall_secs + other.wall_secs, max(self.peak_mib, other.peak_mib))

    def as_dict(self):
        return {name: round(value, 3) for name, value in asdict(self).items()}


# Variables that set up a program or a library below it. Left to themselves, the libraries choose: to hold the one that
# faster-whisper computes its spectra with to one thread makes it no cheaper, and its text worse.
SETTINGS = {"DITING_CONFIG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}

NOTHING = Cost(0.0, 0.0, 0.0)


def environment():
    """This process's own, without what would set a program up differently from what its command line says."""
    return {name: value for name, value in os.environ.items()
            if name not in SETTINGS and not name.startswith("DITING__")}


class Child:
    """A program under way, its standard output in a file."""

    def __init__(self, command, out, **settings):
        self._command = [str(part) for part in command]
        self._said = queue.SimpleQueue()
        self._heard = []
        self._started = time.monotonic()
        with open(out, "wb") as stdout:
            self._process = subprocess.Popen(self._command, stdout=stdout, stderr=subprocess.PIPE, text=True,
                                             errors="replace", env=environment() | settings)
        # Somebody has to read along: a program stops when nobody takes what it says.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stderr:
            self._heard.append(line)
            self._said.put(line)
        self._said.put(None)

    def wait_to_say(self, start):
        """Waits for a line on standard error that begins like this, and gives its rest."""
        while (line := self._said.get()) is not None:
            if line.startswith(start):
                return line.removeprefix(start).strip()
        return self.wait()

    def terminate(self):
        self._process.terminate()

    def wait(self):
        """Waits for its end and says what it took; ends this program when it failed."""
        _, status, usage = os.wait4(self._process.pid, 0)
        wall_secs = time.monotonic() - self._started
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._reader.join()
        if self._process.returncode != 0:
            said = "".join(self._heard[-20:])
            raise SystemExit(f"{' '.join(self._command[:3])} … ended with {self._process.returncode}:\n{said}")
        # Linux gives the peak in KiB.
        return Cost(usage.ru_utime + usage.ru_stime, wall_secs, usage.ru_maxrss / 1024)


def run(command, out):
    """Runs a program to its end."""
    return Child(command, out).wait()


def median_cost(costs):
    """Each part's own median."""
    return Cost(*(statistics.median(getattr(cost, part) for cost in costs)
                  for part in ("cpu_secs", "wall_secs", "peak_mib")))


def machine():
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {"processor": names[0] if names else os.uname().machine, "cores": os.cpu_count(),
            "load_at_start": os.getloadavg()[0]}
