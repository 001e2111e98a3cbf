"""What a finding requires, worked out here alone: for every way in which answers arrive, are changed or are supposed.

A finding with `requires` means nothing without the other, and so on up to one that requires nothing. Every value but "no"
implies what its finding requires; a "no" there contradicts it. When an answer is changed to "no" or "unknown", earlier values
that imply it no longer stand. What is done about a contradiction is the caller's to say, and never to overturn one of the two.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from facts.quantities import Interval
from facts.vocabulary import Finding, Value

_NOWHERE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DeniedRequirement:
    """Two answers that cannot both be true: `finding` has a value that implies `denied`, which is answered "no"."""

    finding: str
    value: Value
    denied: str

    def tell(self, places: Mapping[str, str] = _NOWHERE) -> str:
        """Return a clause that names both answers, each with its place where `places` has one."""
        told = ((self.denied, "no"), (self.finding, answer_text(self.value)))
        denied, implying = (
            f"{name} is {value} ({places[name]})" if places.get(name) else f"{name} is {value}" for name, value in told
        )
        return f"{denied}, but {implying}"


def answer_text(value: Value) -> str:
    """Return a value as an answer is written: "yes", "no", "sudden", "3.1"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Interval):
        return f"between {value.low:.10g} and {value.high:.10g}"
    return value if isinstance(value, str) else f"{value:.10g}"


def implies_required(value: Value) -> bool:
    """Return whether a value implies what its finding requires: every one does but "no"."""
    return value is not False


def ancestors(name: str, findings: Mapping[str, Finding]) -> tuple[str, ...]:
    """Return what a finding requires, what that requires, and so on; the nearest first."""
    chain: list[str] = []
    above = findings[name].requires
    while above is not None:
        chain.append(above)
        above = findings[above].requires
    return tuple(chain)


def denied_requirements(values: Mapping[str, Value], findings: Mapping[str, Finding]) -> tuple[DeniedRequirement, ...]:
    """Return every contradiction among values: each value that implies, with the nearest finding that is denied."""
    found: list[DeniedRequirement] = []
    for name, value in values.items():
        if implies_required(value):
            denied = next((above for above in ancestors(name, findings) if values.get(above) is False), None)
            if denied is not None:
                found.append(DeniedRequirement(name, value, denied))
    return tuple(found)


def implied(values: Mapping[str, Value], findings: Mapping[str, Finding]) -> dict[str, str]:
    """Return the findings that are not in `values` and that these imply, each with the finding that requires it."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if implies_required(value):
            chain = ancestors(name, findings)
            for child, above in zip((name, *chain), chain, strict=False):
                if above not in values:
                    found.setdefault(above, child)
    return found


def closed_by(
    said: Mapping[str, Value], unknown: Collection[str], values: Mapping[str, Value], findings: Mapping[str, Finding]
) -> frozenset[str]:
    """Return which earlier `values` no longer stand after new answers, since what they require was denied or withdrawn.

    `said` are the new answers, `unknown` the findings that are unknown from now on. An answer that is new itself is never
    closed: if it contradicts another, `denied_requirements` says so.
    """
    withdrawn = set(unknown) - set(implied(said, findings))
    withdrawn.update(name for name, value in said.items() if value is False)
    return frozenset(
        name
        for name, value in values.items()
        if name not in said and implies_required(value) and not withdrawn.isdisjoint(ancestors(name, findings))
    )


def revise(
    values: Mapping[str, Value], changes: Mapping[str, Value], findings: Mapping[str, Finding]
) -> dict[str, Value] | None:
    """Return the values after changes, with what these imply, without what they close; None where they contradict a value."""
    closed = closed_by(changes, (), values, findings)
    now = {**{name: value for name, value in values.items() if name not in closed}, **changes}
    if denied_requirements(now, findings):
        return None
    return {**now, **dict.fromkeys(implied(now, findings), True)}
