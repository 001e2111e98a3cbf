"""What people type at a consultation's screen, read into answers: numbers of what is so, values, "none", "unknown"."""

import re
from collections.abc import Mapping
from typing import Any

from expert.consultation.answer_log import MEDICINES, STOPPED_MEDICINES
from expert.consultation.next_question import ScreenAsked
from facts.answers import AnswerError, read_answer, write_answer
from facts.vocabulary import ChoiceFinding, Finding, YesNoFinding
from knowledge_base.model import KnowledgeBase

NONE = frozenset({"none", "no", "n", "0", "nothing"})
UNKNOWN = frozenset({"unknown", "u", "?", "don't know", "not known", "skip"})
YES = frozenset({"yes", "y"})
_VALUE = re.compile(r"(\d+)\s*=\s*(.+?)\s*(?=[,;]|\s\d+\s*=|$)")
_NUMBERED = re.compile(r"^\s*\d+\s*=\s*")
_REST = re.compile(r"\b(?:the\s+)?rest\s+(no|n|unknown|u)\b", re.IGNORECASE)
_WORD = re.compile(r"^(u|unknown|n|no|-)?\s*(\d+)(?:\s*-\s*(\d+))?$", re.IGNORECASE)
_DAYS = re.compile(r"(\d+(?:\.\d+)?)\s*(days?|d|weeks?|w|months?)\s*ago", re.IGNORECASE)
_WEEKS = re.compile(r"(?:after|for|taken)\s*(\d+(?:\.\d+)?)\s*(days?|d|weeks?|w|months?|years?|y)", re.IGNORECASE)
_IN_DAYS = {"d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}


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
    folded = " ".join(text.casefold().split())
    if folded in UNKNOWN:
        return None
    if folded in NONE:
        return []
    if not folded:
        raise ReplyError("type the medicines with commas between, or none, or unknown")
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def read_stopped(text: str) -> list[dict[str, Any]] | None:
    """Read stopped medicines: "NAME 3 days ago after 26 weeks, …"; [] for none, None for "unknown"."""
    listed = read_medicines(text)
    return None if listed is None else [_stopped(part) for part in listed]


def lists(medicines: list[str] | None, stopped: list[dict[str, Any]] | None) -> Mapping[str, Any]:
    """Return the answers of the medicines' screen."""
    return {MEDICINES: medicines, STOPPED_MEDICINES: stopped}


def _stopped(text: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, pattern, unit in (("days_ago", _DAYS, 1.0), ("after_weeks", _WEEKS, 7.0)):
        found = pattern.search(text)
        if found:
            entry[key] = round(float(found[1]) * _IN_DAYS[found[2][0].lower()] / unit, 2)
            text = text[: found.start()] + text[found.end() :]
    name = " ".join(text.split())
    if not name:
        raise ReplyError("a stopped medicine needs its name: NAME 3 days ago after 26 weeks")
    return {"name": name, **entry}


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
            f"{error} (a comma goes between a value and what follows it)" if " " in match[2] else str(error)
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
