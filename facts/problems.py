"""What is said when input or knowledge cannot be used: a place, what was found and how to fix it, for whoever wrote it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; line and column count from 1, 0 stands for "not known"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where, what was found and expected (`message`), and what to do about it (`fix`)."""

    place: Place
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}; {self.fix}" if self.fix else f"{self.place}: {self.message}"


class CharleyError(Exception):
    """Something that the person at the keyboard can fix; carries every problem that was found, never just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownName(LookupError):
    """A name that stands for nothing here; the text suggests what was meant."""


_RIVAL = 8
"""How far, of 100, a second suggestion may lie behind the best and still be worth reading."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest how to fix an unknown name: "did you mean vomiting?", or an empty text when nothing comes near."""
    from rapidfuzz import fuzz, process

    # 75 of 100 admits a slip or two in a word and keeps strangers out; a suggestion is only ever shown, never acted on.
    near = process.extract(name.casefold().replace(" ", "_"), sorted(known), scorer=fuzz.ratio, limit=3, score_cutoff=75)
    if not near:
        return ""
    best = near[0][1]
    return "did you mean " + " or ".join(choice for choice, score, _ in near if score > best - _RIVAL) + "?"


def quoted(text: object, limit: int = 60) -> str:
    """Show untrusted text inside a message: in quotes, on one line, without control characters, cut when long."""
    shown = repr(str(text)[: limit + 1])
    return shown if len(str(text)) <= limit else shown[:limit] + "…" + shown[-1]
