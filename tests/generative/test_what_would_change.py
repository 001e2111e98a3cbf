"""What would change the verdict is exactly what trying everything finds: the same smallest sets, and every way does it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product

from hypothesis import HealthCheck, given, settings

from expert.inference.assessing import Assessor
from expert.proofs.counterfactuals import MOST, Counterfactuals
from facts.assessment import WayToChange
from facts.quantities import Interval, within
from facts.requirements import revise
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from tests.generative.drawing import FIGURES, FINDINGS, VALUES, cases, knowledge_bases
from tests.small_knowledge import case

Verdict = Callable[[Mapping[str, Value]], str | None]


def tried(
    look: Counterfactuals, values: dict[str, Value], names: tuple[str, ...], *, exacter: bool
) -> Iterator[dict[str, Value]]:
    """Return the patient with every other exact value of these findings, as far as no two answers are at odds.

    With `exacter`, a number that is known in part stays within what is known of it.
    """
    others = [
        [
            value
            for value in (FIGURES if name in ("x", "y") else VALUES[name])
            if value != now and not (exacter and isinstance(now, Interval) and not within(value, now))  # type: ignore[arg-type]
        ]
        for name, now in ((name, values.get(name)) for name in names)
    ]
    for chosen in product(*others):
        changes = dict(zip(names, chosen, strict=True))
        now = revise(values, changes, look.findings)
        if now is not None:
            assert all(name in now for name in names) and all(_fits(name, now) for name in now)
            yield now


def _fits(name: str, now: Mapping[str, Value]) -> bool:
    above = FINDINGS[name].get("requires")
    return above is None or now[name] is False or now.get(above) is True


def smallest(
    look: Counterfactuals,
    values: dict[str, Value],
    free: list[str],
    holds: Verdict,
    wanted: set[str | None],
    *,
    exacter: bool = False,
) -> set[frozenset[str]]:
    for size in range(1, len(free) + 1):
        found = {
            frozenset(names)
            for names in combinations(free, size)
            if not _implied(names, values) and any(holds(now) in wanted for now in tried(look, values, names, exacter=exacter))
        }
        if found:
            return found
    return set()


def _implied(names: tuple[str, ...], values: Mapping[str, Value]) -> bool:
    """Return whether one of these answers comes with another: a finding that an answered one requires."""
    return any(FINDINGS[name].get("requires") in names and FINDINGS[name].get("requires") not in values for name in names)


def sets(ways: tuple[WayToChange, ...], result: str | None = None) -> set[frozenset[str]]:
    chosen = (way for way in ways if result is None or way.result == result)
    return {frozenset(change.finding for change in way.changes) for way in chosen}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(knowledge_bases(), cases())
def test_the_smallest_sets_are_those_that_trying_everything_finds(knowledge: KnowledgeBase, values: dict[str, Value]) -> None:
    look = Counterfactuals(Assessor(knowledge))
    found = look(case(values))
    level, leading = look.level(values), look.leading(values)
    levels = list(knowledge.levels)
    assert found.leading_cause == leading
    if found.cut:
        assert len(found.lower_urgency) >= MOST or len(found.other_leading_cause) >= MOST or len(found.raise_urgency) >= MOST
        return
    known = list(values)
    lower: set[str | None] = set(levels[: levels.index(level)])
    assert sets(found.lower_urgency) == smallest(look, values, known, look.level, lower)
    other = {*knowledge.causes, None} - {leading}
    assert sets(found.other_leading_cause) == smallest(look, values, known, look.leading, other)
    unknown = [name for name in FINDINGS if name not in values or isinstance(values[name], Interval)]
    for higher in levels[levels.index(level) + 1 :]:
        # Trying everything takes too long beyond three answers.
        expected = smallest(look, values, unknown, look.level, {higher}, exacter=True) if len(unknown) <= 5 else None
        if expected is not None and all(len(names) <= 3 for names in expected):
            assert sets(found.raise_urgency, higher) == expected


@settings(max_examples=30)
@given(knowledge_bases(), cases())
def test_a_child_of_a_denied_finding_is_no_change_of_its_own(knowledge: KnowledgeBase, values: dict[str, Value]) -> None:
    look = Counterfactuals(Assessor(knowledge))
    for way in look(case(values)).raise_urgency:
        known = [values[change.finding] for change in way.changes if change.finding in values]
        assert all(isinstance(value, Interval) for value in known)
        assert not _implied(tuple(change.finding for change in way.changes), values)
