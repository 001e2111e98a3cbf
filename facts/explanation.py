"""What a consultation answers when it is asked back, as plain frozen data: why, how, why not, what if, and where it stands.

Ids name findings, rules and conclusions, and clauses are English; how they are laid out is said where they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from facts.assessment import Argument, FindingUsed
from facts.vocabulary import Value

Truth: TypeAlias = Literal["holds", "fails", "open"]
Subject: TypeAlias = Literal["urgency", "finding", "sign", "step", "cause"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A cause that would stand otherwise: its standing now and then."""

    cause: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What other answers would change: the level (before and after, the same where it stays), warning signs, causes.

    `ruled_out` counts arguments that could no longer apply; `contradicts` says which answer stands against it, where one does.
    """

    level: tuple[str, str]
    signs: tuple[str, ...] = ()
    signs_gone: tuple[str, ...] = ()
    causes: tuple[Moved, ...] = ()
    ruled_out: int = 0
    contradicts: str = ""

    @property
    def changes_something(self) -> bool:
        """Whether a conclusion would be another one."""
        return self.level[0] != self.level[1] or bool(self.signs or self.signs_gone or self.causes)


@dataclass(frozen=True, slots=True)
class Served:
    """A rule that waits for an answer: for what, what it still needs (a clause), and what is known of it."""

    rule: str
    kind: str
    target: str
    level: str | None
    needed: str
    known: tuple[FindingUsed, ...]


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """An answer of a sort that the knowledge tells apart (for a quantity, both ends), and what it would change."""

    value: Value
    between: tuple[float, float] | None
    difference: Difference


@dataclass(frozen=True, slots=True)
class WhyAsked:
    """Why a question is asked: the rules that wait for it, the most urgent first, and what each answer would do."""

    finding: str
    known: FindingUsed | None
    served: tuple[Served, ...]
    answers: tuple[PossibleAnswer, ...]


@dataclass(frozen=True, slots=True)
class QuestionWorth:
    """What a question could change most: the level that it could raise the urgency to, and how many causes it could decide."""

    finding: str
    level: str | None
    causes: int


@dataclass(frozen=True, slots=True)
class WhyPage:
    """Why a page is asked."""

    screen: str
    label: str
    asks_medicines: bool
    questions: tuple[QuestionWorth, ...]


@dataclass(frozen=True, slots=True)
class How:
    """How a conclusion was reached, or where an answer comes from.

    `value` is the level or standing ("" where it was not concluded); `because` are the reasons that have no rule of their own;
    of a finding, `finding` is what is known, and `is_unknown` whether nobody knew.
    """

    about: Subject
    id: str
    value: str = ""
    because: tuple[str, ...] = ()
    source: str = ""
    arguments_for: tuple[Argument, ...] = ()
    arguments_against: tuple[Argument, ...] = ()
    finding: FindingUsed | None = None
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class RuleStands:
    """A rule of a conclusion: whether it holds, fails or is open, and the clause that says so, fails it, or is missing."""

    rule: str
    kind: str
    truth: Truth
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why something was not concluded: each rule for it, and those against it that hold."""

    about: Subject
    id: str
    rules: tuple[RuleStands, ...]
    against: tuple[RuleStands, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would change if answers were others. `both` are answers to suppose together where one alone contradicts another."""

    supposed: Mapping[str, Value]
    difference: Difference
    contradictions: tuple[str, ...] = ()
    both: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Where a consultation stands: the urgency, what could still raise it, what holds, and how much was asked."""

    level: str
    ceiling: str
    """The highest level that is not ruled out."""
    could_be: str
    """The level up to which what is open, and pertinent, could raise it."""
    is_decided: bool
    is_awaiting: bool
    is_open: bool
    """Whether a question that is left could raise the urgency."""
    signs: tuple[tuple[str, str], ...]
    """Warning signs with the level that each demands."""
    causes: tuple[tuple[str, str], ...]
    """Causes that are considered, with their standing."""
    pages: int
    known: int
    unknown: int
    questions_left: int
    """How many questions can follow at most, if no answer opens others."""
    questions_at_most: int | None = None
    """How many can follow at most, whatever is answered of what is asked; None where that was not worked out."""
