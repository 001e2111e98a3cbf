"""How quickly the CDS Hooks services answer, over real connections on loopback: `charley serve` as its user starts it.

Three calls are measured, each by itself and four at once: a chart that is opened for a patient with cramps, with everything
prefetched and a report kept (a card), an order that meets the cramps (a card), and a chart without the complaint (none). Every
call stands in the audit trail before it is answered. The goal is 100 ms for 99 calls of 100, on two cores.

    python -m benchmarks.cds_hooks [--workers N]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import httpx2

from benchmarks.web import ALL_ARE_THERE, free_port, key_of
from tests.cds_hooks.calling import JSON, ORDERS, VISIT, bundle, draft, order, prefetch, visit

ROOT = Path(__file__).parents[1]
GOAL = 100.0
"""Milliseconds, for 99 calls of 100."""


@contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[str]:
    """Return the address of a service that runs as its user starts it, with its stores in a folder."""
    port = free_port()
    command = [sys.executable, "-m", "expert", "serve", "--port", str(port), "--workers", str(workers)]
    command += ["--store", str(folder / "consultations.sqlite"), "--requests-per-minute", "1000000"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)  # noqa: S603 - this very program
    try:
        key_of(process)
        sleep(ALL_ARE_THERE * (workers > 1))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stderr is not None:
            process.stderr.close()


def measure(base: str, service: str, request: dict[str, Any], calls: int, at_once: int) -> tuple[list[float], float]:
    """Return how long each call took, in milliseconds, and how many were answered in a second."""

    def one(number: int) -> float:
        body = json.dumps({**request, "hookInstance": f"00000000-0000-4000-8000-{number:012}"})
        begun = perf_counter()
        response = client.post(f"/cds-services/{service}", content=body, headers=JSON)
        took = (perf_counter() - begun) * 1_000
        if response.status_code != 200:
            raise RuntimeError(f"answered {response.status_code}")
        return took

    with httpx2.Client(base_url=base, trust_env=False, timeout=60) as client, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(1_000_000, 1_000_010)))
        begun = perf_counter()
        times = list(pool.map(one, range(calls)))
        return times, calls / (perf_counter() - begun)


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Print the table; ends with 1 when 99 of 100 calls take longer than the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500, metavar="N", help="how many calls of each kind (default: 500)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="workers of the service (default: 2)")
    options = parser.parse_args()
    ordered = order(draft("d-1", "Furosemide 40 mg tablet"))
    kinds = (
        ("a chart is opened: a card", VISIT, visit()),
        ("a diuretic is ordered: a card", ORDERS, ordered),
        ("a chart without the complaint: no card", VISIT, visit(prefetch=prefetch(conditions=bundle()))),
    )
    print("| call | at once | calls | median, ms | 99 in 100 within, ms | most, ms | a second |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    slow = False
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), options.workers) as base:
        for name, service, request in kinds:
            for at_once in (1, 4):
                times, rate = measure(base, service, request, options.calls, at_once)
                worst = _percentile(times, 99)
                slow = slow or worst > GOAL
                row = f"{statistics.median(times):.1f} | {worst:.1f} | {max(times):.1f} | {rate:.0f}"
                print(f"| {name} | {at_once} | {options.calls} | {row} |", flush=True)
    sys.exit(slow)


if __name__ == "__main__":
    main()
