"""Conclusions about whole cohorts: the judge's program over the patients of a frame, 64 in each machine word.

What is computed for a frame depends on which columns it has, and is put together once for all frames that have the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nanoarrow
import numpy as np
import polars as pl
from numpy.typing import NDArray

from expert.cohorts.planes.answers import Column, GivenAnswers, columns_of
from expert.cohorts.planes.assembly import NONE, Assembly, Code, Plane, Words, finish
from expert.cohorts.planes.bits import count_rows, number_of, spread, where_equal
from expert.cohorts.planes.conclusions import Digits, Standings, Urgencies, find_standings, find_urgencies
from expert.cohorts.planes.lists import list_set
from expert.cohorts.planes.ranking import rank_first
from expert.cohorts.planes.truths import Truth, judge_all
from expert.inference.verdict import Verdicts
from knowledge_base.judging.judgement import Judge, contradiction_key
from knowledge_base.judging.program import write_program
from knowledge_base.model import KnowledgeBase


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed for frames with certain columns."""

    code: Code
    answers: GivenAnswers
    truths: Mapping[str, Truth]
    standings: Mapping[str, Standings]
    urgencies: Urgencies | None


class Room:
    """Memory that results are written to again and again.

    What was judged in a room, and every column of that, is good until something else is judged in it.
    """

    def __init__(self) -> None:
        self._words = np.zeros(0, np.uint64)

    def take(self, size: int) -> Words:
        """Return memory for so many words."""
        # Memory that was written before is there already; new pages cost as much as the judging.
        if self._words.size < size:
            self._words = np.zeros(size, np.uint64)
        return self._words[:size]


