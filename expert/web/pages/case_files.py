"""The page on which a case file is dropped to read its report, and the handbook. Nothing of a file is kept."""

import base64
import binascii
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.responses import HTMLResponse, Response

from expert.inference.assessing import Assessor, ContradictoryCase
from expert.web import audit
from expert.web.pages.questions import tone
from expert.web.service import Refused, Visit
from facts.assessment import Assessment
from facts.intake.files import read_files
from facts.problems import quoted
from reports.cleaning import clean
from reports.pages import handbook_page, render_page, report_page
from reports.writing import file_name

_KINDS = (".yaml", ".yml", ".json", ".jsonl", ".ndjson")
_MOST_CASES = 200
_MOST_PROBLEMS = 50
_PATIENCE = 20.0

# Reading a large file keeps a processor busy for seconds; two at once leave room for the consultations beside them.
_READERS = threading.BoundedSemaphore(2)


def case_files(visit: Visit) -> Response:
    """Show where a case file is dropped."""
    return _page(visit)


def assess(visit: Visit) -> Response:
    """Assess what was dropped: one case gives its report, several a list of them."""
    name, content = _given(visit)
    if not content.strip():
        return _page(visit, 422, problems=["nothing was given; choose a file, or paste its text"])
    with _one_of_few():
        assessed, problems, count = assessed_file(visit.service.consultation.assessor, name, content)
    audit.record(visit.service.store, visit.service.now(), visit.owner, "read a case file", detail=f"{len(assessed)} cases")
    place = visit.form.get("place", "")
    if place.isascii() and place.isdigit() and 1 <= int(place[:9]) <= len(assessed):
        return _report(visit, assessed[int(place) - 1], [])
    if len(assessed) == 1:
        return _report(visit, assessed[0], problems)
    if not assessed:
        return _page(visit, 422, problems=problems, text=visit.form.get("text", ""))
    return _page(visit, problems=problems, assessed=assessed, count=count, name=name, content=content)


def handbook(visit: Visit) -> Response:
    """Show the whole knowledge base."""
    return HTMLResponse(handbook_page(visit.service.knowledge, page=visit.page()))


def _given(visit: Visit) -> tuple[str, bytes]:
    """Return the name and content of a file: chosen, handed back from a list of cases, or pasted."""
    written, content = visit.files.get("file", ("", b""))
    if not content and visit.form.get("content"):
        written = visit.form.get("file_name", "")
        try:
            content = base64.b64decode(visit.form["content"], validate=True)
        except (binascii.Error, ValueError):
            raise Refused(400, "What this page handed back cannot be read; choose the file again.") from None
    if not content:
        written, content = "", visit.form.get("text", "").encode("utf-8", "surrogatepass")
    suffix = Path(written).suffix.lower()
    return file_name(Path(written).stem or "text")[:60] + (suffix if suffix in _KINDS else ".yaml"), content


def assessed_file(assessor: Assessor, name: str, content: bytes) -> tuple[list[Assessment], list[str], int]:
    """Assess the cases of a file; gives also what was refused, and how many cases and refusals there were."""
    knowledge = assessor.knowledge
    with TemporaryDirectory(prefix="charley-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        intake = read_files([path], knowledge.vocabulary, knowledge.dictionary)
    # Where the file lay for a moment is nobody's business.
    problems = [clean(str(problem).replace(f"{folder}/", "")) for refusal in intake.refusals for problem in refusal.problems]
    assessed = []
    for case, place in intake.cases[:_MOST_CASES]:
        try:
            assessed.append(assessor.assess(case))
        except ContradictoryCase as error:
            told = f"{place}: case {quoted(case.name)}: the answers contradict each other: {error}; correct one of them"
            problems.append(clean(told.replace(f"{folder}/", "")))
    if (left := len(intake.cases) - _MOST_CASES) > 0:
        problems.append(f"{left} more cases are not assessed here; `charley report` and `charley evaluate` take any number")
    return assessed, problems, intake.read


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _READERS.acquire(timeout=_PATIENCE):
        raise Refused(503, "Other files are being read; try again in a minute.")
    try:
        yield
    finally:
        _READERS.release()


def _report(visit: Visit, assessment: Assessment, problems: list[str]) -> Response:
    page = report_page(
        assessment,
        visit.service.knowledge,
        page=visit.page(),
        back="/case-files",
        back_told="Another case file",
        problems=[f"Refused: {problem}" for problem in problems[:_MOST_PROBLEMS]],
    )
    return HTMLResponse(page)


def _page(
    visit: Visit,
    status: int = 200,
    *,
    problems: list[str] | None = None,
    assessed: list[Assessment] | None = None,
    count: int = 0,
    name: str = "",
    content: bytes = b"",
    text: str = "",
) -> Response:
    knowledge = visit.service.knowledge
    grading = knowledge.grading
    cases = []
    for place, assessment in enumerate(assessed or (), start=1):
        leading = next(iter(assessment.causes), None)
        considered = leading is not None and grading.at_least(leading.standing, grading.considered)
        cases.append(
            {
                "place": place,
                "name": clean(assessment.case),
                "level": knowledge.levels[assessment.urgency.level].label,
                "ceiling": knowledge.levels[assessment.urgency.ceiling].label,
                "tone": tone(assessment.urgency.level, knowledge),
                "leading": f"{leading.label}: {grading.standings[leading.standing].lower()}" if leading and considered else "",
            }
        )
    found = problems or []
    return HTMLResponse(
        render_page(
            "case_files.html.j2",
            page=visit.page(),
            problems=found[:_MOST_PROBLEMS],
            more=max(0, len(found) - _MOST_PROBLEMS),
            cases=cases,
            count=count,
            file_name=name,
            content=base64.b64encode(content).decode() if cases else "",
            text=text,
            kinds="YAML, JSON, JSON Lines or FHIR R4 (a Bundle)",
            largest=f"{visit.service.settings.largest_file // 2**20} MB",
        ),
        status,
    )
