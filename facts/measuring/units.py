"""Quantities as people write them ("1.5 mg/dL") turned into a finding's own unit; for every reader of patients' data."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from facts.vocabulary import Finding, QuantityFinding

if TYPE_CHECKING:
    import pint

# Thousands may stand apart ("20 000"), by whatever space; a comma is not read, because it means decimals to half the world.
_THOUSANDS = r"[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?![0-9])(?:\.[0-9]+)?"
NUMBER = rf"[-+]?(?:{_THOUSANDS}|[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?"
"""A number as people write it, for a pattern."""
_WRITTEN = re.compile(rf"({NUMBER})\s*(.*)", re.DOTALL)
_COMMA = re.compile(r"[0-9],[0-9]")
_COMMA_GROUPS = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)(?![0-9])")
_SIGNIFICANT_DIGITS = 10
"""More than any laboratory gives, and few enough that 1.234 mg/dL does not become 0.50769999999999993."""

# Spellings that people and laboratories use for one unit; letter case, "IU" for "U" and the sign for micro never matter.
_SPELLINGS = {
    "years": ("year", "yrs", "yr", "y", "a"),
    "months": ("month", "mo"),
    "weeks": ("week", "wks", "wk"),
    "days": ("day", "d"),
    "hours": ("hour", "hrs", "hr", "h"),
    "minutes": ("minute", "mins", "min"),
    "seconds": ("second", "secs", "sec", "s"),
    "degC": ("°c", "c", "celsius", "cel"),
    "degF": ("°f", "f", "fahrenheit"),
    "mEq/L": ("meq/l", "mval/l"),
    "count": ("times", "1", "ph"),
    "bpm": ("/min", "1/min", "min-1", "beats/min"),
}


class UnitError(ValueError):
    """A quantity that cannot be read; the text says what was found, what was expected and what to do."""


def read_quantity(text: str, finding: QuantityFinding) -> tuple[float, str]:
    """Read a number with an optional unit.

    Returns the value in the finding's own unit, and what was written when that was in another unit (else "").
    Raises UnitError. The plausible range is not judged here.
    """
    check_commas(text, finding)
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or len(text) > 60:
        raise UnitError(f"a number in {finding.unit} was expected, like {_example(finding)}")
    return convert(match[1], match[2].strip(), finding)


def check_commas(text: str, finding: QuantityFinding) -> None:
    """Raise UnitError for a number with a comma, which may mean decimals or thousands."""
    if _COMMA.search(text) is None:
        return
    if (grouped := _COMMA_GROUPS.search(text)) and grouped[1].count(",") == 1:
        plain = grouped[1]
        meant = f"write {plain.replace(',', '')} or {plain.replace(',', '.')}"
        raise UnitError(f"a comma can mean thousands or decimals; {meant}")
    raise UnitError(f"a number in {finding.unit} was expected with a decimal point, like {_example(finding)}")


def convert(written: str, unit: str, finding: QuantityFinding) -> tuple[float, str]:
    """Turn a number (as NUMBER matched it) and the unit beside it into the finding's own unit.

    Returns the value, and what was written when that was in another unit (else ""). Raises UnitError.
    """
    number = Decimal("".join(written.split()))
    if not unit:
        return _rounded(number), ""
    # "1" is the unit of what has none, but behind a number ("5 1") it is another number.
    known = None if unit.isdigit() else match_unit(unit, finding)
    if known is None:
        raise UnitError(
            f"the unit {unit[:20]!r} is not one that {finding.id} takes; write it in {' or '.join(_accepted(finding))}"
        )
    if known == finding.unit:
        return _rounded(number), ""
    return _rounded(converter(finding, known)(number)), f"{written} {known}"


def match_unit(text: str, finding: QuantityFinding) -> str | None:
    """Find which of the finding's units a spelling means, if any."""
    spelled = same_unit(text)
    for unit in _accepted(finding):
        if spelled == same_unit(unit) or spelled in _SPELLINGS.get(unit, ()):
            return unit
    return None