class CohortJudge:
    """Judges cohorts with one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.judge = Judge(knowledge)
        self.verdicts = Verdicts(knowledge, self.judge)
        self._plans: dict[tuple[frozenset[str], tuple[str, ...] | None], _Plan] = {}

    def judge_only(self, frame: pl.DataFrame, names: tuple[str, ...]) -> "Judged":
        """Judge some conditions of every row, by the names that a `Judge` has for them. Raises UnfitFrame."""
        columns = columns_of(frame, self.knowledge.vocabulary)
        return self._run(self._plan(columns, names), columns, frame.height, Room())

    def __call__(self, frame: pl.DataFrame, room: Room | None = None) -> "Judged":
        """Judge every condition of every row, in memory of its own or in a room. Raises UnfitFrame."""
        columns = columns_of(frame, self.knowledge.vocabulary)
        return self._run(self._plan(columns, None), columns, frame.height, room or Room())

    def _run(self, plan: _Plan, columns: Mapping[str, Column], height: int, room: Room) -> "Judged":
        words = -(-height // 64)
        result = room.take(plan.code.results * words).reshape(plan.code.results, words)
        plan.code.run(lambda given, start, end: plan.answers.fill(columns, height, given, start, end), result)
        return Judged(self.knowledge, plan, result, height)

    def _plan(self, columns: Mapping[str, Column], names: tuple[str, ...] | None) -> _Plan:
        key = (frozenset(columns), names)
        if key not in self._plans:
            self._plans[key] = self._conclude(columns) if names is None else self._judge_only(columns, names)
        return self._plans[key]

    def _judge_only(self, columns: Mapping[str, Column], names: tuple[str, ...]) -> _Plan:
        assembly = Assembly()
        answers = GivenAnswers(assembly, self.knowledge.vocabulary, columns)
        truths = judge_all(assembly, write_program(self.judge.conditions, names), answers)
        code = finish(assembly, [plane for truth in truths.values() for plane in truth])
        return _Plan(code, answers, truths, {}, None)

    def _conclude(self, columns: Mapping[str, Column]) -> _Plan:
        assembly, knowledge = Assembly(), self.knowledge
        answers = GivenAnswers(assembly, knowledge.vocabulary, columns)
        truths = judge_all(assembly, self.judge.program, answers)
        standings = {name: find_standings(assembly, cause, truths, knowledge) for name, cause in knowledge.causes.items()}
        urgencies = find_urgencies(assembly, truths, answers, self.judge, self.verdicts, knowledge)
        wanted: list[Plane] = []
        # A cause's rules and what they come to stand together, so that they are computed together.
        for name, cause in knowledge.causes.items():
            wanted += (plane for rule in cause.rules for plane in truths[rule.id])
            standing = standings[name]
            wanted += (*standing.code, standing.considered, standing.likely)
            wanted += (digit for digits in standing.counts.values() for digit in digits)
        for name in (*knowledge.rules, *knowledge.warning_signs):
            wanted += truths[name]
        wanted += (truths[contradiction_key(name)].true for name in knowledge.contradictions)
        wanted += (*urgencies.level, *urgencies.ceiling, urgencies.decided)
        return _Plan(finish(assembly, wanted), answers, truths, standings, urgencies)


class Judged:
    """What was concluded about the rows of a frame, in their order."""

    def __init__(self, knowledge: KnowledgeBase, plan: _Plan, result: Words, height: int) -> None:
        self.knowledge, self.height = knowledge, height
        self._plan, self._result = plan, result
        # A file has a part of the findings, and most rules of the knowledge come out alike without the others.
        self._truths: dict[Truth, pl.Series] = {}
        self._standing_counts: dict[Digits, dict[str, int]] = {}

    def truth(self, name: str, before: str = "") -> pl.Series:
        """Return what a condition is worth in each row: true, false, or null where it is unknown.

        `before` stands before its name in that of the column.
        """
        truth = self._plan.truths[name]
        if truth not in self._truths:
            true, false = map(self._plane, truth)
            unknown = self.height - self._count(truth.true) - self._count(truth.false)
            array = nanoarrow.c_array_from_buffers(nanoarrow.bool_(), self.height, [true | false, true], null_count=unknown)
            self._truths[truth] = pl.Series(array)
        return self._truths[truth].alias(before + name)

    def contradictions(self) -> dict[str, pl.Series]:
        """Return by each contradiction in which rows it is true."""
        return {name: self.is_true(contradiction_key(name)) for name in self.knowledge.contradictions}

    def is_true(self, name: str) -> pl.Series:
        """Return in which rows a condition is true."""
        return self._bits(self._plan.truths[name].true, name)

    def planes(self, name: str) -> tuple[Words, Words]:
        """Return where a condition is true and where it is false: a bit a row, 64 in a word, lowest first."""
        true, false = self._plan.truths[name]
        return self._plane(true), self._plane(false)

    def count(self, name: str) -> tuple[int, int]:
        """Return in how many rows a condition is true, and in how many false."""
        true, false = self._plan.truths[name]
        return self._count(true), self._count(false)

    def urgency(self) -> pl.Series:
        """Return the level that the known findings demand."""
        return self._levels(self._urgencies.level)

    def ceiling(self) -> pl.Series:
        """Return the highest level that is not ruled out."""
        return self._levels(self._urgencies.ceiling)

    def decided(self) -> pl.Series:
        """Return where no pertinent danger above the level is open to history or examination."""
        return self._bits(self._urgencies.decided, "decided")

    def standings(self) -> dict[str, pl.Series]:
        """Return the standing of every cause, as causes are listed."""
        codes = {cause: self._plan.standings[cause].code for cause in self.knowledge.ranking.causes}
        distinct = {code: str(place) for place, code in enumerate(dict.fromkeys(codes.values()))}
        numbers = pl.DataFrame({name: pl.Series(self._number(code)) for code, name in distinct.items()})
        # One call for all columns: that which turns numbers into words costs more than the words.
        words = numbers.select(pl.all().cat.to(pl.Enum(list(self.knowledge.grading.standings))))
        return {cause: words[distinct[code]].alias(cause) for cause, code in codes.items()}

    def count_standings(self, cause: str) -> dict[str, int]:
        """Return in how many rows a cause has each standing."""
        code = self._plan.standings[cause].code
        if code not in self._standing_counts:
            digits = [self._plane(digit) for digit in code]
            places = {name: where_equal(digits, place) for name, place in self.knowledge.grading.order.items()}
            counts = count_rows(np.stack(list(places.values())), self.height).tolist()
            self._standing_counts[code] = {name: count for name, count in zip(places, counts, strict=True) if count}
        return self._standing_counts[code]

    def leading_cause(self) -> pl.Series:
        """Return the cause that is listed first where it is at least likely, else null."""
        return self._ranked([standings.likely for standings in self._in_order], 1)[0]

    def first_causes(self, count: int) -> list[pl.Series]:
        """Return the causes that are listed first, second and so on, as far as they are considered at all."""
        return self._ranked([standings.considered for standings in self._in_order], count)

    def fired(self, names: Sequence[str]) -> pl.Series:
        """Return for each row which of some rules fired, as a list of their names."""
        planes = {code: self._plan.truths[name].true for code, name in enumerate(names)}
        some = {code: self._plane(plane) for code, plane in planes.items() if plane != NONE}
        return list_set(some, self.height, names)

    @property
    def _in_order(self) -> list[Standings]:
        return [self._plan.standings[name] for name in self.knowledge.ranking.causes]

    @property
    def _urgencies(self) -> Urgencies:
        if self._plan.urgencies is None:
            raise AssertionError("only some conditions were judged")
        return self._plan.urgencies

    def _ranked(self, candidates: Sequence[Plane], count: int) -> list[pl.Series]:
        causes = [
            (
                self._plane(plane),
                [self._plane(digit) for digit in standings.code],
                {kind: [self._plane(digit) for digit in digits] for kind, digits in standings.counts.items()},
            )
            for plane, standings in zip(candidates, self._in_order, strict=True)
        ]
        places = rank_first(self.knowledge.ranking, causes, count, self.height)
        names = self.knowledge.ranking.causes
        return [_named(place, names, known) for place, known in places]

    def _plane(self, plane: Plane) -> Words:
        row: Words = self._result[self._plan.code.wanted[plane]]
        return row

    def _bits(self, plane: Plane, name: str) -> pl.Series:
        array = nanoarrow.c_array_from_buffers(nanoarrow.bool_(), self.height, [None, self._plane(plane)], null_count=0)
        return pl.Series(name, array)

    def _count(self, plane: Plane) -> int:
        return int(self._counts[self._plan.code.wanted[plane]])

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        return count_rows(self._result, self.height)

    def _number(self, digits: Digits) -> NDArray[np.uint8]:
        return number_of([self._plane(digit) for digit in digits], self.height)

    def _levels(self, planes: Sequence[Plane]) -> pl.Series:
        total = sum((spread(self._plane(plane)) for plane in planes), np.zeros(-(-self.height // 64) * 8, np.uint64))
        return _named(total.view(np.uint8)[: self.height], self.knowledge.levels)


def _named(codes: NDArray[Any], names: Iterable[str], known: NDArray[np.bool_] | None = None) -> pl.Series:
    """Return codes with their names, as an enumeration; null where nothing is `known`."""
    series = pl.Series(codes.astype(np.uint8 if len(list(names)) < 256 else np.uint16, copy=False))
    named = series.cat.to(pl.Enum(list(names)))
    return named if known is None else named.zip_with(pl.Series(known), pl.Series([None], dtype=named.dtype))
