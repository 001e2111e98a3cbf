"""What the vocabulary declares of a quantity beside its unit: what is low, normal and high, and what it is computed from."""

from dataclasses import field
from typing import Annotated, Literal

from facts.declaring.declared import Limits, Name, declared


@declared
class ReferenceInterval:
    """The limits of what is normal, in the finding's own unit and both normal themselves; a limit left out is none.

    `where` tells whose limits they are, by other findings: a choice, or of a quantity from where (included) to where (not).
    """

    low: float | None = None
    high: float | None = None
    where: dict[Name, Name | Annotated[list[float], Limits(min_length=2, max_length=2)]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError("a reference interval has a low limit, a high one, or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("the low limit must be below the high one")


@declared
class Reference:
    """What "low", "normal" and "high" mean; where several intervals can apply to a patient, what is true by any of them."""

    source: str | list[str]
    intervals: Annotated[list[ReferenceInterval], Limits(min_length=1)]


@declared
class Derivation:
    """How a quantity is computed from others, all in their own units: constant + coefficient * finding + …, or a product.

    Of `product`, what is to the power of -1 divides: {a: 1, b: -1} is a ratio. A value that is given all the same may differ
    from what is computed by this share of it (`agrees_within`), and wins.
    """

    source: str | list[str]
    constant: float = 0
    terms: dict[Name, float] = field(default_factory=dict)
    product: dict[Name, Literal[1, -1]] = field(default_factory=dict)
    agrees_within: Annotated[float, Limits(ge=0, lt=1)]

    def __post_init__(self) -> None:
        if bool(self.terms) is bool(self.product) or (self.product and self.constant):
            raise ValueError("a derived quantity has `terms` (with or without a `constant`) or a `product`")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The findings that it is computed from."""
        return (*self.terms, *self.product)
