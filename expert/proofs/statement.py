"""One statement that is to be proved of a knowledge base."""

from dataclasses import dataclass
from typing import Literal

from expert.proofs.connectives import Formula
from expert.proofs.formulas import Patient
from facts.problems import Place


@dataclass(frozen=True, repr=False)
class Statement:
    """One statement: it holds when a patient as the formulas say is possible, or (`wanted`) impossible.

    `given` is what many statements have in common, asked with `formulas`; what decides keeps it ready.
    `second` names a finding whose other value, in the variables of another patient, the formulas are about too.
    """

    property: str
    subject: str
    place: Place
    says: str
    """What is wrong when it does not hold."""
    fix: str
    wanted: Literal["possible", "impossible"]
    formulas: tuple[Formula, ...]
    second: tuple[str, Patient] | None = None
    given: tuple[Formula, ...] = ()
