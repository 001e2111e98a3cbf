"""Proportions with their confidence intervals, for cohorts and feedback."""

from math import sqrt
from typing import Any

_Z = 1.959963984540054


def proportion(part: int, whole: int) -> dict[str, Any]:
    """Return a proportion with Wilson's 95 % interval; no proportion of nothing."""
    if not whole:
        return {"count": part, "of": whole, "share": None, "interval": None}
    share = part / whole
    middle = share + _Z * _Z / (2 * whole)
    spread = _Z * sqrt(share * (1 - share) / whole + _Z * _Z / (4 * whole * whole))
    scale = 1 + _Z * _Z / whole
    low, high = max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
    return {"count": part, "of": whole, "share": round(share, 6), "interval": [round(low, 6), round(high, 6)]}
