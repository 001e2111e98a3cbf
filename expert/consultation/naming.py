"""Findings that are told by name, with their value: "tingling lips", "K 2.9", "no fever", "sex=female"."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from expert.consultation.replies import NONE, YES, ReplyError, read_value
from facts.finding_search import Match, find_finding, search_findings
from facts.medicine_lists import split_at_commas
from facts.vocabulary import ChoiceFinding, Finding, Vocabulary, YesNoFinding

_SURE = 80
"""A search result that holds all the words (see `search_findings`)."""
_MOST_OFFERED = 5


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that was told by name, what was written of it, and as what it was recognized."""

    finding: Finding
    value: Any
    text: str


class Ambiguous(ReplyError):
    """A name that may be that of several findings, the likeliest first."""

    def __init__(self, text: str, value: str, matches: tuple[Finding, ...]) -> None:
        self.value, self.matches = value, matches
        super().__init__(f"{text!r} may be: " + "; ".join(finding.label for finding in matches) + "; type more of it")


def read_told(text: str, vocabulary: Vocabulary) -> Told:
    """Read one finding with its value. Raises ReplyError, or Ambiguous with what it may be."""
    plain = text.strip()
    name, sign, written = plain.partition("=")
    if sign:
        found = find(name, vocabulary)
        return Told(found, read(found, written), plain)
    if plain.casefold().startswith("no "):
        found = find(plain[3:], vocabulary)
        return Told(found, read(found, "no"), plain)
    ambiguous: Ambiguous | None = None
    for name, value in _cuts(plain):
        try:
            found = find(name, vocabulary)
        except Ambiguous as error:
            ambiguous = ambiguous or Ambiguous(name, value, error.matches)
            continue
        except ReplyError:
            continue
        return Told(found, read(found, value), plain)
    raise ambiguous or ReplyError(f"nothing here is called {plain!r}; try another word")


def is_named(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a text is the very name of a finding with a value behind it, as "K 2.9"."""
    cuts = (cut for cut in _cuts(text.strip()) if cut[1] and not cut[0].isdigit())
    return any(find_finding(name, vocabulary) is not None for name, _ in cuts)


def split(text: str) -> list[str]:
    """Split findings at the commas between them."""
    return [part for part in split_at_commas(text) if part.strip()]


def read(finding: Finding, value: str) -> Any:
    """Read the value that stands behind a name; nothing stands for yes. Raises ReplyError."""
    folded = value.strip().casefold()
    if isinstance(finding, YesNoFinding):
        if folded in NONE:
            return False
        if not folded or folded in YES:
            return True
    elif not folded:
        kind = " or ".join(finding.choices) if isinstance(finding, ChoiceFinding) else "a number"
        raise ReplyError(f"{finding.label} needs a value: write {kind} behind it")
    return read_value(finding, value)


def find(name: str, vocabulary: Vocabulary) -> Finding:
    """Return the finding that a name or words of it mean. Raises ReplyError, or Ambiguous."""
    if (exact := find_finding(name, vocabulary)) is not None:
        return exact
    matches = search_findings(name, vocabulary, _MOST_OFFERED)
    sure = [match for match in matches if match.score >= _SURE]
    if not sure:
        if matches:
            raise Ambiguous(name.strip(), "", tuple(match.finding for match in matches))
        raise ReplyError(f"nothing here is called {name.strip()!r}; try another word")
    if _leads(sure):
        return sure[0].finding
    raise Ambiguous(name.strip(), "", tuple(match.finding for match in sure))


def _leads(sure: list[Match]) -> bool:
    return len(sure) == 1 or sure[0].score > sure[1].score + 5


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """Return each way to cut a text into a name and a value, the longest name first."""
    words = text.split()
    for end in range(len(words), 0, -1):
        yield " ".join(words[:end]), " ".join(words[end:])
