"""The page on which a case file is dropped to read its report, and the handbook. Nothing of a file is kept.

A file is read, and its page made, in a process of its own (`expert.web.reading`), which calls `answer_file`.
"""

import base64
import binascii
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PosixPath
from typing import IO, Any

from starlette.responses import HTMLResponse, Response

from expert.failure_log import LOG
from expert.inference.assessing import Assessor, ContradictoryCase
from expert.web.access import audit
from expert.web.pages.questions import tone
from expert.web.readers import CannotRead, TakesTooMuch
from expert.web.service import Refused, Visit
from facts.assessment import Assessment
from facts.intake.files import read_files
from facts.problems import quoted
from knowledge_base.model import KnowledgeBase
from reports.pages import handbook_entry, handbook_index, handbook_page, render_page, report_page
from reports.words.cleaning import clean
from reports.writing import file_name

_KINDS = (".yaml", ".yml", ".json", ".jsonl", ".ndjson")
_MOST_CASES = 200
_MOST_WORDS = 200
_MOST_PROBLEMS = 50
_MOST_PARTS = 400_000
"""Values of a file, and lists and objects. A record of 8 MB has half as many; as many empty ones take gigabytes."""


def case_files(visit: Visit) -> Response:
    """Show where a case file is dropped."""
    return HTMLResponse(_page(visit.service.knowledge, _around(visit)))


def assess(visit: Visit) -> Response:
    """Assess what was dropped: one case gives its report, several a list of them."""
    service, (name, content) = visit.service, _given(visit)
    page = _around(visit)
    if not content.strip():
        problem = "nothing was given; choose a file, or paste its text"
        return HTMLResponse(_page(service.knowledge, page, problems=[problem]), 422)
    pasted = not visit.files.get("file", ("", b""))[1] and not visit.form.get("content")
    try:
        answered = service.readers.read(name, content, place=visit.form.get("place", ""), pasted=pasted, page=page)
    except TakesTooMuch:
        seconds, memory = service.settings.file_seconds, service.settings.file_memory // 2**20
        problem = f"this file takes more than {seconds} seconds or {memory} MB to read; `charley report` takes any"
        return HTMLResponse(_page(service.knowledge, page, problems=[problem]), 413)
    except CannotRead as error:
        LOG.error("%s", error)
        raise Refused(503, "Files cannot be read now; whoever runs this service has to look after it.") from None
    audit.record(service.store, service.now(), visit.owner, "read a case file", detail=f"{answered.cases} cases")
    return HTMLResponse(answered.page, answered.status)


def handbook(visit: Visit) -> Response:
    """Show the chapters of the knowledge base and what was looked for in them, or all of it."""
    knowledge = visit.service.knowledge
    if "all" in visit.query:
        return HTMLResponse(handbook_page(knowledge, page=visit.page()))
    words = clean(visit.query.get("words", "")[:_MOST_WORDS])
    return HTMLResponse(handbook_index(knowledge, words, page=visit.page()))


def handbook_entry_page(visit: Visit) -> Response:
    """Show a cause, a warning sign or a next step."""
    shown = handbook_entry(visit.service.knowledge, visit.path["name"], page=visit.page())
    if shown is None:
        raise Refused(404, "The handbook has no such entry.")
    return HTMLResponse(shown)


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


class PostedFile(PosixPath):
    """A file that was posted: in memory alone, so that a process which is killed leaves nothing of it on a disk."""

    content: bytes = b""

    @classmethod
    def of(cls, name: str, content: bytes) -> "PostedFile":
        """Return a file with this name and content."""
        posted = cls(name)
        posted.content = content
        return posted

    def open(self, *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """Open it for reading, as bytes: what the readers of files ask for."""
        return BytesIO(self.content)

    def is_file(self, **_: Any) -> bool:
        """Return True: it is one, though on no disk."""
        return True

    def is_dir(self, **_: Any) -> bool:
        """Return False."""
        return False


def assessed_file(assessor: Assessor, name: str, content: bytes) -> tuple[list[Assessment], list[str], int]:
    """Assess the cases of a file; gives also what was refused, and how many cases and refusals there were."""
    knowledge = assessor.knowledge
    if (parts := _parts(name, content)) > _MOST_PARTS:
        return [], [f"the file has about {parts:,} values, and {_MOST_PARTS:,} are taken; `charley report` takes any number"], 1
    intake = read_files([PostedFile.of(name, content)], knowledge.vocabulary, knowledge.dictionary)
    problems = [clean(str(problem)) for refusal in intake.refusals for problem in refusal.problems]
    assessed = []
    for case, place in intake.cases[:_MOST_CASES]:
        try:
            assessed.append(assessor.assess(case))
        except ContradictoryCase as error:
            told = f"{place}: case {quoted(case.name)}: the answers contradict each other: {error}; correct one of them"
            problems.append(clean(told))
    if (left := len(intake.cases) - _MOST_CASES) > 0:
        problems.append(f"{left} more cases are not assessed here; `charley report` and `charley evaluate` take any number")
    return assessed, problems, intake.read


def _parts(name: str, content: bytes) -> int:
    """Count about how many values a file has, before any of them takes memory: by what stands between them."""
    marks = b",[{" if name.endswith((".json", ".jsonl", ".ndjson")) else b",[{\n"
    return sum(content.count(mark.to_bytes(1)) for mark in marks)


def answer_file(
    assessor: Assessor, name: str, content: bytes, place: str, pasted: bool, page: Mapping[str, Any]
) -> tuple[int, int, str]:
    """Return the status, the number of cases assessed and the page for a file; `place` chooses one of its cases, from 1."""
    knowledge = assessor.knowledge
    assessed, problems, count = assessed_file(assessor, name, content)
    if place.isascii() and place.isdigit() and 1 <= int(place[:9]) <= len(assessed):
        return 200, len(assessed), _report(knowledge, page, assessed[int(place) - 1], [])
    if len(assessed) == 1:
        return 200, 1, _report(knowledge, page, assessed[0], problems)
    if not assessed:
        return 422, 0, _page(knowledge, page, problems=problems, text=content.decode("utf-8", "replace") if pasted else "")
    shown = _page(knowledge, page, problems=problems, assessed=assessed, count=count, name=name, content=content)
    return 200, len(assessed), shown


def _around(visit: Visit) -> dict[str, Any]:
    return {**visit.page(), "largest": f"{visit.service.settings.largest_file // 2**20} MB"}


def _report(knowledge: KnowledgeBase, page: Mapping[str, Any], assessment: Assessment, problems: list[str]) -> str:
    return report_page(
        assessment,
        knowledge,
        page=page,
        back="/case-files",
        back_told="Another case file",
        problems=[f"Refused: {problem}" for problem in problems[:_MOST_PROBLEMS]],
    )


def _page(
    knowledge: KnowledgeBase,
    page: Mapping[str, Any],
    *,
    problems: list[str] | None = None,
    assessed: list[Assessment] | None = None,
    count: int = 0,
    name: str = "",
    content: bytes = b"",
    text: str = "",
) -> str:
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
    return render_page(
        "case_files.html.j2",
        page=page,
        problems=found[:_MOST_PROBLEMS],
        more=max(0, len(found) - _MOST_PROBLEMS),
        cases=cases,
        count=count,
        file_name=name,
        content=base64.b64encode(content).decode() if cases else "",
        text=text,
        kinds="YAML, JSON, JSON Lines or FHIR R4 (a Bundle)",
        largest=page["largest"],
    )
