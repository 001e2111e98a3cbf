"""What the pictures of a report show, in numbers and words; the templates draw them (`figures.html.j2`).

Every picture has its text, and says nothing by color alone. Positions run from 0 to `WIDTH`.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from facts.assessment import Argument, Assessment, CauseAssessed, FindingUsed
from facts.language.speaking import say, spoken
from facts.measuring.reference_intervals import NoReference, quantity_of_word
from facts.quantities import Interval, bounds
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import LEADING
from reports.words.cleaning import clean
from reports.words.wording import join, lower_label, number_text, sentence, unit_text, value_text

WIDTH = 300
_CHARACTERS = 38
"""In a line of a box of the chain."""
_LINE, _PAD, _GAP = 15, 7, 10
_CHAINED = 6
"""Arguments in a chain; a dozen of them is no picture."""
_OF_WEIGHT = {"decisive": 12, "strong": 9, "weak": 6}
Where: TypeAlias = Literal["low", "normal", "high", "perhaps normal"]
State: TypeAlias = Literal["present", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class Band:
    """A value on its reference band: where the band and the value begin and end, and whether the value lies off the scale."""

    label: str
    told: str
    where: Where
    band: tuple[float, float]
    value: tuple[float, float]
    limits: tuple[str, str]
    off_scale: tuple[bool, bool]
    text: str


@dataclass(frozen=True, slots=True)
class Balance:
    """The arguments of a cause as squares: their sizes, for and against, and the same in words."""

    supporting: tuple[int, ...]
    opposing: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a chain: its lines, and where it stands."""

    lines: tuple[str, ...]
    top: int
    height: int


@dataclass(frozen=True, slots=True)
class Link:
    """An argument in a chain: the findings, the definitions in between, and how it counts."""

    findings: Box
    definitions: Box | None
    weight: str
    is_for: bool
    middle: int


@dataclass(frozen=True, slots=True)
class Chain:
    """From findings to a conclusion: one link an argument."""

    label: tuple[str, ...]
    standing: str
    links: tuple[Link, ...]
    height: int
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """Each part of the body and whether the complaint is there, and the same in words."""

    parts: Mapping[str, State]
    text: str


