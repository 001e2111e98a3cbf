"""Random conditions, knowledge bases and cases for generative tests, small enough that every value is met often."""

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from facts.quantities import Interval, Quantity, within
from facts.vocabulary import Value
from knowledge_base.conditions.expression import Compared, Expression, operands
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import LEVELS, choice, load, quantity, yes_no

FINDINGS: dict[str, Any] = {
    **{name: yes_no(name) for name in ("a", "b", "c", "d")},
    "child": yes_no("child", requires="a"),
    "x": quantity("x"),
    "y": quantity("y", requires="b"),
    "k": choice("k", "red", "green", "blue"),
    "onset": choice("onset", "sudden", "gradual", requires="child"),
}
THRESHOLDS = ("1", "2.5", "4")
FIGURES = (0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0)
INTERVALS = (
    Interval(0, 1, high_included=False),
    Interval(0, 2.5),
    Interval(1, 2.5, high_included=False),
    Interval(2, 3),
    Interval(2.5, 4, low_included=False),
    Interval(4, 10),
    Interval(1, 10, low_included=False),
    Interval(0, 10),
)
"""Numbers that are known in part, with every sort of end on every threshold."""
VALUES: Mapping[str, tuple[Value, ...]] = {
    **dict.fromkeys(("a", "b", "c", "d", "child"), (True, False)),
    **dict.fromkeys(("x", "y"), (*FIGURES, *INTERVALS)),
    "k": ("red", "green", "blue"),
    "onset": ("sudden", "gradual"),
}
EVERY_OPERATOR = frozenset(
    {"a number known in part"}
    | {"Present", "Compared <", "Compared <=", "Compared >", "Compared >=", "OneOf", "Named", "Not", "And", "Or", "AtLeast"}
)


# A strategy that was made once need not be made, and examined, for every draw: that took most of the time of these tests.
@cache
def leaf_texts() -> st.SearchStrategy[str]:
    numbers, names = st.sampled_from(THRESHOLDS), st.sampled_from(("x", "y"))
    return st.one_of(
        st.sampled_from(("a", "b", "c", "d", "child")),
        st.builds("{} {} {}".format, names, st.sampled_from(("<", "<=", ">", ">=")), numbers),
        st.builds("{} {} {}".format, numbers, st.sampled_from(("<", "<=", ">", ">=")), names),
        st.builds("1 <= {} < {}".format, names, st.sampled_from(("2.5", "4"))),
        st.builds("k {} {}".format, st.sampled_from(("==", "!=")), st.sampled_from(("red", "green", "blue"))),
        st.sampled_from(("k in [red, blue]", "k not in [green, red]", "onset == sudden", "onset != gradual")),
    )


