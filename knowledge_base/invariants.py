"""What must hold of every possible patient, as declared in invariants.yaml; `expert.proofs.statements` says how to prove it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from facts.problems import Place, did_you_mean
from facts.vocabulary import Finding
from facts.yaml_reading import KeyPath
from knowledge_base.expression import Expression
from knowledge_base.schema import InvariantEntry, InvariantFile

FILE = "invariants.yaml"

Read: TypeAlias = Callable[[str, KeyPath, str], Expression | None]
"""Parses a condition of a file at a place; notes what is wrong with it and gives None."""
Complain: TypeAlias = Callable[[str, KeyPath, str, str], None]
"""Notes a problem: file, place in it, message, how to fix it."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A statement about every patient for whom `when` is true (None: about every patient).

    Each part that is given must hold then: the urgency is `at_least` a level, `always` is true, `never` is not true, each
    cause has, or has not, one of these standings, and each of the steps is advised.
    """

    id: str
    says: str
    when: Expression | None
    at_least: str | None
    always: Expression | None
    never: Expression | None
    standing: Mapping[str, tuple[str, ...]]
    not_standing: Mapping[str, tuple[str, ...]]
    advises: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that belong together: of which no two hold at once, or, as bands of a quantity, always exactly one."""

    id: str
    conditions: Mapping[str, Expression]
    place: Place


@dataclass(frozen=True, slots=True)
class Worse:
    """A finding whose values run from better to worse: "higher", "lower", or its values in that order."""

    finding: str
    order: str | tuple[str | bool, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Accepted:
    """Something that a proof finds and that is meant, and why."""

    property: str
    subject: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Invariants:
    """Everything that is to be proved beyond what must hold of any knowledge base."""

    statements: Mapping[str, Invariant] = field(default_factory=dict)
    exclusive: Mapping[str, Group] = field(default_factory=dict)
    bands: Mapping[str, Group] = field(default_factory=dict)
    worse: Mapping[str, Worse] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()

    @property
    def conditions(self) -> list[Expression]:
        """Every condition that is part of them."""
        written = [tree for entry in self.statements.values() for tree in (entry.when, entry.always, entry.never)]
        groups = (*self.exclusive.values(), *self.bands.values())
        return [tree for tree in written if tree is not None] + [tree for group in groups for tree in group.conditions.values()]


@dataclass(frozen=True)
class Names:
    """What invariants may name: findings, causes, standings, levels and next steps."""

    findings: Mapping[str, Finding]
    causes: Iterable[str]
    standings: Iterable[str]
    levels: Iterable[str]
    steps: Iterable[str]


def declared(
    file: InvariantFile, names: Names, read: Read, complain: Complain, place: Callable[[KeyPath], Place]
) -> Invariants:
    """Return the invariants of a file, with its conditions parsed; what is wrong is told to `complain`."""
    for path, name, known, kind in _unknown(file, names):
        complain(FILE, path, f"{name} is not a {kind}", did_you_mean(name, known) or f"use one of: {', '.join(known)}")
    statements = {name: _invariant(name, entry, read, place) for name, entry in file.invariants.items()}
    exclusive = {name: _group("exclusive", name, texts, read, place) for name, texts in file.exclusive.items()}
    bands = {name: _group("bands", name, texts, read, place) for name, texts in file.bands.items()}
    worse = {
        name: Worse(name, _order(names.findings.get(name), order), place(("worse", name))) for name, order in file.worse.items()
    }
    for name, entry in worse.items():
        if name in names.findings and not _orders(names.findings[name], entry.order):
            fix = "write higher or lower for a quantity, the choices in order for a choice, [no, yes] for another finding"
            written = file.worse[name]
            told = written if isinstance(written, str) else f"[{', '.join(written)}]"
            complain(FILE, ("worse", name), f"{told} is no order of the values of {name}", fix)
    accepted = tuple(
        Accepted(kind, subject, reason, place(("accepted", kind, subject)))
        for kind, reasons in file.accepted.items()
        for subject, reason in reasons.items()
    )
    return Invariants(statements, exclusive, bands, worse, accepted)


def _unknown(file: InvariantFile, names: Names) -> Iterator[tuple[KeyPath, str, list[str], str]]:
    findings, causes = list(names.findings), list(names.causes)
    standings, levels, steps = list(names.standings), list(names.levels), list(names.steps)
    for section, named in (("bands", file.bands), ("worse", file.worse)):
        yield from (((section, name), name, findings, "finding") for name in named if name not in names.findings)
    for name, entry in file.invariants.items():
        path = ("invariants", name)
        if entry.at_least is not None and entry.at_least not in levels:
            yield (*path, "at_least"), entry.at_least, levels, "level of urgency"
        yield from (((*path, "advises"), step, steps, "next step") for step in entry.advises if step not in steps)
        for part, demanded in (("standing", entry.standing), ("not_standing", entry.not_standing)):
            for cause, listed in demanded.items():
                if cause not in causes:
                    yield (*path, part, cause), cause, causes, "cause"
                yield from (((*path, part, cause), one, standings, "standing") for one in listed if one not in standings)


def _invariant(name: str, entry: InvariantEntry, read: Read, place: Callable[[KeyPath], Place]) -> Invariant:
    def condition(part: str, text: str | None) -> Expression | None:
        return None if text is None else read(FILE, ("invariants", name, part), text)

    return Invariant(
        id=name,
        says=entry.says,
        when=condition("when", entry.when),
        at_least=entry.at_least,
        always=condition("always", entry.always),
        never=condition("never", entry.never),
        standing={cause: tuple(listed) for cause, listed in entry.standing.items()},
        not_standing={cause: tuple(listed) for cause, listed in entry.not_standing.items()},
        advises=tuple(entry.advises),
        place=place(("invariants", name)),
    )


def _group(section: str, name: str, texts: list[str], read: Read, place: Callable[[KeyPath], Place]) -> Group:
    parsed = {text: read(FILE, (section, name, index), text) for index, text in enumerate(texts)}
    return Group(name, {text: tree for text, tree in parsed.items() if tree is not None}, place((section, name)))


def _order(finding: Finding | None, written: str | list[str]) -> str | tuple[str | bool, ...]:
    if isinstance(written, str):
        return written
    if finding is None or finding.kind != "yes_no":
        return tuple(written)
    return tuple(_ANSWERS.get(name, name) for name in written)


_ANSWERS = {"no": False, "yes": True}


def _orders(finding: Finding, order: str | tuple[str | bool, ...]) -> bool:
    if finding.kind == "quantity":
        return order in ("higher", "lower")
    values: list[str | bool] = list(finding.choices) if finding.kind == "choice" else [False, True]
    return isinstance(order, tuple) and sorted(map(str, order)) == sorted(map(str, values))
