"""Conclusions about whole cohorts: conditions as column expressions, so that an engine for tables judges all cases at once.

The only module that imports Narwhals. Its one emitter serves Polars, DuckDB and Spark; each has three-valued Kleene logic on
nullable booleans, where null is unknown. Pandas with object columns reads unknown as false, so it is refused.

A frame comes with a column for each finding that is known of anybody: booleans, numbers in the finding's own unit, choices as
text; null, or no column at all, is unknown. Where a number is known in part of anybody, its column holds the least that it can
be, and another (`NAME at most`) the greatest. The frame leaves with the columns that `Layout` names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, assert_never

import narwhals as nw

from facts.quantities import at_most
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    Expression,
    Leaf,
    Named,
    Not,
    OneOf,
    Or,
    Present,
    names_used,
)
from knowledge_base.conditions.logic import compare
from knowledge_base.grading import Tally
from knowledge_base.model import KnowledgeBase

RULE, STANDING, SIGN, COUNT, CONTRADICTION = "rule:", "standing:", "sign:", "count:", "contradiction:"
URGENCY, CEILING, LEADING, TOP = "urgency", "ceiling", "leading_cause", "top:"


class UnfitFrame(TypeError):
    """A frame whose engine or types would not keep unknown apart from false; the text says what to give instead."""


@dataclass(frozen=True)
class Layout:
    """The columns of conclusions: codes are places in `levels`, `standings` and `causes` (null where no cause is likely)."""

    levels: tuple[str, ...]
    standings: tuple[str, ...]
    causes: tuple[str, ...]
    signs: tuple[str, ...]
    rules: tuple[str, ...]

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The columns in order, by what they tell."""
        return {
            "urgency": (URGENCY, CEILING),
            "leading_cause": (LEADING,),
            "warning_signs": tuple(SIGN + name for name in self.signs),
            "standings": tuple(STANDING + name for name in self.causes),
            "rules": tuple(RULE + name for name in self.rules),
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column in order."""
        return tuple(name for group in self.groups.values() for name in group)


class Columns:
    """The column expressions of one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.layout = Layout(
            levels=tuple(knowledge.levels),
            standings=tuple(knowledge.grading.standings),
            causes=knowledge.ranking.causes,
            signs=tuple(knowledge.warning_signs),
            rules=tuple(knowledge.rules),
        )

    @cached_property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """The definitions and conclusions, each in the first layer in which all that it names is known."""
        depth: dict[str, int] = {}
        for name, tree in self.knowledge.conditions.items():
            depth[name] = 1 + max((depth[below] for below in names_used(tree)), default=-1)
        deepest = max(depth.values(), default=-1)
        return tuple(tuple(name for name in depth if depth[name] == layer) for layer in range(deepest + 1))

    def conclude(self, native: Any, keep: Sequence[str] = (), first: int = 0) -> Any:
        """Give, for each row of a native frame, the columns to `keep` and the conclusions. Raises UnfitFrame.

        With `first`, so many further columns name the causes that are listed first, as far as they are considered at all.
        """
        frame = nw.from_native(native)
        given = self._check(frame, keep)
        emit = _Emitter(given)
        conditions = self.knowledge.conditions
        for layer in self.layers:
            frame = frame.with_columns(*(emit(conditions[name]).alias(_NAMED + name) for name in layer))
        frame = frame.with_columns(
            *(emit(rule.condition).alias(RULE + name) for name, rule in self.knowledge.rules.items()),
            *(emit(entry.condition).alias(CONTRADICTION + name) for name, entry in self.knowledge.contradictions.items()),
        )
        frame = frame.with_columns(*self._counts(), *self._urgency(), *self._signs())
        frame = frame.with_columns(*(self._standing(cause).alias(STANDING + cause) for cause in self.layout.causes))
        frame = self._with_first(frame.with_columns(*self._places()), max(first, 1))
        considered = self.knowledge.grading.considered
        ranked = (self._cause_at(nw.col(f"{_FIRST}{rank}"), considered).alias(f"{TOP}{rank}") for rank in range(1, first + 1))
        frame = frame.with_columns(self._leading().alias(LEADING), *ranked)
        extra = [CONTRADICTION + name for name in self.knowledge.contradictions]
        extra += [f"{TOP}{rank}" for rank in range(1, first + 1)]
        return frame.select(*keep, *self.layout.columns, *extra).to_native()

    def _check(self, frame: Any, keep: Sequence[str]) -> frozenset[str]:
        if frame.implementation.is_pandas_like():
            raise UnfitFrame("pandas may read unknown as false; give a Polars, DuckDB or Spark frame")
        schema = frame.collect_schema()
        wrong = [name for name in keep if name not in schema]
        if wrong:
            raise UnfitFrame(f"there is no column {wrong[0]} to keep")
        findings = self.knowledge.vocabulary.findings
        for name, dtype in schema.items():
            finding = findings.get(name)
            if finding is None:
                continue
            fits = dtype == nw.Boolean
            if isinstance(finding, QuantityFinding):
                fits = dtype in (nw.Float64, nw.Float32)
            elif isinstance(finding, ChoiceFinding):
                fits = dtype in (nw.String, nw.Categorical, nw.Enum)
            if not fits:
                raise UnfitFrame(f"the column {name} holds {dtype}, which is not how a {finding.kind} finding is held")
        return frozenset(set(schema) & {*findings, *map(at_most, findings)})

    def _counts(self) -> Iterable[nw.Expr]:
        for cause in self.knowledge.causes.values():
            for kind in Tally._fields:
                rules = [rule for rule in cause.rules if rule.counts_as == kind]
                fired = [nw.col(RULE + rule.id).fill_null(False) for rule in rules]
                yield (_count(fired) if fired else nw.lit(0, nw.Int8)).alias(f"{COUNT}{cause.id}:{kind}")

    def _urgency(self) -> Iterable[nw.Expr]:
        rank_of, downgrades = self.knowledge.level_rank, self.knowledge.downgrades
        # By rank, the rules that demand it and the downgrades of which none may hold.
        by_rank: dict[int, list[tuple[str, tuple[str, ...]]]] = {}
        for sign in self.knowledge.warning_signs.values():
            for rule in sign.rules:
                lower = downgrades.get(rule.id, ())
                for rank in {rank_of[entry.level or ""] for entry in (rule, *lower)}:
                    stopping = tuple(RULE + entry.id for entry in lower if rank_of[entry.level or ""] < rank)
                    by_rank.setdefault(rank, []).append((RULE + rule.id, stopping))
        for column, unknown in ((URGENCY, False), (CEILING, True)):
            level: Any = nw.lit(0, nw.Int8)
            for rank in sorted(by_rank):
                demands = [_unstopped(name, stopping, unknown) for name, stopping in by_rank[rank]]
                holds = nw.any_horizontal(*demands, ignore_nulls=False)
                level = nw.when(holds).then(nw.lit(rank, nw.Int8)).otherwise(level)
            yield level.alias(column)

    def _signs(self) -> Iterable[nw.Expr]:
        return (nw.col(_NAMED + name).alias(SIGN + name) for name in self.layout.signs)

    def _standing(self, cause: str) -> Any:
        grading, code = self.knowledge.grading, self.knowledge.grading.order
        emit = _Emitter(frozenset(Tally._fields), lambda kind: f"{COUNT}{cause}:{kind}")
        standing: Any = nw.lit(code[grading.otherwise], nw.Int8)
        for name, condition in reversed(grading.grades):
            standing = nw.when(emit(condition)).then(nw.lit(code[name], nw.Int8)).otherwise(standing)
        return standing

    def _places(self) -> Iterable[nw.Expr]:
        """Return, for each cause, the place at which it is listed."""
        for cause in self.layout.causes:
            standing = nw.col(STANDING + cause).cast(nw.Int64)
            count = partial(_whole_count, cause)
            yield self.knowledge.ranking.combine(cause, standing, count).alias(_PLACE + cause)

    def _leading(self) -> Any:
        """Return the place, among the causes, of the one that is listed first, where it is at least likely."""
        return self._cause_at(nw.col(_FIRST + "1"), self.knowledge.grading.likely)

    def _cause_at(self, number: nw.Expr, lowest: str) -> Any:
        ranking = self.knowledge.ranking
        return nw.when(number < ranking.end(lowest)).then(ranking.cause_at(number)).otherwise(nw.lit(None, nw.Int64))

    def _with_first(self, frame: Any, count: int) -> Any:
        """Add the numbers of the causes that are listed first, second and so on."""
        causes = self.layout.causes
        if not causes:
            return frame.with_columns(*(nw.lit(None, nw.Int64).alias(f"{_FIRST}{rank}") for rank in range(1, count + 1)))
        for rank in range(1, count + 1):
            numbers: list[Any] = [nw.col(_PLACE + cause) for cause in causes]
            if rank > 1:
                before = nw.col(f"{_FIRST}{rank - 1}")
                numbers = [nw.when(number > before).then(number).otherwise(nw.lit(None, nw.Int64)) for number in numbers]
            # Spark has no least of one.
            least = nw.min_horizontal(*numbers) if len(numbers) > 1 else numbers[0]
            frame = frame.with_columns(least.alias(f"{_FIRST}{rank}"))
        return frame


_NAMED, _PLACE, _FIRST = "named:", "place:", "first:"
_MOST_IN_A_BYTE = 127


def _whole_count(cause: str, kind: str) -> nw.Expr:
    return nw.col(f"{COUNT}{cause}:{kind}").cast(nw.Int64)


def _count(truths: Sequence[nw.Expr]) -> nw.Expr:
    """Count how many of some columns of booleans are true."""
    # A sum keeps the type of its terms, and one that is too narrow runs over in silence.
    width = nw.Int8 if len(truths) <= _MOST_IN_A_BYTE else nw.Int32
    return nw.sum_horizontal(*(truth.cast(width) for truth in truths))


def _unstopped(name: str, stopping: tuple[str, ...], unknown: bool) -> Any:
    """Return whether a rule fired (or `unknown` where that is not known) and none of the rules that would stop it did."""
    demands = nw.col(name).fill_null(unknown)
    for downgrade in stopping:
        demands = demands & ~nw.col(downgrade).fill_null(False)
    return demands


class _Emitter:
    """Turns a condition into a column expression. A finding without a column is unknown of everybody."""

    def __init__(self, given: frozenset[str], column: Any = lambda name: name) -> None:
        self.given, self.column = given, column

    def __call__(self, tree: Expression) -> nw.Expr:
        match tree:
            case Present() | Compared() | OneOf():
                return self.leaf(tree)
            case Named(name):
                return nw.col(_NAMED + name)
            case Not(operand):
                return ~self(operand)
            case And(operands):
                return nw.all_horizontal(*map(self, operands), ignore_nulls=False)
            case Or(operands):
                return nw.any_horizontal(*map(self, operands), ignore_nulls=False)
            case AtLeast(count, operands):
                parts = [self(operand) for operand in operands]
                surely = _count([part.fill_null(False) for part in parts])
                perhaps = _count([part.fill_null(True) for part in parts])
                open_ = nw.when(perhaps < count).then(nw.lit(False)).otherwise(nw.lit(None, nw.Boolean))
                return nw.when(surely >= count).then(nw.lit(True)).otherwise(open_)
            case _:
                assert_never(tree)

    def leaf(self, leaf: Leaf) -> nw.Expr:
        if leaf.finding not in self.given:
            return nw.lit(None, nw.Boolean)
        column = nw.col(self.column(leaf.finding))
        if isinstance(leaf, Compared) and at_most(leaf.finding) in self.given:
            return self.compare_in_part(leaf, column, nw.col(at_most(leaf.finding)))
        match leaf:
            case Present():
                return column
            case OneOf(_, choices):
                return nw.any_horizontal(*(column == choice for choice in choices), ignore_nulls=False)
            case Compared(_, operator, threshold):
                compared: nw.Expr = compare(column, operator, threshold)
                return compared
            case _:
                assert_never(leaf)

    def compare_in_part(self, leaf: Compared, least: nw.Expr, greatest: nw.Expr) -> nw.Expr:
        """Compare numbers that may be known in part: true of all that one can be, false of all of it, or unknown."""
        threshold = leaf.threshold
        below, not_above = greatest < threshold, greatest <= threshold
        above, not_below = least > threshold, least >= threshold
        surely, surely_not = {
            "<": (below, not_below),
            "<=": (not_above, above),
            ">": (above, not_above),
            ">=": (not_below, below),
        }[leaf.operator]
        open_ = nw.when(surely_not).then(nw.lit(False)).otherwise(nw.lit(None, nw.Boolean))
        return nw.when(surely).then(nw.lit(True)).otherwise(open_)