def bands(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[Band, ...]:
    """Return every value that has a reference interval, those outside it first."""
    known = {used.id: used.value for used in assessment.findings}
    made = [_band(used, knowledge.vocabulary.findings[used.id], known) for used in assessment.findings]
    return tuple(sorted((band for band in made if band is not None), key=lambda band: band.where == "normal"))


def _band(used: FindingUsed, finding: object, known: Mapping[str, Value]) -> Band | None:
    if not isinstance(finding, QuantityFinding):
        return None
    try:
        low, high = bounds(quantity_of_word(finding, "normal", known))
    except NoReference:
        return None
    least_plausible, most_plausible = finding.range
    has_low, has_high = low > least_plausible, high < most_plausible
    width = high - low
    start = max(least_plausible, low - width * (1 if has_high else 2)) if has_low else low
    end = min(most_plausible, high + width) if has_high else high
    least, greatest = bounds(used.value) if isinstance(used.value, Interval) else (float(str(used.value)),) * 2

    def place(number: float) -> float:
        return round(WIDTH * (min(max(number, start), end) - start) / (end - start), 1)

    where: Where = "perhaps normal"
    if least < low and greatest <= low:
        where = "low"
    elif greatest > high and least >= high:
        where = "high"
    elif low <= least and greatest <= high:
        where = "normal"
    label = sentence(finding.label).removesuffix(".").removeprefix("The ")
    label = label[:1].upper() + label[1:]
    told = clean(value_text(finding, used.value, used.given or ""))
    limits = (number_text(low) if has_low else "", number_text(high) if has_high else "")
    normal = " to ".join(limits) if has_low and has_high else f"at least {limits[0]}" if has_low else f"at most {limits[1]}"
    text = f"{label}: {told}, {say(where)} ({say('reference')} {normal} {unit_text(finding)}".rstrip() + ")"
    return Band(
        label,
        told,
        where,
        (place(low), place(high)),
        (place(least), place(greatest)),
        limits,
        (least < start, greatest > end),
        text,
    )


def balance(cause: CauseAssessed) -> Balance:
    """Return the arguments for and against a cause, the weightiest first."""
    supporting, opposing = _weights(cause.arguments_for), _weights(cause.arguments_against)
    said = [f"{say('for')}: {_counts(supporting)}" if supporting else ""]
    said += [f"{say('against')}: {_counts(opposing)}" if opposing else ""]
    return Balance(
        tuple(_OF_WEIGHT[weight] for weight in supporting),
        tuple(_OF_WEIGHT[weight] for weight in opposing),
        f"{say('Arguments')} {'; '.join(filter(None, said))}",
    )


def weight_of(argument: Argument) -> str:
    """Return how much an argument counts: decisive, strong or weak."""
    return argument.strength or "decisive"


def _weights(arguments: Sequence[Argument]) -> list[str]:
    return sorted(map(weight_of, arguments), key=list(_OF_WEIGHT).index)


def _counts(weights: Sequence[str]) -> str:
    return join([f"{weights.count(weight)} {say(weight)}" for weight in _OF_WEIGHT if weight in weights], "and")


def chain(cause: CauseAssessed, knowledge: KnowledgeBase) -> Chain:
    """Return the chain from findings to a cause, by its weightiest arguments."""
    arguments = [(argument, True) for argument in cause.arguments_for] + [(one, False) for one in cause.arguments_against]
    arguments.sort(key=lambda entry: list(_OF_WEIGHT).index(weight_of(entry[0])))
    links, top, said = list[Link](), 0, list[str]()
    for argument, is_for in arguments[:_CHAINED]:
        findings = tuple(clean(used.says) for used in argument.findings)
        between = tuple(clean(used.says) for used in argument.definitions)
        heights = [_height(findings), _height(between) if between else 0]
        height = max(heights)
        boxes = [_box(texts, top + (height - own) // 2) for texts, own in zip((findings, between), heights, strict=True)]
        links.append(Link(boxes[0], boxes[1] if between else None, weight_of(argument), is_for, top + height // 2))
        arrow = " → ".join(join(list(texts), "and") for texts in (findings, between) if texts)
        said.append(f"{arrow} → {say('for' if is_for else 'against')}, {say(weight_of(argument))}")
        top += height + _GAP
    standing = lower_label(knowledge.grading.standings[cause.standing])
    label = tuple(textwrap.wrap(cause.label, 24))
    return Chain(label, standing, tuple(links), max(top, 70), f"{cause.label}, {standing}: {'; '.join(said)}")


def _wrapped(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(line for text in texts for line in textwrap.wrap(text, _CHARACTERS, subsequent_indent="  ") or [""])


def _height(texts: Sequence[str]) -> int:
    return len(_wrapped(texts)) * _LINE + 2 * _PAD


def _box(texts: Sequence[str], top: int) -> Box:
    return Box(_wrapped(texts), top, _height(texts))


def outline(assessment: Assessment, knowledge: KnowledgeBase) -> Outline | None:
    """Return where the complaint is; None where nothing is known of that."""
    if not knowledge.outline:
        return None
    known = {used.id: bool(used.value) for used in assessment.findings if used.id in knowledge.outline.values()}
    if not known:
        return None
    states: dict[str, State] = {
        part: "unknown" if name not in known else "present" if known[name] else "absent"
        for part, name in knowledge.outline.items()
    }
    if states.pop("everywhere", "unknown") == "present":
        states = dict.fromkeys(states, "present")
    by_state = {
        say("Here"): [_part(part, knowledge) for part, state in states.items() if state == "present"],
        say("not here"): [_part(part, knowledge) for part, state in states.items() if state == "absent"],
        say("not known"): [_part(part, knowledge) for part, state in states.items() if state == "unknown"],
    }
    return Outline(states, "; ".join(f"{name}: {', '.join(parts)}" for name, parts in by_state.items() if parts) + ".")


def _part(part: str, knowledge: KnowledgeBase) -> str:
    """Name a part of the body: in another language by the finding that it shows."""
    return part.replace("_", " ") if spoken() is None else knowledge.vocabulary.findings[knowledge.outline[part]].label


@dataclass(frozen=True, slots=True)
class Figures:
    """All pictures of a report: balances are by the id of a cause."""

    bands: tuple[Band, ...]
    balances: Mapping[str, Balance]
    chains: tuple[Chain, ...]
    outline: Outline | None


def figures(assessment: Assessment, knowledge: KnowledgeBase) -> Figures:
    """Return what the pictures of an assessment show; chains only of the causes that stand on the page."""
    leading = assessment.causes[:LEADING]
    considered = [cause for cause in leading if knowledge.grading.at_least(cause.standing, knowledge.grading.considered)]
    return Figures(
        bands(assessment, knowledge),
        {cause.id: balance(cause) for cause in considered},
        tuple(chain(cause, knowledge) for cause in considered),
        outline(assessment, knowledge),
    )
