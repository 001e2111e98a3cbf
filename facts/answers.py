"""What people write for an answer ("yes", "3.1 mmol/L", "sudden") read as a finding's value; for files and prompts alike."""

from typing import Any

from facts.case import Observed
from facts.measuring.measurements import Implausible, read_measurement
from facts.measuring.unit_systems import UnitSystem, other_readings, with_unit, write_with_unit
from facts.measuring.units import UnitError
from facts.problems import did_you_mean, quoted
from facts.quantities import Interval, quantity_words
from facts.vocabulary import ChoiceFinding, QuantityFinding, YesNoFinding

_YES = frozenset({"yes", "y", "true", "present", "pos", "positive"})
_NO = frozenset({"no", "n", "false", "absent", "neg", "negative"})
_UNKNOWN = frozenset({"", "unknown", "?", "not known"})


class AnswerError(ValueError):
    """An answer that cannot be used: what was found, what was expected and what to do."""


def is_unknown(written: Any) -> bool:
    """Return whether an answer says that it is not known: "unknown", "?", a blank, or nothing at all (None)."""
    return written is None or (isinstance(written, str) and written.strip().casefold() in _UNKNOWN)


def read_answer(
    finding: YesNoFinding | QuantityFinding | ChoiceFinding, written: Any, system: UnitSystem | None = None
) -> Observed | None:
    """Read an answer as text, or as the bool or number that JSON has. Returns None for "unknown". Raises AnswerError.

    `system` is the one whose units the bare numbers of a file are in, where the file says so.
    """
    if is_unknown(written):
        return None
    if not isinstance(written, str | bool | int | float | dict | list):
        raise AnswerError(
            f"{finding.id}: found {quoted(written)} ({type(written).__name__}), expected an answer; write it as text"
        )
    if isinstance(written, dict | list):
        raise AnswerError(f"{finding.id}: one answer was expected, found {'several' if written else 'none'}; write it plainly")
    text = str(written).strip() if isinstance(written, str) else written
    if isinstance(finding, YesNoFinding):
        return _read_yes_no(finding, text)
    if isinstance(finding, ChoiceFinding):
        return _read_choice(finding, text)
    return _read_quantity(finding, text, system)


def _read_yes_no(finding: YesNoFinding, text: Any) -> Observed:
    if isinstance(text, bool):
        return Observed(text)
    folded = text.casefold() if isinstance(text, str) else None
    if folded in _YES:
        return Observed(True)
    if folded in _NO:
        return Observed(False)
    raise AnswerError(f"{finding.id}: found {quoted(text)}, expected yes or no; write yes, no or unknown")


def _read_choice(finding: ChoiceFinding, text: Any) -> Observed:
    folded = text.casefold().replace(" ", "_") if isinstance(text, str) else None
    if folded in finding.choices:
        return Observed(folded)
    choices = " or ".join(finding.choices)
    near = did_you_mean(str(text), finding.choices) or "write one of them, or unknown"
    raise AnswerError(f"{finding.id}: found {quoted(text)}, expected {choices}; {near}")


def _read_quantity(finding: QuantityFinding, text: Any, system: UnitSystem | None) -> Observed:
    if isinstance(text, bool):
        raise AnswerError(f"{finding.id}: found {quoted(text)}, expected a number in {finding.unit}; write the measured value")
    if system is None and (readings := other_readings(finding, str(text))):
        raise AnswerError(f"{finding.id}: found {quoted(text)}; {readings}")
    try:
        return Observed(*read_measurement(with_unit(finding, str(text), system), finding))
    except Implausible as error:
        raise AnswerError(f"{finding.id}: found {quoted(text)}{error}") from None
    except UnitError as error:
        raise AnswerError(f"{finding.id}: found {quoted(text)}; {error}") from None


def write_answer(finding: YesNoFinding | QuantityFinding | ChoiceFinding, observed: Observed) -> bool | float | str:
    """Write what is known of a finding so that `read_answer` reads the same again: plain, or as a text."""
    if observed.given:
        return observed.given
    value = observed.value
    if not isinstance(finding, QuantityFinding) or isinstance(value, str):
        if isinstance(value, Interval):
            raise TypeError(f"{finding.id} is not a quantity")
        return value
    words = quantity_words(value, finding.range, "{:.10g}".format)
    if other_readings(finding, words):
        return write_with_unit(words, finding.unit)
    return words if isinstance(value, Interval) else value
