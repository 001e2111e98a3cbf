"""Counting and ordering on planes, where random cohorts never reach: many arguments, and numbers at the ends of their width."""

from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from expert.cohorts.planes.adders import at_least, count_set, is_at_least
from expert.cohorts.planes.assembly import ALL, NONE, Assembly, finish
from expert.cohorts.planes.cohort_judge import CohortJudge
from expert.inference.assessing import Assessor
from tests.small_knowledge import case, load, yes_no


def test_a_cause_with_more_arguments_than_a_byte_counts_still_leads(tmp_path: Path) -> None:
    many = {f"many-{number}": ("a", "strong") for number in range(300)}
    knowledge = load(
        tmp_path, {"a": yes_no("a")}, causes={"few": {"supports": {"few-a": ("a", "strong")}}, "many": {"supports": many}}
    )
    judged = CohortJudge(knowledge)(pl.DataFrame({"a": [True]}))
    assert [cause[0] for cause in judged.first_causes(2)] == ["many", "few"]
    assert [cause.id for cause in Assessor(knowledge).assess(case({"a": True})).causes] == ["many", "few"]


@pytest.mark.parametrize("width", range(1, 7))
def test_planes_that_are_set_are_counted_in_every_pattern(width: int) -> None:
    patterns = np.array(list(product((0, 1), repeat=width)), dtype=np.uint8)
    assembly = Assembly()
    planes = [assembly.input() for _ in range(width)]
    digits = count_set(assembly, planes)
    reached = [at_least(assembly, least, planes) for least in range(1, width + 1)]
    compared = [is_at_least(assembly, digits, least) for least in range(width + 2)]
    code = finish(assembly, [*digits, *reached, *compared])
    rows = [np.packbits(column, bitorder="little") for column in patterns.T]

    def fill(given: np.ndarray, start: int, end: int) -> None:
        given[:] = 0
        for target, row in zip(given.view(np.uint8), rows, strict=True):
            target[: len(row)] = row

    result = np.zeros((code.results, 1), np.uint64)
    code.run(fill, result)

    def bits(plane: int) -> list[int]:
        words = result[code.wanted[plane]].view(np.uint8)
        return np.unpackbits(words, count=len(patterns), bitorder="little").tolist()

    total = patterns.sum(axis=1)
    assert sum(np.array(bits(digit)) << place for place, digit in enumerate(digits)).tolist() == total.tolist()
    assert [bits(plane) for plane in reached] == [(total >= least).astype(int).tolist() for least in range(1, width + 1)]
    assert [bits(plane) for plane in compared] == [(total >= least).astype(int).tolist() for least in range(width + 2)]


def test_what_is_known_beforehand_is_not_computed() -> None:
    assembly = Assembly()
    plane = assembly.input()
    other = assembly.inverse(plane)
    assert assembly.both(plane, NONE) == assembly.both(plane, other) == assembly.differ(plane, plane) == NONE
    assert assembly.either(plane, ALL) == assembly.either(other, plane) == assembly.differ(other, plane) == ALL
    assert assembly.both(plane, ALL) == assembly.either(plane, NONE) == assembly.inverse(other) == plane
    assert assembly.differ(plane, ALL) == other
    assert len(finish(assembly, [plane]).instructions) == 1


def test_a_cohort_without_rows_has_no_conclusions(tmp_path: Path) -> None:
    knowledge = load(tmp_path, {"a": yes_no("a")}, causes={"b": {"confirms": {"b-1": "a"}}})
    judged = CohortJudge(knowledge)(pl.DataFrame({"a": pl.Series([], dtype=pl.Boolean)}))
    assert judged.truth("b-1").len() == judged.urgency().len() == judged.fired(["b-1"]).len() == 0
    assert judged.count("b-1") == (0, 0) and judged.count_standings("b") == {}
