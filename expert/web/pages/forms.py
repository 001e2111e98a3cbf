"""What a browser posts from a page of a consultation, read into answers as `charley consult` reads what is typed.

A question without an answer is never "no": whoever answers says of the rest of a page that it was asked and is absent, or that
it is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from expert.consultation import naming, replies
from expert.consultation.answer_log import NO_MORE, RESULTS, SOME
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.replies import ReplyError
from facts.vocabulary import Finding, YesNoFinding
from knowledge_base.model import KnowledgeBase

CURRENT, STOPPED = "current", "stopped"
REST = "rest"
RESULTS_TOLD, TOLD = "results_told", "told"
_LONGEST_LIST = 4_000
_LONGEST_ANSWER = 200


@dataclass(frozen=True, slots=True)
class Filled:
    """A page as it was filled in: the answers, None for "unknown", or what keeps it from being recorded, by question."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    together: frozenset[str] = frozenset()
    """The signs that are absent because the button says so of all that nobody named."""


def answer_field(name: str) -> str:
    """Name the form field of a question."""
    return f"answer.{name}"


def open_field(name: str) -> str:
    """Name the form field that says a value is unknown."""
    return f"unknown.{name}"


def read_page(asked: ScreenAsked, form: Mapping[str, str], knowledge: KnowledgeBase) -> Filled:
    """Read the answers to a page. Fields of questions that the page does not ask are not looked at."""
    parts = [_read_questions(asked, form, knowledge)] if asked.questions else []
    if asked.asks_medicines:
        parts.append(read_lists(form))
    if asked.asks_results:
        parts.append(_read_results(form, knowledge))
    if asked.asks_anything:
        parts.append(_read_told(form.get(TOLD, ""), TOLD, knowledge))
    answers = {name: answer for part in parts for name, answer in part.answers.items()}
    together = frozenset().union(*(part.together for part in parts))
    return Filled(answers, {name: problem for part in parts for name, problem in part.problems.items()}, together)


def _read_questions(asked: ScreenAsked, form: Mapping[str, str], knowledge: KnowledgeBase) -> Filled:
    answers: dict[str, Any] = {}
    problems: dict[str, str] = {}
    left: list[Finding] = []
    for name in asked.questions:
        finding = knowledge.vocabulary.findings[name]
        try:
            read = _read_answer(finding, form)
        except ReplyError as error:
            problems[name] = str(error)
            continue
        if read is None:
            left.append(finding)
        else:
            answers[name] = read[0]
    rest = "unknown" if asked.screen.by == "test" else form.get(REST, "")
    for finding in left:
        # The button says which questions it covers: a value, and what has to be tried, are never absent for being left out.
        if rest == "no" and isinstance(finding, YesNoFinding) and finding.id not in asked.each:
            answers[finding.id] = False
        elif rest and not asked.in_full:
            answers[finding.id] = None
    if left and rest not in ("no", "unknown"):
        count = "one question has" if len(left) == 1 else f"{len(left)} questions have"
        problems[REST] = f"{count} no answer; answer, or say of the rest that it is absent or unknown"
    together = frozenset(finding.id for finding in left if answers.get(finding.id) is False)
    return Filled(answers, problems, together)


def _read_results(form: Mapping[str, str], knowledge: KnowledgeBase) -> Filled:
    """Read the results that are available; left empty, it is not known whether there are any."""
    text, none = form.get(RESULTS_TOLD, "").strip(), form.get(RESULTS) == NO_MORE
    if text and none:
        return Filled({}, {RESULTS_TOLD: "results are written, and No results is chosen too; keep one of them"})
    read = _read_told(text, RESULTS_TOLD, knowledge)
    return read if read.problems else Filled({**read.answers, RESULTS: NO_MORE if none else SOME if text else None})


def _read_told(text: str, field: str, knowledge: KnowledgeBase) -> Filled:
    """Read findings that were told by name."""
    if len(text) > _LONGEST_LIST:
        return Filled({}, {field: f"found {len(text)} characters, expected at most {_LONGEST_LIST}"})
    try:
        told = [naming.read_told(part, knowledge.vocabulary) for part in naming.split(text.replace("\n", ","))]
    except ReplyError as error:
        return Filled({}, {field: str(error)})
    return Filled({one.finding.id: one.value for one in told})


def _read_answer(finding: Finding, form: Mapping[str, str]) -> tuple[Any] | None:
    """Read one answer; None where there is none. Raises ReplyError."""
    text = form.get(answer_field(finding.id), "").strip()
    is_open = open_field(finding.id) in form
    if len(text) > _LONGEST_ANSWER:
        raise ReplyError(f"{finding.label}: found {len(text)} characters, expected one value")
    if text and is_open:
        raise ReplyError(f"{finding.label}: there is a value and Unknown is chosen too; keep one of them")
    if not text:
        return (None,) if is_open else None
    return (replies.read_value(finding, text),)


def read_lists(form: Mapping[str, str]) -> Filled:
    """Read the medicine lists."""
    lists: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for key, reader in ((CURRENT, replies.read_medicines), (STOPPED, replies.read_stopped)):
        try:
            lists[key] = _read_list(form.get(key, ""), form.get(f"{key}_list", "").strip(), reader)
        except ReplyError as error:
            problems[key] = str(error)
    return Filled({}, problems) if problems else Filled(replies.lists(lists[CURRENT], lists[STOPPED]))


def _read_list(choice: str, text: str, reader: Any) -> Any:
    if len(text) > _LONGEST_LIST:
        raise ReplyError(f"found {len(text)} characters, expected at most {_LONGEST_LIST}; write the names alone")
    if choice in ("none", "unknown"):
        if text:
            raise ReplyError("names are written, but None or Unknown is also chosen; keep one")
        return [] if choice == "none" else None
    if not text:
        raise ReplyError("write the medicines, or choose None or Unknown")
    return reader(text)
