"""What the vocabulary declares of a finding's unit in another unit system than its own."""

from typing import Annotated

from facts.declaring.declared import Limits, declared


@declared
class UnitOfSystem:
    """How laboratories of another unit system write a finding: their unit, and the figures that they report in it.

    `usual` is left out where the figure is the same in both, as mEq/L of potassium is.
    """

    unit: str
    usual: Annotated[list[float], Limits(min_length=2, max_length=2)] | None = None

    def __post_init__(self) -> None:
        if self.usual is not None and self.usual[0] >= self.usual[1]:
            raise ValueError(f"the usual figures in {self.unit} must run from a lower to a higher number")
