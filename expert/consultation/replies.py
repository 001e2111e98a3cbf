"""What people type at a consultation's screen, read into answers: numbers of what is so, values, "none", "unknown"."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from expert.consultation.answer_log import MEDICINES, STOPPED_MEDICINES
from expert.consultation.asking.page import ScreenAsked
from facts import medicine_lists
from facts.answers import AnswerError, read_answer, write_answer
from facts.medicines import MedicineDictionary, Stopped
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, YesNoFinding
from knowledge_base.model import KnowledgeBase

NONE = frozenset({"none", "no", "n", "0", "nothing"})
UNKNOWN = frozenset({"unknown", "u", "?", "don't know", "not known", "skip"})
YES = frozenset({"yes", "y"})
_REST = re.compile(r"\b(?:the\s+)?rest\s+(no|n|unknown|u)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*\d+\s*=\s*")
_VALUE = re.compile(r"^(\d+)=(.+)$")
_WORD = re.compile(r"^(unknown|u|no|n|-)?(\d+)(?:-(\d+))?$", re.IGNORECASE)
_LIMIT = re.compile(r"([<>≤≥]=?)\s+(?=\d)")
"""A limit belongs to the number behind it: "2=< 3" is a value, and no answer to question 3."""
_SUFFIXED = re.compile(r"^(\d+(?:\.\d+)?)([a-z]+)$", re.IGNORECASE)
"""A number with letters behind it: the choice that is written with it ("67f"), or the beginning of its unit ("20w")."""
_PAIR = re.compile(r"^(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)$")
_LETTERS_TO_BEGIN = 4
"""With fewer letters the beginning of a name may be a slip."""

_Listed = TypeVar("_Listed")


class ReplyError(ValueError):
    """A reply that cannot be used; the text says what was found, what was expected and what to type."""


def read_screen(asked: ScreenAsked, text: str, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Read the reply to a page as `read_reply` does, without what was denied together. Raises ReplyError."""
    return read_reply(asked, text, knowledge)[0]


def read_reply(asked: ScreenAsked, text: str, knowledge: KnowledgeBase) -> tuple[dict[str, Any], frozenset[str]]:
    """Read the reply to a page into answers by finding, and the signs among them that are absent because nobody named them.

    A finding that the reply leaves open is not among the answers.

    Of history, signs that are not named are absent: that is what the page asks. Of an examination they are so only after
    "none" or "rest no", because not everything may have been examined; of tests never. Raises ReplyError.
    """
    page = _Page(asked, knowledge)
    folded = " ".join(text.casefold().split())
    if not folded:
        raise ReplyError("type the numbers of what is so, or none, or unknown")
    if folded in UNKNOWN:
        return {finding.id: None for finding in page.findings}, frozenset()
    if len(page.findings) == 1 and (single := _single(page.findings[0], text, folded)):
        return single, frozenset()
    answers: dict[str, Any] = {}
    rest = _REST.search(text)
    words = _words(_REST.sub(" ", text))
    none = len(words) == 1 and words[0].casefold() in NONE
    all_others = rest is None and not none and words and words[-1].casefold() in NONE
    _put_words([] if none else words[:-1] if all_others else words, page, answers)
    named = set(answers)
    # Values alone say nothing about the signs beside them.
    signs = none or any(isinstance(finding, YesNoFinding) and finding.id in answers for finding in page.findings)
    if rest is not None:
        _put_rest(None if rest[1].casefold().startswith("u") else False, page, answers)
    elif ((signs or all_others) and asked.screen.by == "history") or (
        (none or all_others) and asked.screen.by == "examination"
    ):
        _put_rest(False, page, answers)
    elif none or (words and asked.screen.by == "examination"):
        _put_rest(None, page, answers)
    return answers, frozenset(name for name, answer in answers.items() if answer is False and name not in named)


class _Page:
    """What a page asks, for reading a reply to it."""

    def __init__(self, asked: ScreenAsked, knowledge: KnowledgeBase) -> None:
        self.asked, self.pairs = asked, knowledge.interview.written_together
        self.all = knowledge.vocabulary.findings
        self.findings = [self.all[name] for name in asked.questions]

    def numbered(self, number: int) -> Finding:
        if not 1 <= number <= len(self.findings):
            raise ReplyError(f"there is no {number} here, only 1 to {len(self.findings)}")
        return self.findings[number - 1]

    def choice(self, word: str) -> tuple[str, str] | None:
        """Return the question that a word answers, and the choice: when it begins one choice of the page alone."""
        folded = word.casefold().replace(" ", "_")
        found = [
            (finding.id, choice)
            for finding in self.findings
            if isinstance(finding, ChoiceFinding)
            for choice in finding.choices
            if choice.startswith(folded)
        ]
        return found[0] if len(found) == 1 else None

    def suffixed(self, word: str) -> dict[str, str] | None:
        """Return what a number answers by the letters behind it; None where they say nothing, or may say two things."""
        match = _SUFFIXED.match(word)
        if match is None:
            return None
        number, letters = match[1], match[2].casefold()
        for finding in self.findings:
            second = self.all.get(self.pairs.get(finding.id, ""))
            if isinstance(second, ChoiceFinding):
                meant = [choice for choice in second.choices if choice.startswith(letters)]
                if len(meant) == 1:
                    return {finding.id: number, second.id: meant[0]}
        units = [
            finding.id
            for finding in self.findings
            if isinstance(finding, QuantityFinding) and finding.unit.casefold().startswith(letters)
        ]
        return {units[0]: number} if len(units) == 1 else None

    def begins_apart(self, word: str, letters: str) -> bool:
        """Return whether a number that no question has belongs to the letters behind it, as in "67 f"."""
        return word.isdigit() and int(word) > len(self.findings) and self.suffixed(word + letters) is not None

    def is_word(self, word: str) -> bool:
        """Return whether a word is an answer of its own, and no part of the value before it."""
        return (
            bool(_WORD.match(word) or _VALUE.match(word))
            or word.casefold() in NONE
            or self.choice(word) is not None
            or self.suffixed(word) is not None
        )


