"""The service under load, over its socket: idle connections, large uploads and consultations, all at once.

    python -m benchmarks.load [--idle N] [--uploads N] [--consultations N]

Against a `charley serve` of its own on loopback: connections that send half of their headers and no more, uploads of 8 MB (in
turn a FHIR Bundle, YAML of sixty thousand cases, and JSON of millions of empty objects), and consultations held to their end by
clinicians who look at each page for some seconds. Ends with 1 when one page in a hundred took a second or longer, when the
service and all that it started took a gigabyte, or when anything was mixed.
"""

import argparse
import asyncio
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx2 as httpx

from benchmarks.web import Browser, Clinician, differing, free_port, key_of
from expert.consultation.sessions import Store

_LONGEST = 240
"""Seconds after which a run is broken off."""
_SLOWEST_PAGE = 1.0
_MOST_MEMORY = 1024
"""MB."""
_BETWEEN_LOOKS = 0.25
_LOOKS_FOR = 6.0
"""Seconds that a clinician looks at a page: faster than anybody who talks with a patient."""
_RECORD = Path(__file__).parents[1] / "tests" / "records" / "bundle.json"
_LARGEST = 7_900_000


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=500, metavar="N", help="connections that do nothing (default 500)")
    parser.add_argument("--uploads", type=int, default=20, metavar="N", help="large files at once (default 20)")
    parser.add_argument("--consultations", type=int, default=50, metavar="N", help="consultations at once (default 50)")
    options = parser.parse_args()
    idle, uploads, consultations = min(options.idle, 1_000), min(options.uploads, 100), min(options.consultations, 100)
    with tempfile.TemporaryDirectory(prefix="charley-bench-") as folder:
        store = Path(folder) / "consultations.sqlite"
        port = free_port()
        command = [sys.executable, "-m", "expert", "serve", "--port", str(port), "--store", str(store)]
        command += ["--requests-per-minute", "1000000"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - this very program
        try:
            key = key_of(process)
            load = Load(port, key, process.pid)
            asyncio.run(asyncio.wait_for(load.run(idle, uploads, consultations), _LONGEST))
        finally:
            process.terminate()
            process.wait(20)
        with closing(Store(store)) as kept:
            mixed = load.mixed + sum(differing(kept, clinician) for clinician in load.clinicians)
    pages = sorted(second for clinician in load.clinicians for second in clinician.took)
    slow = pages[min(len(pages) - 1, round(len(pages) * 0.99))]
    print(f"At once: {idle} idle connections, {uploads} uploads of 8 MB, {consultations} consultations.")
    print()
    print("| | |")
    print("|---|---:|")
    print(f"| pages answered | {len(pages):,} |")
    print(f"| page, ms: median | {statistics.median(pages) * 1000:,.0f} |")
    print(f"| page, ms: 99 in 100 within | {slow * 1000:,.0f} |")
    print(f"| page, ms: the slowest | {pages[-1] * 1000:,.0f} |")
    print(f"| uploads by status | {_told(load.statuses)} |")
    print(f"| upload, s: the slowest | {max(load.uploads, default=0):,.1f} |")
    print(f"| memory of all processes, MB | {load.memory:,} |")
    print(f"| mixed | {mixed} |")
    sys.exit(1 if mixed or slow >= _SLOWEST_PAGE or load.memory >= _MOST_MEMORY else 0)


class Load:
    """One run: what took how long, how each upload was answered, and the most memory that was seen, in MB."""

    def __init__(self, port: int, key: str, pid: int) -> None:
        self.port, self.key, self.pid = port, key, pid
        self.clinicians: list[Clinician] = []
        self.uploads: list[float] = []
        self.statuses: list[int] = []
        self.memory = self.mixed = 0

    async def run(self, idle: int, uploads: int, consultations: int) -> None:
        """Do all of it at once, until every consultation and upload is at its end."""
        base = f"http://127.0.0.1:{self.port}"
        async with httpx.AsyncClient(base_url=base, follow_redirects=True, timeout=_LONGEST) as first:
            await first.get(f"/enter/{self.key}")
            cookies = dict(first.cookies)
        with ExitStack() as held:
            for _ in range(idle):
                connection = held.enter_context(closing(socket.create_connection(("127.0.0.1", self.port), 10)))
                connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n")
            stop = asyncio.Event()
            looking = asyncio.create_task(self.look_at_memory(stop))
            begun = threading.Event()
            cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
            browsers = [Browser(self.port, cookie) for _ in range(consultations)]
            self.clinicians = [Clinician(browser, number, looks_for=_LOOKS_FOR) for number, browser in enumerate(browsers)]
            pool = held.enter_context(ThreadPoolExecutor(max(1, consultations)))
            holding = [asyncio.wrap_future(pool.submit(clinician.hold, begun)) for clinician in self.clinicians]
            sending = [asyncio.create_task(self.upload(base, cookies, number)) for number in range(uploads)]
            begun.set()
            await asyncio.gather(*holding, *sending)
            stop.set()
            await looking

    async def upload(self, base: str, cookies: dict[str, str], number: int) -> None:
        """Send one large file, and look whether the page is about it."""
        name, content = _large(number)
        async with httpx.AsyncClient(base_url=base, cookies=cookies, timeout=_LONGEST) as client:
            token = re.search(r'name="csrf" value="([0-9a-f]+)"', (await client.get("/case-files")).text)
            assert token is not None
            begun = time.perf_counter()
            page = await client.post("/case-files", data={"csrf": token[1]}, files={"file": (name, content)})
            self.uploads.append(time.perf_counter() - begun)
            self.statuses.append(page.status_code)
            others = {f"upload-{other}" for other in re.findall(r"upload-(\d+)", page.text)} - {f"upload-{number}"}
            self.mixed += len(others)

    async def look_at_memory(self, stop: asyncio.Event) -> None:
        """Add up, again and again, what the service and every process below it really hold."""
        while not stop.is_set():
            self.memory = max(self.memory, sum(_held(pid) for pid in _family(self.pid)) // 1024)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _BETWEEN_LOOKS)


def _large(number: int) -> tuple[str, bytes]:
    if number % 3 == 0:
        bundle = json.loads(_RECORD.read_text(encoding="utf-8"))
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Patient":
                entry["resource"]["id"] = f"upload-{number}"
        bundle["entry"] *= _LARGEST // len(json.dumps(bundle["entry"]))
        return f"upload-{number}.json", json.dumps(bundle).encode()
    if number % 3 == 1:
        case = f"case: upload-{number} bed {{}}\nfindings: {{{{age: 50}}}}\nnote: {'x' * 70}\n---\n"
        return f"upload-{number}.yaml", "".join(case.format(bed) for bed in range(60_000)).encode()
    return f"upload-{number}.json", b"[" + b"{}," * (_LARGEST // 3) + b"{}]"


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return [pid]
    return [pid, *(below for child in children for below in _family(int(child)))]


def _held(pid: int) -> int:
    """Return the KB that a process holds, with its share of what it has in common with others."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _told(statuses: list[int]) -> str:
    return ", ".join(f"{statuses.count(status)} with {status}" for status in sorted(set(statuses)))


if __name__ == "__main__":
    main()
