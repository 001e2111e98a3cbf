"""What people type at a consultation's screen, read into answers: numbers of what is so, values, "none", "unknown"."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from expert.consultation.answer_log import MEDICINES, STOPPED_MEDICINES
from expert.consultation.next_question import ScreenAsked
from facts import medicine_lists
from facts.answers import AnswerError, read_answer, write_answer
from facts.medicines import Stopped
from facts.vocabulary import ChoiceFinding, Finding, YesNoFinding
from knowledge_base.model import KnowledgeBase

NONE = frozenset({"none", "no", "n", "0", "nothing"})
UNKNOWN = frozenset({"unknown", "u", "?", "don't know", "not known", "skip"})
YES = frozenset({"yes", "y"})
# A comma between two digits belongs to the value, unless what follows it is a number and its own "=".
_VALUE = re.compile(r"(\d+)\s*=\s*(.+?)\s*(?=;|,(?!\d)|(?<!\d),|,\d+\s*=|\s\d+\s*=|$)")
_NUMBERED = re.compile(r"^\s*\d+\s*=\s*")
_REST = re.compile(r"\b(?:the\s+)?rest\s+(no|n|unknown|u)\b", re.IGNORECASE)
_WORD = re.compile(r"^(u|unknown|n|no|-)?\s*(\d+)(?:\s*-\s*(\d+))?$", re.IGNORECASE)

_Listed = TypeVar("_Listed")


class ReplyError(ValueError):
    """A reply that cannot be used; the text says what was found, what was expected and what to type."""


def read_screen(asked: ScreenAsked, text: str, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Read the reply to a screen into answers by finding; a finding that the reply leaves open is not among them.

    Of history, signs that are not named are absent: that is what the screen asks. Of an examination they are so only after
    "none" or "rest no", because not everything may have been examined; of tests never. Raises ReplyError.
    """
    findings = [knowledge.vocabulary.findings[name] for name in asked.questions]
    folded = " ".join(text.casefold().split())
    if not folded:
        raise ReplyError("type the numbers of what is so, or none, or unknown")
    if folded in UNKNOWN:
        return {finding.id: None for finding in findings}
    if len(findings) == 1 and (single := _single(findings[0], text, folded)):
        return single
    answers: dict[str, Any] = {}
    rest = _REST.search(text)
    left = _VALUE.sub(lambda match: _put_value(match, findings, answers), _REST.sub(" ", text))
    words = [word for part in re.split(r"[,;]", left) for word in _split(part)]
    none = len(words) == 1 and words[0].casefold() in NONE
    for word in () if none else words:
        _put_word(word, findings, answers)
    if rest is not None:
        _put_rest(None if rest[1].casefold().startswith("u") else False, asked, findings, answers)
    elif (words and asked.screen.by == "history") or (none and asked.screen.by == "examination"):
        _put_rest(False, asked, findings, answers)
    elif none or (words and asked.screen.by == "examination"):
        _put_rest(None, asked, findings, answers)
    return answers


def _put_rest(value: bool | None, asked: ScreenAsked, findings: list[Finding], answers: dict[str, Any]) -> None:
    for finding in findings:
        if isinstance(finding, YesNoFinding) and (value is None or finding.id not in asked.screen.each):
            answers.setdefault(finding.id, value)


def _single(finding: Finding, text: str, folded: str) -> dict[str, Any] | None:
    if isinstance(finding, YesNoFinding):
        if folded in YES or folded in NONE:
            return {finding.id: folded in YES}
        return None
    if "=" in text:
        return None
    return {finding.id: read_value(finding, text)}