@cache
def condition_texts(negatable: tuple[str, ...], conclusions: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Draw conditions over the findings, these definitions, and these conclusions, which are never negated."""
    plain = st.one_of(leaf_texts(), st.sampled_from(negatable)) if negatable else leaf_texts()
    negated = st.recursive(plain, lambda inner: st.one_of(combine(inner), inner.map("not ({})".format)), max_leaves=5)
    if not conclusions:
        return negated
    return st.recursive(st.one_of(negated, st.sampled_from(conclusions)), combine, max_leaves=4)


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(inner, min_size=2, max_size=4, unique=True)
    return st.one_of(
        parts.map(lambda texts: " and ".join(f"({text})" for text in texts)),
        parts.map(lambda texts: " or ".join(f"({text})" for text in texts)),
        # Names, because at_least refuses two conditions that mean the same.
        st.tuples(st.integers(1, 3), st.permutations(("a", "b", "c", "d")), inner).map(
            lambda drawn: f"at_least({drawn[0]}, {', '.join(drawn[1][:3])}) or ({drawn[2]})"
        ),
    )


@st.composite
def knowledge_parts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw definitions, causes, warning signs and next steps that name each other without circles."""
    definitions: dict[str, str] = {}
    for number in range(draw(st.integers(0, 3))):
        definitions[f"d{number}"] = draw(condition_texts(tuple(definitions)))
    names = tuple(definitions)
    signs: dict[str, dict[str, tuple[str, str]]] = {}
    for number in range(draw(st.integers(1, 3))):
        above = tuple(signs)
        rules = draw(st.lists(st.tuples(condition_texts(names, above), st.sampled_from(LEVELS)), min_size=1, max_size=3))
        signs[f"s{number}"] = {f"s{number}-{index}": rule for index, rule in enumerate(rules)}
    causes: dict[str, dict[str, dict[str, Any]]] = {}
    for number in range(draw(st.integers(1, 3))):
        above = (*signs, *causes)
        rules = draw(st.lists(st.tuples(condition_texts(names, above), kinds()), min_size=1, max_size=4))
        kind_of: dict[str, dict[str, Any]] = {"supports": {f"c{number}-first": (draw(leaf_texts()), "weak")}}
        for index, (text, (kind, strength)) in enumerate(rules):
            kind_of.setdefault(kind, {})[f"c{number}-{index}"] = (text, strength) if strength else text
        causes[f"c{number}"] = kind_of
    steps = {f"step-{number}": draw(condition_texts(names, (*signs, *causes))) for number in range(draw(st.integers(0, 2)))}
    return {"definitions": definitions, "signs": signs, "causes": causes, "steps": steps}


@cache
def kinds() -> st.SearchStrategy[tuple[str, str]]:
    weighed = [("supports", "weak"), ("supports", "strong"), ("opposes", "weak"), ("opposes", "strong")]
    return st.sampled_from([*weighed, ("confirms", ""), ("excludes", "")])


@cache
def knowledge_bases() -> st.SearchStrategy[KnowledgeBase]:
    return knowledge_parts().map(_load)


def _load(parts: Mapping[str, Any]) -> KnowledgeBase:
    with tempfile.TemporaryDirectory() as folder:
        return load(Path(folder), FINDINGS, **parts)


@cache
def cases() -> st.SearchStrategy[dict[str, Value]]:
    """Draw what is known of a patient: any of the findings, and what they require."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}).map(
        consistent
    )


def completions(known: Mapping[str, Value]) -> st.SearchStrategy[dict[str, Value]]:
    """Draw the same patient with more answered, and with numbers known more exactly."""
    partly = {name: value for name, value in known.items() if isinstance(value, Interval)}
    exacter = st.fixed_dictionaries({name: st.sampled_from(values_within(value)) for name, value in partly.items()})
    return st.tuples(cases(), exacter).map(lambda drawn: consistent({**drawn[0], **known, **drawn[1]}))


def values_within(interval: Interval) -> list[Quantity]:
    """Return the interval itself, and all that can be drawn inside it."""
    return [interval, *(value for value in (*FIGURES, *INTERVALS) if within(value, interval))]


def sorts_of(values: Mapping[str, Value]) -> Iterator[str]:
    """Name what is special about a patient, for tests that have to meet it."""
    if any(isinstance(value, Interval) for value in values.values()):
        yield "a number known in part"


def consistent(values: Mapping[str, Value]) -> dict[str, Value]:
    """Make what requires something imply it, and drop it where that is denied."""
    kept = dict(values)
    for name in FINDINGS:
        for needed in _requirements(name):
            if name in kept and kept[name] is not False and kept.get(needed) is False:
                del kept[name]
    for name in list(kept):
        if kept[name] is not False:
            kept.update(dict.fromkeys(_requirements(name), True))
    return {name: kept[name] for name in FINDINGS if name in kept}


@cache
def _requirements(name: str) -> tuple[str, ...]:
    above = FINDINGS[name].get("requires")
    return (above, *_requirements(above)) if above else ()


def operators(tree: Expression) -> Iterator[str]:
    """Name every operator of a condition."""
    yield f"Compared {tree.operator}" if isinstance(tree, Compared) else type(tree).__name__
    for operand in operands(tree):
        yield from operators(operand)
