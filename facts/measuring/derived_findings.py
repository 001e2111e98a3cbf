"""Quantities that are computed from others where they are not given themselves: by formulas that the vocabulary declares."""

from collections.abc import Mapping
from decimal import Decimal
from math import prod

from facts.declaring.declared_quantities import Derivation
from facts.quantities import Interval, Quantity, between, bounds
from facts.vocabulary import QuantityFinding

ROUGHLY = 10
"""Significant digits that are kept: what binary arithmetic adds behind them was never measured."""


def compute(derivation: Derivation, finding: QuantityFinding, inputs: Mapping[str, Quantity]) -> Quantity | None:
    """Return what follows for a finding from its inputs, all known; None where that is not plausible of anybody.

    Of inputs that are known in part the result is as well: it holds for every figure that they can be.
    """
    if derivation.product:
        ends = [_sorted_power(inputs[name], power) for name, power in derivation.product.items()]
        low, high = (prod(end[side] for end in ends) for side in (0, 1))
    else:
        ends = [_sorted_multiple(inputs[name], coefficient) for name, coefficient in derivation.terms.items()]
        low, high = (derivation.constant + sum(end[side] for end in ends) for side in (0, 1))
    least, greatest = finding.range
    exact = not any(isinstance(value, Interval) for value in inputs.values())
    if exact:
        figure = _rounded(low)
        return figure if least <= figure <= greatest else None
    low, high = max(_rounded(low), least), min(_rounded(high), greatest)
    return between(low, high) if low <= high else None


def agree(given: Quantity, computed: Quantity, share: float) -> bool:
    """Return whether a quantity that was given can be what was computed, where they may differ by a share of that."""
    (low, high), (least, greatest) = bounds(given), bounds(computed)
    return low - abs(greatest) * share <= greatest and least - abs(least) * share <= high


def _sorted_power(quantity: Quantity, power: int) -> tuple[float, float]:
    low, high = bounds(quantity)
    return (low, high) if power == 1 else (1 / high, 1 / low)


def _sorted_multiple(quantity: Quantity, coefficient: float) -> tuple[float, float]:
    low, high = (end * coefficient for end in bounds(quantity))
    return (low, high) if coefficient >= 0 else (high, low)


def _rounded(number: float) -> float:
    return float(f"{Decimal(number):.{ROUGHLY}g}")
