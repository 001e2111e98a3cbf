"""A bare number where laboratories write one finding in two unit systems: which unit it is in, or that nobody can tell.

The United States write magnesium in mg/dL, most others in mmol/L, and 1.2 is a result of both: a little high here, dangerously
low there. The vocabulary says, for each such finding, the unit of the other system and the figures that a laboratory reports
in it (`systems`). A bare number among these figures is refused, with both readings, unless its file says `units:` once.
"""

import re
from decimal import Decimal
from typing import Any, Literal, TypeAlias, get_args

from facts.measuring.measurements import RELATIONS, WORDS
from facts.measuring.units import NUMBER, converter
from facts.problems import quoted
from facts.vocabulary import QuantityFinding

UnitSystem: TypeAlias = Literal["SI", "conventional"]
SYSTEMS: tuple[UnitSystem, ...] = get_args(UnitSystem)

_NUMBER = re.compile(NUMBER)
_WORD = re.compile(
    "|".join(re.escape(word) for word in sorted((*RELATIONS, *WORDS, "between", "to", "and"), key=len, reverse=True)), re.I
)
_SIGNS = re.compile(r"[\s()\[\]–—-]+")


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
    """Return what was written with the unit that its file declares, where it has none and a system was declared."""
    return text if system is None or not is_bare(text) else write_with_unit(text, unit_in(finding, system))


def write_with_unit(text: str, unit: str) -> str:
    """Write a unit behind the last number of a text: "below 1.2 mg/dL", "2.4 to 2.6 mg/dL", "1.2 mg/dL L"."""
    end = max((match.end() for match in _NUMBER.finditer(text)), default=len(text))
    return f"{text[:end]} {unit}{text[end:]}"


def is_bare(text: str) -> bool:
    """Return whether there are numbers in a text, and nothing beside them that might be their unit."""
    beside = _NUMBER.sub(" ", text)
    return beside != text and not _SIGNS.sub("", " ".join(part for part in _WORD.sub(" ", beside).split()))


def other_readings(finding: QuantityFinding, text: str) -> str:
    """Say both readings of a bare number that a laboratory may as well have meant in another unit; "" where none may."""
    if not finding.systems or not is_bare(text):
        return ""
    numbers = [abs(Decimal("".join(number.split()))) for number in _NUMBER.findall(text)]
    for system in finding.systems.values():
        if system.usual is not None and any(system.usual[0] <= number <= system.usual[1] for number in numbers):
            here, there = (write_with_unit(text.strip(), unit) for unit in (finding.unit, system.unit))
            meant = " and ".join(f"{converter(finding, system.unit)(value):.4g}" for value in numbers)
            return (
                f"it has no unit, and may be {here} or {there} (which is {meant} {finding.unit}); "
                f"write the unit; a file may say it once for all its numbers, units: {' or '.join(SYSTEMS)}"
            )
    return ""