def read_value(finding: Finding, text: str) -> Any:
    """Read the answer to one question as it is kept: what was typed, once it is known to be readable. Raises ReplyError."""
    text = _NUMBERED.sub("", text)
    folded = " ".join(text.casefold().split())
    if folded in UNKNOWN or not folded:
        return None
    if isinstance(finding, YesNoFinding) and (folded in YES or folded in NONE):
        return folded in YES
    if isinstance(finding, ChoiceFinding) and folded.isdigit():
        if 1 <= int(folded) <= len(finding.choices):
            return list(finding.choices)[int(folded) - 1]
        raise ReplyError(f"{finding.label}: found {folded}, expected a number from 1 to {len(finding.choices)}")
    try:
        observed = read_answer(finding, text.strip())
    except AnswerError as error:
        raise ReplyError(str(error)) from None
    return None if observed is None else write_answer(finding, observed)


def read_medicines(text: str) -> list[str] | None:
    """Read a list of medicines, commas between; [] for none, None for "unknown"."""
    names = _listed(text)
    return names if names is None else _read(lambda: medicine_lists.read_medicines(names))


def read_stopped(text: str) -> list[dict[str, Any]] | None:
    """Read stopped medicines: "NAME 3 days ago after 26 weeks, …"; [] for none, None for "unknown"."""
    listed = _listed(text)
    stopped = None if listed is None else _read(lambda: medicine_lists.read_stopped_medicines(listed))
    return None if stopped is None else [_as_answer(stop) for stop in stopped]


def _listed(text: str) -> list[str] | None:
    folded = " ".join(text.casefold().split())
    if folded in UNKNOWN:
        return None
    if folded in NONE:
        return []
    names = medicine_lists.split_at_commas(text)
    if not names:
        raise ReplyError("type the medicines with commas between, or none, or unknown")
    return names


def _read(read: Callable[[], _Listed]) -> _Listed:
    try:
        return read()
    except medicine_lists.ListError as error:
        raise ReplyError(str(error)) from None


def _as_answer(stop: Stopped) -> dict[str, Any]:
    times = {"days_ago": stop.days_ago, "after_weeks": stop.after_weeks}
    return {"name": stop.name, **{key: time for key, time in times.items() if time is not None}}


def lists(medicines: list[str] | None, stopped: list[dict[str, Any]] | None) -> Mapping[str, Any]:
    """Return the answers of the medicines' screen."""
    return {MEDICINES: medicines, STOPPED_MEDICINES: stopped}


def _split(part: str) -> list[str]:
    """Split "1 3 u5 2-4" at its spaces, keeping "unknown 5" and "2 - 4" together."""
    joined = re.sub(r"(?i)\b(unknown|no|u|n)\s+(?=\d)", r"\1", re.sub(r"\s*-\s*", "-", part))
    return joined.split()


def _put_value(match: re.Match[str], findings: list[Finding], answers: dict[str, Any]) -> str:
    finding = _numbered(int(match[1]), findings)
    try:
        answers[finding.id] = read_value(finding, match[2])
    except ReplyError as error:
        raise ReplyError(
            f"{error} (between a value and what follows it go a comma and a space)"
            if re.search("[ ,]", match[2])
            else str(error)
        ) from None
    return " "


def _put_word(word: str, findings: list[Finding], answers: dict[str, Any]) -> None:
    match = _WORD.match(word)
    if match is None:
        raise ReplyError(
            f"found {word!r}, expected numbers from 1 to {len(findings)}, none or unknown; ? shows what can be typed"
        )
    first, last = int(match[2]), int(match[3] or match[2])
    for number in range(first, last + 1) if last - first < len(findings) else [first, last]:
        finding = _numbered(number, findings)
        mark = (match[1] or "").casefold()
        if mark.startswith("u"):
            answers[finding.id] = None
        elif not isinstance(finding, YesNoFinding):
            raise ReplyError(f"{number} is {finding.label}, which needs a value: type {number}=…")
        else:
            answers[finding.id] = not mark


def _numbered(number: int, findings: list[Finding]) -> Finding:
    if not 1 <= number <= len(findings):
        raise ReplyError(f"there is no {number} here, only 1 to {len(findings)}")
    return findings[number - 1]