def _words(text: str) -> list[str]:
    """Split "1=3.1 mmol/l, 3 u5 2-4" into words: a value begins with its number, "unknown 5", "2 - 4" and "2 to 4" are one."""
    joined = re.sub(r"\s*=\s*", "=", re.sub(r"(?<=\d)\s+(?:[-–]|to)\s+(?=\d)", "-", text))
    joined = re.sub(r"(?i)(?<![=\w])(unknown|no|u|n)\s+(?=\d)", r"\1", joined)
    joined = _LIMIT.sub(r"\1", joined)
    # A comma between two digits belongs to a value, unless what follows is the number of another.
    return re.sub(r";|,(?!\d)|(?<!\d),|,(?=\d+=)", " ", joined).split()


def _put_words(words: list[str], page: _Page, answers: dict[str, Any]) -> None:
    left = list(words)
    while left:
        word = left.pop(0)
        if left and page.begins_apart(word, left[0]):
            word += left.pop(0)
        if value := _VALUE.match(word):
            text = [value[2]]
            while left and not page.is_word(left[0]):
                text.append(left.pop(0))
            _put_value(int(value[1]), " ".join(text), page, answers)
        elif not _put_pair(word, page, answers) and not _put_suffixed(word, page, answers):
            for part in word.split(",") if _WORD.match(word.split(",")[0]) else [word]:
                _put_word(part, page, answers)


def _put_rest(value: bool | None, page: _Page, answers: dict[str, Any]) -> None:
    for finding in page.findings:
        if isinstance(finding, YesNoFinding) and (value is None or finding.id not in page.asked.each):
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
    # A 0 says of one sign as little as a 1 does.
    if isinstance(finding, YesNoFinding) and folded in (YES | NONE) - {"0"}:
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


def write_out(name: str, dictionary: MedicineDictionary) -> str:
    """Return the one medicine with a name of one word that begins so ("furo"); anything else stays as it is written."""
    begun = name.strip().casefold()
    if len(begun) < _LETTERS_TO_BEGIN or not begun.isalpha() or begun in dictionary.names:
        return name
    meant = {medicine for known, medicine in dictionary.names.items() if known.startswith(begun) and " " not in known}
    return meant.pop() if len(meant) == 1 else name


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


def _put(finding: Finding, value: Any, answers: dict[str, Any]) -> None:
    """Note an answer. Raises ReplyError where the same line gave another one: nobody can tell which is meant."""
    if finding.id in answers and answers[finding.id] != value:
        raise ReplyError(f"{finding.label} is answered twice, and not alike; keep one of the answers")
    answers[finding.id] = value


def _put_value(number: int, text: str, page: _Page, answers: dict[str, Any]) -> None:
    finding = page.numbered(number)
    pair = _PAIR.match(text)
    if pair and finding.id in page.pairs:
        second = page.all[page.pairs[finding.id]]
        _put(finding, read_value(finding, pair[1]), answers)
        _put(second, read_value(second, pair[2]), answers)
        return
    if isinstance(finding, ChoiceFinding) and (meant := page.choice(text)) and meant[0] == finding.id:
        text = meant[1]
    _put(finding, read_value(finding, text), answers)


def _put_pair(word: str, page: _Page, answers: dict[str, Any]) -> bool:
    """Read two numbers with a slash between, where the page asks for such a pair; False where it does not."""
    pair = _PAIR.match(word)
    first = next((finding for finding in page.findings if finding.id in page.pairs), None)
    if pair is None or first is None:
        return False
    second = page.all[page.pairs[first.id]]
    _put(first, read_value(first, pair[1]), answers)
    _put(second, read_value(second, pair[2]), answers)
    return True


def _put_suffixed(word: str, page: _Page, answers: dict[str, Any]) -> bool:
    """Read a number by the letters behind it; False where they say nothing. Raises ReplyError where it is said already."""
    told = page.suffixed(word)
    for name, text in (told or {}).items():
        finding = page.all[name]
        if name in answers:
            raise ReplyError(f"{word!r} gives {finding.label} a second time; keep one, or write the question's number: 2=…")
        answers[name] = read_value(finding, text)
    return told is not None


def _put_word(word: str, page: _Page, answers: dict[str, Any]) -> None:
    match = _WORD.match(word)
    if match is None:
        meant = page.choice(word)
        if meant is None:
            count = len(page.findings)
            raise ReplyError(f"found {word!r}, expected numbers from 1 to {count}, none or unknown; ? shows what can be typed")
        _put(page.all[meant[0]], meant[1], answers)
        return
    first, last = int(match[2]), int(match[3] or match[2])
    for number in range(first, last + 1) if last - first < len(page.findings) else [first, last]:
        finding = page.numbered(number)
        mark = (match[1] or "").casefold()
        value = None if mark.startswith("u") else not mark
        if value is not None and not isinstance(finding, YesNoFinding):
            raise ReplyError(f"{number} is {finding.label}, which needs a value: type {number}=…")
        _put(finding, value, answers)
