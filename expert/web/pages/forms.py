"""What a browser posts from a page of a consultation, read into answers as `charley consult` reads what is typed.

A question without an answer is never "no": whoever answers says of the rest of a page that it was asked and is absent, or that
it is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from expert.consultation import replies
from expert.consultation.page import ScreenAsked
from expert.consultation.replies import ReplyError
from facts.vocabulary import Finding, QuantityFinding, YesNoFinding
from knowledge_base.model import KnowledgeBase

CURRENT, STOPPED = "current", "stopped"
REST = "rest"
_LONGEST_LIST = 4_000
_LONGEST_ANSWER = 200


@dataclass(frozen=True, slots=True)
class Filled:
    """A page as it was filled in: the answers, None for "unknown", or what keeps it from being recorded, by question."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def answer_field(name: str) -> str:
    """Name the form field of a question."""
    return f"answer.{name}"


def open_field(name: str) -> str:
    """Name the form field that says a value is unknown."""
    return f"unknown.{name}"


def read_page(asked: ScreenAsked, form: Mapping[str, str], knowledge: KnowledgeBase) -> Filled:
    """Read the answers to a screen. Fields of questions that the screen does not ask are not looked at."""
    return _read_lists(form) if asked.screen.medicines else _read_questions(asked, form, knowledge)


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
        if rest == "unknown" or (rest == "no" and isinstance(finding, QuantityFinding)):
            answers[finding.id] = None
        elif rest == "no" and isinstance(finding, YesNoFinding) and finding.id not in asked.screen.each:
            answers[finding.id] = False
        elif rest == "no":
            problems[finding.id] = f"{finding.label}: silence says nothing of this; choose an answer, or Unknown"
    if left and rest not in ("no", "unknown"):
        count = "one question has" if len(left) == 1 else f"{len(left)} questions have"
        problems[REST] = f"{count} no answer; answer, or say of the rest that it is absent or unknown"
    return Filled(answers, problems)


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


def _read_lists(form: Mapping[str, str]) -> Filled:
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
            raise ReplyError("names are written, and yet it is chosen that there are none or that they are unknown; keep one")
        return [] if choice == "none" else None
    if not text:
        raise ReplyError("write the medicines, or choose that there are none, or Unknown")
    return reader(text)
