"""A bare number where laboratories write one finding in two unit systems: which unit it is in, or that nobody can tell.

The United States write magnesium in mg/dL, most others in mmol/L, and 1.2 is a result of both: a little high here, dangerously
low there. The vocabulary says, for each such finding, the unit of the other system and the figures that a laboratory reports
in it (`systems`). A bare number among these figures is refused, with both readings, unless its file says `units:` once.
"""

import re
from decimal import Decimal
from typing import Any, Literal, TypeAlias, get_args

from facts.problems import quoted
from facts.units import converter
from facts.vocabulary import QuantityFinding

UnitSystem: TypeAlias = Literal["SI", "conventional"]
SYSTEMS: tuple[UnitSystem, ...] = get_args(UnitSystem)

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_BARE = re.compile(rf"[\s<>=≤≥+–-]*{_NUMBER.pattern}(?:[\s<>=≤≥–-]*{_NUMBER.pattern})?\s*", re.ASCII)


def read_system(written: Any) -> UnitSystem | None:
    """Read the `units:` of a file; None where it says nothing. Raises ValueError."""
    if written is None:
        return None
    for system in SYSTEMS:
        if isinstance(written, str) and written.strip().casefold() == system.casefold():
            return system
    raise ValueError(f"units: found {quoted(written)}, expected {' or '.join(SYSTEMS)}; write one of them")


def unit_in(finding: QuantityFinding, system: UnitSystem) -> str:
    """Return the finding's unit in a system: its own where the vocabulary tells no other."""
    other = finding.systems.get(system)
    return finding.unit if other is None else other.unit


def with_unit(finding: QuantityFinding, text: str, system: UnitSystem | None) -> str:
    """Return what was written with the unit that its file declares, where it is a bare number and a system was declared."""
    if system is None or not _BARE.fullmatch(text):
        return text
    return f"{text.strip()} {unit_in(finding, system)}"


def other_readings(finding: QuantityFinding, text: str) -> str:
    """Say both readings of a bare number that a laboratory may as well have meant in another unit; "" where none may."""
    if not finding.systems or not _BARE.fullmatch(text):
        return ""
    numbers = [Decimal(number) for number in _NUMBER.findall(text)]
    for system in finding.systems.values():
        if system.usual is not None and any(system.usual[0] <= number <= system.usual[1] for number in numbers):
            number = text.strip()
            meant = "; ".join(f"{converter(finding, system.unit)(value):.4g} {finding.unit}" for value in numbers)
            return (
                f"it has no unit, and is {number} {finding.unit} or {number} {system.unit} (which is {meant}); "
                f"write the unit, or say once for the whole file units: {' or '.join(SYSTEMS)}"
            )
    return ""


def is_ambiguous(finding: QuantityFinding, number: float) -> bool:
    """Return whether a number in the finding's own unit must be written with that unit to be read again."""
    return any(system.usual is not None and system.usual[0] <= number <= system.usual[1] for system in finding.systems.values())
