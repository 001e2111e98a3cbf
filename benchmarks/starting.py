"""How long short commands take as whole processes: a report of one case, and a small cohort, as ratios in one run.

Each command runs once before it is timed, as on a machine where it was used before: modules are compiled, and knowledge is
kept (in a cache folder of this program's own). Versions take turns. Seconds of all processors are the steadier ones; the least
of several runs is what the command needs.

    python -m benchmarks.starting --before ../an-earlier-checkout      # part of make bench
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.engines import cpu_model
from benchmarks.synthetic import write_cohort
from knowledge_base.loading import load_knowledge_base

ROOT = Path(__file__).parents[1]
CASE = ROOT / "facts" / "examples" / "night-cramps-on-a-diuretic.yaml"
LIMITS = {"report of one case": 0.4, "evaluate of 10,000 rows": 1.2}
"""Seconds by the clock that the least of the runs may take."""


class Took(NamedTuple):
    """Seconds of a process by the clock, and of all processors."""

    clock: float
    processors: float


def main() -> None:
    """Print the table; ends with 1 when a command of this version takes longer than its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version, to be timed in turns with this one")
    parser.add_argument("--runs", type=int, default=10, help="runs of each command (default: 10)")
    options = parser.parse_args()
    versions = {"before": options.before.resolve(), "now": ROOT} if options.before else {"now": ROOT}
    with tempfile.TemporaryDirectory(prefix="charley-bench-") as name:
        folder = Path(name)
        cohort = folder / "cohort.parquet"
        write_cohort(cohort, 10_000, load_knowledge_base())
        commands = {
            "report of one case": ["report", str(CASE)],
            "the same, nothing kept": ["report", str(CASE)],
            "evaluate of 10,000 rows": ["evaluate", str(cohort), "--output", str(folder / "out"), "--units", "SI"],
        }
        print(f"- Machine: {cpu_model()}, Python {sys.version.split()[0]}; the least of {options.runs} runs in turns\n")
        print("| command, as a whole process | version | s by the clock | s of all processors | × Python alone |")
        print("|---|---|---:|---:|---:|")
        alone = least([run([sys.executable, "-c", "pass"], ROOT, folder) for _ in range(options.runs)])
        print(f"| Python alone | | {alone.clock:.3f} | {alone.processors:.3f} | 1 |")
        above = False
        for what, words in commands.items():
            more = {"CHARLEY_NO_CACHE": "1"} if what.endswith("kept") else {}
            times: dict[str, list[Took]] = {version: [] for version in versions}
            for number in range(options.runs + 1):
                for version, checkout in versions.items():
                    shutil.rmtree(folder / "out", ignore_errors=True)
                    took = run([sys.executable, "-m", "expert", *words], checkout, folder, more)
                    if number:
                        times[version].append(took)
            for version, several in times.items():
                took = least(several)
                ratio = took.processors / alone.processors
                print(f"| {what} | {version} | {took.clock:.2f} | {took.processors:.2f} | {ratio:.0f} |", flush=True)
                above |= version == "now" and took.clock > LIMITS.get(what, took.clock)
    sys.exit(1 if above else 0)


def run(command: list[str], checkout: Path, folder: Path, more: dict[str, str] | None = None) -> Took:
    """Run a command of a version to its end. Raises CalledProcessError."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(folder / "cache"), **(more or {})}
    # As where the program is installed: its modules are compiled once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    begun = perf_counter()
    process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    _, status, used = os.wait4(process.pid, 0)
    clock = perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Took(clock, used.ru_utime + used.ru_stime)


def least(times: list[Took]) -> Took:
    """Return the least of each kind of seconds."""
    return Took(min(took.clock for took in times), min(took.processors for took in times))


if __name__ == "__main__":
    main()
