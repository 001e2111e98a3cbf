"""How many consultations the service holds at once, and how soon the next page comes, over a real socket on this machine.

A service is started as its user starts it. Clinicians, each with a browser, hold whole consultations at once: every
page is answered "unknown" or, for one in three questions of a clinician's own choosing, "no", after a look of some seconds or
(the harshest) as soon as it is there. What the service kept is compared with what each clinician sent, so that one mixed answer
would be seen. How much of the processors the service and the browsers took is said beside it, since both run on this machine.

    python -m benchmarks.web [--at-once N ...] [--workers N] [--look SECONDS]
"""

import argparse
import html
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from expert.consultation.sessions import Store

ALL_ARE_THERE = 8.0
"""Seconds that the other workers have to load the knowledge."""
_LONGEST = 300.0
"""Seconds after which a run is given up."""


class Browser:
    """A browser of the standard library, which takes a quarter of the processor time that a comfortable client takes."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookie = cookie

    def request(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> tuple[str, str]:
        """Ask, and follow where it leads; gives the path that answered, and the page. Raises AssertionError for a refusal."""
        while True:
            headers = {"cookie": self.cookie}
            body = None
            if fields is not None:
                body, headers["content-type"] = urlencode(fields), "application/x-www-form-urlencoded"
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            page = response.read().decode()
            if given := response.getheader("set-cookie"):
                self.cookie = given.partition(";")[0]
            if response.status != HTTPStatus.SEE_OTHER:
                if response.status != HTTPStatus.OK:
                    raise AssertionError(f"{path} was answered {response.status}")
                return path, page
            method, path, fields = "GET", response.getheader("location", "/"), None


@dataclass
class Clinician:
    """One browser, what it sent, and how long each page took in seconds."""

    browser: Browser
    number: int
    here: str = ""
    looks_for: float = 0.0
    """Seconds that a page is looked at before it is answered."""
    sent: dict[str, bool | None] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    pages: int = 0

    def hold(self, begun: threading.Event) -> None:
        """Hold a consultation to its end."""
        made = random.Random(self.number)
        _, page = self.browser.request("GET", "/")
        token = _field("csrf", page)
        begun.wait()
        self.here, page = self.timed("/consultations", {"csrf": token, "name": f"patient {self.number}"})
        while 'name="screen"' in page and self.pages < 40:
            fields = {"csrf": _field("csrf", page), "after": _field("after", page), "rest": "unknown"}
            fields |= {"current": "none", "stopped": "none"}
            for name in re.findall(r'id="q-([a-z0-9_]+)" tabindex', page):
                if f'name="answer.{name}" value="no"' in page and made.random() < 1 / 3:
                    fields[f"answer.{name}"] = "no"
                    self.sent[name] = False
            self.pages += 1
            time.sleep(self.looks_for * made.uniform(0.5, 1.5))
            _, page = self.timed(self.here, fields)
            if f"patient {self.number}<" not in page:
                raise AssertionError("the page of another patient")
        self.browser.connection.close()

    def timed(self, path: str, fields: dict[str, str]) -> tuple[str, str]:
        """Send a form, and wait for the page that follows."""
        begun = time.perf_counter()
        told = self.browser.request("POST", path, fields)
        self.took.append(time.perf_counter() - begun)
        return told


def main() -> None:
    """Print the table; ends with 1 when an answer was mixed or lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 10, 50], metavar="N", help="consultations at once")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="workers of the service (default 2)")
    parser.add_argument("--look", type=float, default=0.0, metavar="S", help="seconds that a page is looked at (default 0)")
    options = parser.parse_args()
    print(
        "| consultations at once | pages answered | a second | next page, ms: median | 99 in 100 within | the slowest ", end=""
    )
    print("| processor time a page, ms: service | browsers | mixed |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    mixed = 0
    for count in options.at_once:
        run = measure(min(count, 200), options.workers, options.look)
        took = sorted(second * 1000 for clinician in run.clinicians for second in clinician.took)
        pages = sum(clinician.pages for clinician in run.clinicians)
        last = took[min(len(took) - 1, round(len(took) * 0.99))]
        row = f"{pages / run.elapsed:,.0f} | {statistics.median(took):,.0f} | {last:,.0f} | {took[-1]:,.0f}"
        processor = f"{run.of_service / pages * 1000:.1f} | {run.of_browsers / pages * 1000:.1f}"
        print(f"| {count} | {pages:,} | {row} | {processor} | {run.wrong} |", flush=True)
        mixed += run.wrong
    sys.exit(1 if mixed else 0)


@dataclass(frozen=True)
class Run:
    """What came of one run: seconds that passed, processor time of service and browsers in seconds, answers that differ."""

    clinicians: list[Clinician]
    elapsed: float
    of_service: float
    of_browsers: float
    wrong: int


def measure(count: int, workers: int, looks_for: float) -> Run:
    """Hold so many consultations at once."""
    with tempfile.TemporaryDirectory(prefix="charley-bench-") as folder:
        store = Path(folder) / "consultations.sqlite"
        port = free_port()
        command = [sys.executable, "-m", "expert", "serve", "--port", str(port), "--store", str(store)]
        command += ["--requests-per-minute", "1000000", "--workers", str(workers)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - this very program
        try:
            key = key_of(process)
            time.sleep(ALL_ARE_THERE * (workers > 1))
            before = processor_time(process.pid)
            begun = time.process_time()
            clinicians, elapsed = _hold(count, port, key, looks_for)
            of_browsers, of_service = time.process_time() - begun, processor_time(process.pid) - before
        finally:
            process.terminate()
            process.wait(20)
        with closing(Store(store)) as kept:
            wrong = sum(differing(kept, clinician) for clinician in clinicians)
        return Run(clinicians, elapsed, of_service, of_browsers, wrong)


def processor_time(pid: int) -> float:
    """Return the processor time in seconds that a process took, and all that it started."""
    try:
        # What follows the name, which stands in brackets and may hold anything.
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    own = (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_time(int(child)) for child in children)


def _hold(count: int, port: int, key: str, looks_for: float) -> tuple[list[Clinician], float]:
    # Signing in is held to a few a minute for one address; these come from one, so they share the first one's cookie.
    first = Browser(port)
    first.request("GET", f"/enter/{key}")
    clinicians = [Clinician(Browser(port, first.cookie), number, looks_for=looks_for) for number in range(count)]
    begun = threading.Event()
    with ThreadPoolExecutor(count) as pool:
        holding = [pool.submit(clinician.hold, begun) for clinician in clinicians]
        time.sleep(1.0 + count / 50)
        start = time.perf_counter()
        begun.set()
        for held in holding:
            held.result(_LONGEST)
    return clinicians, time.perf_counter() - start


def differing(kept: Store, clinician: Clinician) -> int:
    """Return how many answers of a consultation are not those that were sent."""
    session = kept.load(clinician.here.rsplit("/", 1)[1])
    said = {name for event in session.log for name, value in event.answers.items() if value is False}
    return len(said ^ set(clinician.sent)) + (session.name != f"patient {clinician.number}")


def _field(name: str, page: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    if found is None:
        raise AssertionError(f"no {name} on the page")
    return html.unescape(found[1])


def key_of(process: "subprocess.Popen[str]") -> str:
    """Return the key that a service printed, once it listens."""
    if process.stderr is None:
        raise AssertionError("the service has no standard error")
    for line in process.stderr:
        if found := re.search(r"/enter/(\S+)", line):
            time.sleep(1.5)
            return found[1]
    raise AssertionError("the service did not start")


def free_port() -> int:
    """Return a port that nobody listens on."""
    import socket

    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