@cache
def _registry() -> "pint.UnitRegistry[Any]":
    import pint

    return pint.UnitRegistry(Path(__file__).with_name("units.txt"), non_int_type=Decimal)


class Conversion(NamedTuple):
    """How a number in one unit becomes one in another: every unit is a multiple of another, some with an offset."""

    factor: Decimal
    offset: Decimal

    def __call__(self, number: Decimal) -> Decimal:
        """Turn a number in the one unit into one in the other."""
        return number * self.factor + self.offset


ConversionKey: TypeAlias = tuple[str, str, float | None, int | None]
"""What a conversion depends on: a unit, the finding's own unit, its molar mass and its valence."""

_CONVERSIONS: dict[ConversionKey, Conversion] = {}


def converter(finding: QuantityFinding, unit: str) -> Conversion:
    """Return what turns a number in `unit` into one in the finding's own unit. Raises UnitError when none exists."""
    key = _key(finding, unit)
    known = _CONVERSIONS.get(key)
    if known is None:
        known = _CONVERSIONS[key] = _conversion(finding, unit)
    return known


def conversions(findings: Iterable[Finding]) -> dict[ConversionKey, Conversion]:
    """Return the conversions of every unit that these findings accept, but for those that do not exist."""
    found = {}
    for finding in findings:
        if isinstance(finding, QuantityFinding):
            for unit in finding.accepts:
                with suppress(UnitError):
                    found[_key(finding, unit)] = converter(finding, unit)
    return found


def _key(finding: QuantityFinding, unit: str) -> ConversionKey:
    return unit, finding.unit, finding.molar_mass, finding.valence


def remember_conversions(known: Mapping[ConversionKey, Conversion]) -> None:
    """Take over conversions that were found before: to read the table of units takes longer than to assess a case."""
    _CONVERSIONS.update(known)


def _conversion(finding: QuantityFinding, unit: str) -> Conversion:
    import pint

    registry = _registry()

    def convert(number: Decimal) -> Decimal:
        # Pint's own types differ between its releases.
        quantity: Any = registry.Quantity(number, unit)
        target = registry.Unit(finding.unit)
        if quantity.dimensionality != target.dimensionality and finding.molar_mass is not None:
            in_moles = quantity / registry.Quantity(Decimal(str(finding.molar_mass)), "g/mol")
            if in_moles.dimensionality == target.dimensionality:
                quantity = in_moles
        if quantity.dimensionality != target.dimensionality and finding.valence is not None:
            quantity = quantity / registry.Quantity(Decimal(finding.valence), "Eq/mol")
        return Decimal(quantity.to(target).magnitude)

    try:
        offset = convert(Decimal(0))
        return Conversion(convert(Decimal(1)) - offset, offset)
    except (pint.DimensionalityError, pint.UndefinedUnitError) as error:
        raise UnitError(f"{unit} cannot be turned into {finding.unit}: {error}") from None
    except Exception:  # Which one Pint raises for what is written like no unit hangs on its release and on Python's.
        raise UnitError(f"{unit} cannot be turned into {finding.unit}: it is not written as a unit is") from None


def _accepted(finding: QuantityFinding) -> tuple[str, ...]:
    return (finding.unit, *finding.accepts)


def same_unit(unit: str) -> str:
    """Return a unit as every spelling of it that differs in letter case, signs or UCUM's brackets alone comes out."""
    spelled = unicodedata.normalize("NFKC", unit).casefold().replace("μ", "u").replace("µ", "u").replace(" ", "")
    # UCUM writes m[IU]/L, mm[Hg], [degF] and [pH], and puts what is counted into braces: {beats}/min, {score}.
    spelled = re.sub(r"\[([a-z]+)\]", r"\1", re.sub(r"\{[^{}]*\}", "", spelled) or "1")
    return re.sub(r"^mc(?=[a-z])", "u", spelled).replace("iu", "u").removesuffix(".")


def _rounded(number: Decimal) -> float:
    return float(f"{number:.{_SIGNIFICANT_DIGITS}g}")


def _example(finding: QuantityFinding) -> str:
    return f"{finding.range[0]:g} to {finding.range[1]:g}"
