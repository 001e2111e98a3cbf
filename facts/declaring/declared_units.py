"""What the vocabulary declares of a finding's unit in another unit system than its own."""

from typing import Annotated

from pydantic import Field, model_validator

from facts.declaring.schema_reading import Declared


class UnitOfSystem(Declared):
    """How laboratories of another unit system write a finding: their unit, and the figures that they report in it.

    `usual` is left out where the figure is the same in both, as mEq/L of potassium is.
    """

    unit: str
    usual: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _figures_ascend(self) -> "UnitOfSystem":
        if self.usual is not None and self.usual[0] >= self.usual[1]:
            raise ValueError(f"the usual figures in {self.unit} must run from a lower to a higher number")
        return self
