"""How long a report takes after the assessment, and a page of the web consultation, in milliseconds of processor time.

Each case is reported once in each format and none a second time, as a service sees its patients. The consultations are held
in this process, through the whole application as a browser meets it, less the browser: the service takes an answer, and then
shows the page that follows.

    python -m benchmarks.reports
"""

import argparse
import html
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

from starlette.testclient import TestClient

from expert.commands.options import gc_paused
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor, ContradictoryCase
from expert.web.application import create_application
from expert.web.settings import Settings
from facts.assessment import Assessment
from facts.case import Case
from facts.intake.case_files import read_case_files
from knowledge_base.loading import load_knowledge_base
from reports.formats import FORMATS

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "tests" / "knowledge" / "cases", ROOT / "facts" / "examples")
LIMITS = {"report as text": 2.0, "report as html": 10.0, "page of the web consultation": 8.0}
"""Milliseconds that the median may take."""


def main() -> None:
    """Print the table; ends with 1 when a median is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=4, metavar="N", help="take every Nth case only (default: 4)")
    parser.add_argument("--patients", type=int, default=20, metavar="N", help="consultations to hold (default: 20)")
    options = parser.parse_args()
    with gc_paused():
        knowledge = load_knowledge_base()
        assessor = Assessor(knowledge)
    # As a service does when it starts.
    assessor.judge.compile()
    intake = read_case_files(FOLDERS, knowledge.vocabulary, knowledge.dictionary)
    cases = [case for case, _ in intake.cases]
    assessments = assess(cases[:: options.every], assessor)
    described = [case for case in cases if case.note][: options.patients]
    print("| what | number | ms: median | 99 in 100 within | at most |\n|---|---:|---:|---:|---:|")
    rows = {
        f"report as {name}": [
            time_of(lambda found=found, form=form: form.render(found, knowledge))
            # A PDF takes as long as a hundred other reports.
            for found in assessments[:: 40 if name == "pdf" else 1]
        ]
        for name, form in FORMATS.items()
    }
    rows |= hold_consultations(described, Consultation(assessor))
    above = [name for name, times in rows.items() if row(name, times)]
    sys.exit(1 if above else 0)


def assess(cases: Sequence[Case], assessor: Assessor) -> list[Assessment]:
    """Return the assessments of the cases that do not contradict themselves."""
    found = []
    for case in cases:
        try:
            found.append(assessor.assess(case))
        except ContradictoryCase:
            continue
    return found


def time_of(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that some work takes."""
    begun = process_time()
    work()
    return process_time() - begun


@dataclass
class Timed:
    """An application of which every request is timed, in seconds of processor time, by its method."""

    application: Any
    times: dict[str, list[float]] = field(default_factory=lambda: {"GET": [], "POST": []})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        begun = process_time()
        await self.application(scope, receive, send)
        if scope["type"] == "http":
            self.times[scope["method"]].append(process_time() - begun)


def hold_consultations(cases: Sequence[Case], consultation: Consultation) -> dict[str, list[float]]:
    """Hold a consultation with each patient; returns the seconds of each page that is shown, and of each answer."""
    with tempfile.TemporaryDirectory(prefix="charley-bench-") as folder:
        settings = Settings(store=Path(folder) / "consultations.sqlite", requests_per_minute=1_000_000)
        application = create_application(settings, consultation)
        timed = Timed(application)
        with TestClient(timed, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as browser:
            browser.get(f"/enter/{application.state.service.key}")
            hold(cases[0], browser)
            timed.times = {"GET": [], "POST": []}
            for case in cases[1:]:
                hold(case, browser)
    return {"page of the web consultation": timed.times["GET"], "answer to a page": timed.times["POST"]}


def hold(case: Case, browser: TestClient) -> None:
    """Hold one consultation to its end: what the case does not tell is answered "unknown"."""
    home = browser.get("/")
    page = browser.post("/consultations", data={"csrf": hidden("csrf", home.text), "name": "patient"})
    while 'name="screen"' in page.text:
        fields = {name: hidden(name, page.text) for name in ("csrf", "after")}
        fields |= {"rest": "unknown", "current": "unknown", "stopped": "unknown"}
        for name in re.findall(r'id="q-([a-z0-9_]+)" tabindex', page.text):
            if name in case.findings:
                value = case.findings[name].value
                fields[f"answer.{name}"] = {"True": "yes", "False": "no"}.get(str(value), str(value))
        page = browser.post(page.url.path, data=fields)
        page.raise_for_status()


def hidden(name: str, page: str) -> str:
    """Return a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    if found is None:
        raise AssertionError(f"no {name} on the page")
    return html.unescape(found[1])


def row(name: str, seconds: Sequence[float]) -> bool:
    """Print one line of the table, and return whether its median is above its limit."""
    times = sorted(1000 * second for second in seconds)
    median, limit = statistics.median(times), LIMITS.get(name)
    last = times[min(len(times) - 1, len(times) * 99 // 100)]
    print(f"| {name} | {len(times):,} | {median:.2f} | {last:.2f} | {limit or ''} |", flush=True)
    return limit is not None and median > limit


if __name__ == "__main__":
    main()
