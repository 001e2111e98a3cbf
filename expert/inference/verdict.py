"""The verdict: how urgent it is by what is known, whether that is decided, and what could still raise it.

A danger (a rule of a warning sign) is pertinent when everybody is screened for it or when what would make anybody look for it
is known. A test is pertinent when a step that applies orders it. The verdict is decided when no pertinent danger above its
level is open to history or examination; `ceiling` is sound all the same: it counts every danger that is not ruled out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from facts.quantities import Interval
from facts.vocabulary import Value
from knowledge_base.declarations import AskedBy
from knowledge_base.interview import asked_by, told_by_lists
from knowledge_base.judging.judgement import Judge, Judgement, Outlook, look_for_key, only_if_key, unless_key
from knowledge_base.model import KnowledgeBase, Rule

ASKED_BY: tuple[AskedBy, ...] = ("history", "examination", "test")


@dataclass(frozen=True, slots=True)
class OpenDanger:
    """A pertinent danger above the level that answers could still show, and the findings that could (as the judge's bits)."""

    rule: Rule
    level: str
    bits: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level, the sound ceiling, and the pertinent dangers that are open, the most urgent first."""

    level: str
    ceiling: str
    open: tuple[OpenDanger, ...]
    answerable: frozenset[str]

    @property
    def could_rise_to(self) -> str | None:
        """The highest level that a pertinent open danger demands; None where there is none."""
        return self.open[0].level if self.open else None


@dataclass(frozen=True, slots=True)
class _Danger:
    rule: Rule
    position: int
    in_outlook: int
    rank: int
    look_for: int | None
    look_for_in_outlook: int
    downgrades: tuple[tuple[int, int], ...]

    def rank_here(self, true: tuple[bool, ...]) -> int:
        """Return the rank of the level that the danger demands of this patient, should it hold."""
        if not self.downgrades:
            return self.rank
        return min([self.rank, *(rank for position, rank in self.downgrades if true[position])])


class Verdicts:
    """Gives verdicts with one knowledge base; made once, used by any number of threads."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge) -> None:
        self.knowledge, self.judge = knowledge, judge
        self.levels, self.rank = tuple(knowledge.levels), knowledge.level_rank
        self.asked_by = asked_by(knowledge.interview, knowledge.vocabulary)
        self.listed = told_by_lists(knowledge.vocabulary, knowledge.dictionary)
        self.only_if = {name: judge.position[only_if_key(name)] for name in knowledge.interview.only_if}
        self.always = sum(bit for bit, name in judge.by_bit.items() if name in knowledge.interview.always | self.listed)
        # What every step tells: it orders that where its rule fires and it is no hazard.
        self.ordering = tuple(
            (judge.position[step.id], judge.position[unless_key(step.id)] if step.unless is not None else None, step.answers)
            for step in knowledge.next_steps.values()
            if step.answers
        )
        self.dangers = tuple(sorted(self._dangers(), key=lambda danger: (-danger.rank, danger.rule.target, danger.rule.id)))

    def _dangers(self) -> Iterator[_Danger]:
        position = self.judge.position
        for sign in self.knowledge.warning_signs.values():
            for rule in sign.rules:
                downgrades = tuple(
                    (position[entry.id], self.rank[entry.level or ""]) for entry in self.knowledge.downgrades.get(rule.id, ())
                )
                look_for = position[look_for_key(rule.id)] if rule.look_for is not None else None
                yield _Danger(
                    rule,
                    position[rule.id],
                    self.judge.danger_position[rule.id],
                    self.rank[rule.level or ""],
                    look_for,
                    self.judge.danger_position[rule.id if look_for is None else look_for_key(rule.id)],
                    downgrades,
                )

    def demanded(self, judgement: Judgement) -> list[tuple[Rule, int]]:
        """Return the warning rules that fire with the rank that each demands of this patient, the highest first."""
        true = judgement.true
        fired = [(danger.rule, danger.rank_here(true)) for danger in self.dangers if true[danger.position]]
        return sorted(fired, key=lambda entry: -entry[1])

    def level(self, judgement: Judgement) -> str:
        """Return the level that is known to be demanded."""
        fired = self.demanded(judgement)
        return self.levels[fired[0][1] if fired else 0]

    def verdict(
        self,
        values: Mapping[str, Value],
        judgement: Judgement,
        closed: Collection[str] = frozenset(),
    ) -> Verdict:
        """Return the verdict for what is known; `closed` findings cannot become known."""
        true = judgement.true
        level, ceiling = self._bounds(judgement)
        answerable = self.answerable(values, judgement, closed)
        open_: tuple[OpenDanger, ...] = ()
        if ceiling > level:
            open_ = self._open(true, level, self.judge.danger_outlook(values, answerable))
        return Verdict(self.levels[level], self.levels[ceiling], open_, answerable)

    def open_dangers(self, judgement: Judgement, outlook: Outlook) -> tuple[OpenDanger, ...]:
        """Return the open dangers of the verdict, given the outlook at the dangers with what can be answered."""
        return self._open(judgement.true, self._bounds(judgement)[0], outlook)

    def _bounds(self, judgement: Judgement) -> tuple[int, int]:
        """Return the ranks of the level and of the ceiling."""
        true, missing = judgement.true, judgement.missing
        level = ceiling = 0
        for danger in self.dangers:
            if danger.rank <= level and danger.rank <= ceiling:
                # They come from the highest down.
                break
            if true[danger.position]:
                rank = danger.rank_here(true)
                level, ceiling = max(level, rank), max(ceiling, rank)
            elif danger.rank > ceiling and missing[danger.position]:
                ceiling = max(ceiling, danger.rank_here(true))
        return level, ceiling

    def _open(self, true: tuple[Any, ...], level: int, outlook: Outlook) -> tuple[OpenDanger, ...]:
        """Return which dangers above the level are pertinent and open."""
        can, wanted = outlook
        open_: list[tuple[int, OpenDanger]] = []
        for danger in self.dangers:
            if danger.rank <= level:
                break
            if true[danger.position] or not can[danger.in_outlook]:
                continue
            if danger.look_for is None or true[danger.look_for]:
                bits = wanted[danger.in_outlook]
            else:
                # Whether anybody would look for it hangs on what everybody is asked for.
                bits = wanted[danger.look_for_in_outlook] & self.always
                if not bits:
                    continue
            rank = danger.rank_here(true)
            if rank > level:
                open_.append((rank, OpenDanger(danger.rule, self.levels[rank], bits)))
        open_.sort(key=lambda entry: -entry[0])
        return tuple(danger for _, danger in open_)

    def answerable(
        self, values: Mapping[str, Value], judgement: Judgement, closed: Collection[str] = frozenset()
    ) -> frozenset[str]:
        """Return the findings that can become known: by history, by examination, or by a test that a step orders.

        A number that is known in part can become known exactly, by whatever told that much.
        """
        true = judgement.true
        partly = {name for name, value in values.items() if isinstance(value, Interval)}
        ordered: set[str] = set()
        for position, unless, told in self.ordering:
            if true[position] and not (unless is not None and true[unless]):
                ordered.update(told)
        return frozenset(
            name
            for name, by in self.asked_by.items()
            if (name not in values or name in partly)
            and name not in closed
            and (by != "test" or name in ordered or name in partly)
            and not (name in self.only_if and judgement.false(self.only_if[name]))
        )
