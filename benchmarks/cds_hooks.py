"""How quickly the CDS Hooks services answer, over real connections on loopback: uvicorn in a process of its own.

Two calls are measured: a chart that is opened for a patient with cramps, with everything prefetched and a report kept (a card),
and the same chart without the complaint (none). The goal is 100 ms for 99 calls of 100, on two cores.

    python -m benchmarks.cds_hooks
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import httpx2

from tests.cds_hooks.calling import JSON, ORDERS, VISIT, bundle, draft, order, prefetch, visit

ROOT = Path(__file__).parents[1]
GOAL = 100.0
"""Milliseconds, for 99 calls of 100."""
_LONGEST_START = 60.0


def serve(port: int, store: Path) -> None:
    """Run the service until the process is ended."""
    import uvicorn

    from expert.cds_hooks.clients import HookSettings
    from expert.cds_hooks.routes import HookService, hooks_application
    from expert.inference.assessing import Assessor
    from knowledge_base.loading import load_knowledge_base

    settings = HookSettings(f"http://127.0.0.1:{port}", store)
    assessor = Assessor(load_knowledge_base())
    # As `charley serve` does when it starts.
    assessor.judge.compile()
    application = hooks_application(HookService(settings, assessor))
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="error", access_log=False)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Return the address of a service that runs in a process of its own, with its store in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.cds_hooks", "--serve", str(port), str(folder / "feedback.sqlite")]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - this very program
    base = f"http://127.0.0.1:{port}"
    try:
        end = monotonic() + _LONGEST_START
        while not _answers(base):
            if process.poll() is not None or monotonic() > end:
                raise RuntimeError("the service did not start")
            sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(base: str) -> bool:
    try:
        return httpx2.get(f"{base}/cds-services", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


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
    """Print the table; ends with 1 when 99 of 100 calls that come one at a time take longer than the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500, metavar="N", help="how many calls of each kind (default: 500)")
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "STORE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(int(options.serve[0]), Path(options.serve[1]))
        return
    ordered = order(draft("d-1", "Furosemide 40 mg tablet"))
    kinds = (
        ("a chart is opened: a card", VISIT, visit()),
        ("a diuretic is ordered: a card", ORDERS, ordered),
        ("a chart without the complaint: no card", VISIT, visit(prefetch=prefetch(conditions=bundle()))),
    )
    print("| call | at once | calls | median, ms | 99 in 100 within, ms | most, ms | a second |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    slow = False
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as base:
        for name, service, request in kinds:
            for at_once in (1, 4):
                times, rate = measure(base, service, request, options.calls, at_once)
                worst = _percentile(times, 99)
                slow = slow or (at_once == 1 and worst > GOAL)
                row = f"{statistics.median(times):.1f} | {worst:.1f} | {max(times):.1f} | {rate:.0f}"
                print(f"| {name} | {at_once} | {options.calls} | {row} |", flush=True)
    sys.exit(slow)


if __name__ == "__main__":
    main()
