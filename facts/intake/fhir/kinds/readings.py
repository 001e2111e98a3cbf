"""A measured value as an Observation gives it (a figure, a limit, a range, words, a flag), turned into what people write.

All of it is then read by the one reader of answers, so a record and a case file mean the same by "< 1.5 mmol/L" and by "low".
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import isfinite
from typing import Any

from facts.answers import AnswerError, read_answer
from facts.case import Observed
from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.shapes.systems import INTERPRETATION, system_of
from facts.intake.fhir.shapes.values import bare_code, codings_of, described, names_of, object_of, objects_of, text_of
from facts.measuring.measurements import RELATIONS
from facts.measuring.units import UnitError, match_unit, read_quantity
from facts.problems import quoted
from facts.quantities import Interval, bounds
from facts.vocabulary import Finding, QuantityFinding

_FLAGS = {"L": "low", "LL": "low", "LU": "low", "<": "low", "H": "high", "HH": "high", "HU": "high", ">": "high", "N": "normal"}
"""What the codes of HL7's ObservationInterpretation say of a quantity, in the words of the reader of answers."""
_NAMES_OF_FLAGS = {
    "LL": ("critical low", "critically low", "below lower panic limits"),
    "LU": ("significantly low",),
    "L": ("low", "below low normal"),
    "<": ("off scale low", "below absolute low-off instrument scale"),
    "HH": ("critical high", "critically high", "above upper panic limits"),
    "HU": ("significantly high",),
    "H": ("high", "above high normal"),
    ">": ("off scale high", "above absolute high-off instrument scale"),
    "N": ("normal",),
}
"""How HL7 and its table 0078 display these codes; many records have the words alone."""
_FLAG_CALLED = {name.casefold(): code for code, names in _NAMES_OF_FLAGS.items() for name in (code, *names)}
_OFF_SCALE = frozenset({"<", ">"})
_CRITICAL = frozenset({"LL", "HH"})
_LIMITS_DIFFER = 0.1
"""The share by which the limits of one laboratory may lie beyond those of another."""
_GROUPED = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}\.[0-9]{3}(?![0-9.,])")
_WITH_UNIT = re.compile(r"\d\s*(?:[^\W\d_]|[%°µ/\[{])", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value says: the answer (None when it gives none), or the reason why it says nothing and how to fix it.

    With a `doubt` the reading contradicts itself: a value, and a flag that cannot be that value's.
    """

    observed: Observed | None
    reason: str = ""
    fix: str = ""
    doubt: str = ""
    gives_nothing: bool = False
    """Nothing was measured, so nothing is superseded either."""


def read_reading(part: Mapping[str, Any], finding: QuantityFinding, index: CodeIndex) -> Iterator[Reading]:
    """Read the value of an Observation or component; two readings where its value and its flag contradict each other."""
    codes = {code for code in interpretations(part) if code in _FLAGS}
    flags = {_FLAGS[code] for code in codes}
    flag = flags.pop() if len(flags) == 1 else ""
    text, reason, fix = _written(part, finding, index)
    if not text:
        if flag and not reason:
            yield answer_to(finding, flag)
        else:
            reason, fix = (reason, fix) if reason else unread_value(part)
            yield Reading(None, reason or "it gives no value", fix, gives_nothing=not reason)
        return
    if len(beyond := codes & _OFF_SCALE) == 1 and "valueQuantity" in part and not text.startswith(tuple(RELATIONS)):
        # What lies off the scale of the instrument is reported by the end of the scale.
        text = f"{min(beyond)} {text}"
    found = answer_to(finding, text)
    why = _contradicts(part, finding, found.observed, flag, codes) if flag and found.observed is not None else ""
    if not why:
        yield found
        return
    yield Reading(found.observed, doubt=why)
    flagged = answer_to(finding, flag)
    if flagged.observed is not None:
        yield Reading(flagged.observed, doubt=why)


def answer_to(finding: Finding, written: str) -> Reading:
    """Read an answer as a case file's is read."""
    try:
        observed = read_answer(finding, written)
    except AnswerError as error:
        message, _, fix = str(error).removeprefix(f"{finding.id}: ").rpartition("; ")
        return Reading(None, message, fix)
    return Reading(observed) if observed is not None else Reading(None, "it gives no value", gives_nothing=True)


def interpretations(part: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of HL7's ObservationInterpretation that a value is flagged with, by code or by their names."""
    given = part.get("interpretation")
    found: list[str] = []
    for one in given if isinstance(given, list) else [given]:
        concept = {"text": one} if isinstance(one, str) else one
        written = [coding.code for coding in codings_of(concept) if coding.system == INTERPRETATION or not coding.written]
        found += [_FLAG_CALLED.get(text.casefold(), text) for text in written] or [
            code for name in names_of(concept) if (code := _FLAG_CALLED.get(name.casefold()))
        ]
    return tuple(found)


def unread_value(part: Mapping[str, Any]) -> tuple[str, str]:
    """Return why a value or a flag that is there says nothing here, and how to fix it; "" where there is none."""
    for element, value in part.items():
        if element.startswith("value") and value not in (None, "", [], {}):
            return f"its {element} holds nothing that is read here", "give the value in a type of FHIR R4 that fits the finding"
    flagged = part.get("interpretation")
    if flagged in (None, "", [], {}):
        return "", ""
    told = next(names_of(flagged), "") or next((coding.code for coding in codings_of(flagged)), "")
    return f"it gives no value, and its interpretation {quoted(told)} is not one that is known here", ""


def _contradicts(part: Mapping[str, Any], finding: QuantityFinding, observed: Observed, flag: str, codes: Set[str]) -> str:
    """Return how a value's flag differs from the laboratory's own limits, or from the finding's; "" where it fits."""
    if possible := {_FLAGS[code] for code in by_reference_range(part)}:
        limits = "by its own reference range"
        fits = flag in possible
    else:
        limits = "by the reference interval used here"
        fits = _fits(finding, observed, flag, is_critical=bool(codes & _CRITICAL))
    return "" if fits else f"it is flagged {'/'.join(sorted(codes))} ({flag}), which {limits} it is not"


def _fits(finding: QuantityFinding, observed: Observed, flag: str, *, is_critical: bool) -> bool:
    """Return whether a flag can be a value's: laboratories' limits differ by a tenth, but not about what is critical."""
    called = answer_to(finding, flag).observed
    if called is None or not isinstance(called.value, Interval) or not isinstance(observed.value, Interval | int | float):
        return True
    (least, greatest), (low, high) = bounds(observed.value), bounds(called.value)
    share = 0 if is_critical else _LIMITS_DIFFER
    return least <= high + abs(high) * share and greatest >= low - abs(low) * share


def _written(part: Mapping[str, Any], finding: QuantityFinding, index: CodeIndex) -> tuple[str, str, str]:
    """Return what a value says as people write it; or the reason why it says nothing, and a fix where that is a fault."""
    given = [element for element, value in part.items() if element.startswith("value") and value not in (None, "", [], {})]
    if len(given) > 1:
        return "", f"it has both {' and '.join(given)}", "keep the one that is meant"
    if isinstance(limits := part.get("valueRange"), dict):
        return _range(limits, finding, index)
    measured = object_of(part.get("valueQuantity"))
    value = measured.get("value", part.get("valueInteger", part.get("valueDecimal")))
    if value is not None:
        return _quantity(measured, value, finding, index)
    told = text_of(part.get("valueString"))
    if told:
        return _text(told, finding)
    if named := next(names_of(part.get("valueCodeableConcept")), ""):
        flagged = {word for coding in codings_of(part.get("valueCodeableConcept")) if (word := _FLAGS.get(coding.code))}
        return (flagged.pop(), "", "") if len(flagged) == 1 else _text(named, finding, is_coded=True)
    return (
        "",
        "the record says that the value is missing" if part.get("dataAbsentReason") and not interpretations(part) else "",
        "",
    )


def _text(told: str, finding: QuantityFinding, *, is_coded: bool = False) -> tuple[str, str, str]:
    if flag := _FLAG_CALLED.get(told.casefold()):
        return _FLAGS[flag], "", ""
    text = re.sub(r"^=\s*", "", told)
    for number in _GROUPED.findall(text):
        # A laboratory of Europe writes 20.000 for twenty thousand.
        if finding.range[0] <= float(number.replace(".", "")) <= finding.range[1]:
            return "", f"{quoted(told)} may be thousands or a decimal fraction", "write it without a sign between thousands"
    if not is_coded and re.search(r"\d", text) and not _WITH_UNIT.search(text) and finding.unit != "count":
        return "", f"{quoted(told)} has no unit", f"give one of UCUM, such as {finding.unit}"
    return text, "", ""


def _quantity(measured: Mapping[str, Any], value: Any, finding: QuantityFinding, index: CodeIndex) -> tuple[str, str, str]:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return "", f"found {described(value)}, expected a number", "write the value as a number"
    comparator = measured.get("comparator") or ""
    if comparator in ("=", "=="):
        comparator = ""
    if comparator and not (isinstance(comparator, str) and comparator in RELATIONS):
        written = comparator if isinstance(comparator, str) else described(comparator)
        return "", f"{quoted(f'{written} {value}')} is no limit that is known here", "use <, <=, >= or >"
    unit, reason, fix = _unit(measured, str(value), finding, index)
    if reason:
        return "", reason, fix
    # UCUM's 1 and 1/min begin with a digit, which after a number nobody writes by hand.
    if unit[:1].isdigit():
        unit = "" if finding.unit == "count" else match_unit(unit, finding) or unit
    return f"{comparator} {value} {unit}".strip(), "", ""


def _unit(measured: Mapping[str, Any], value: str, finding: QuantityFinding, index: CodeIndex) -> tuple[str, str, str]:
    """Return the unit that is meant; or why none is. What is printed and what is coded must mean the same."""
    printed, coded = text_of(measured.get("unit")), text_of(measured.get("code"))
    in_ucum = system_of(text_of(measured.get("system"))) == "UCUM"
    units = [unit for unit in ((coded, printed) if in_ucum else (printed, coded)) if unit]
    if not units and finding.unit != "count":
        return "", f"{quoted(value)} has no unit", f"give one of UCUM, such as {finding.unit}"
    known = [unit for unit in units if match_unit(unit, finding)]
    values = {_converted(value, unit, finding) for unit in known}
    other = any(index.is_unit(unit) for unit in units if unit not in known)
    if len(values) > 1 or (known and other):
        reason = f"it says both {quoted(f'{value} {printed}')} (unit) and {quoted(f'{value} {coded}')} (code)"
        return "", reason, "correct the unit or its code"
    return (known or units or [""])[0], "", ""


def _converted(value: str, unit: str, finding: QuantityFinding) -> float | None:
    try:
        return read_quantity(f"{value} {unit}", finding)[0]
    except UnitError:
        return None


def _range(limits: Mapping[str, Any], finding: QuantityFinding, index: CodeIndex) -> tuple[str, str, str]:
    low, high = (object_of(limits.get(end)) for end in ("low", "high"))
    ends = [end for end in (low, high) if end.get("value") is not None]
    if not ends:
        return "", "it gives no value", ""
    texts = [_quantity({**end, "comparator": None}, end["value"], finding, index) for end in ends]
    if fault := next((text for text in texts if text[1]), None):
        return fault
    if len(ends) == 1:
        return f"{'>=' if ends[0] is low else '<='} {texts[0][0]}", "", ""
    number, _, unit = texts[0][0].partition(" ")
    upper, _, other = texts[1][0].partition(" ")
    if unit != other:
        return "", f"its range runs from {quoted(texts[0][0])} to {quoted(texts[1][0])}", "write both ends in one unit"
    return f"{number}-{upper} {unit}".strip(), "", ""


def by_reference_range(part: Mapping[str, Any]) -> Sequence[str]:
    """Return the interpretations that a value may have by the laboratory's own limits: "L", "N", "H"."""
    ranges = objects_of(part.get("referenceRange"))
    measured = object_of(part.get("valueQuantity"))
    # Several ranges are for several kinds of people, and a range may be of another type than the normal one.
    if len(ranges) != 1 or measured.get("comparator") or bare_code(ranges[0].get("type")) not in ("", "normal"):
        return ()
    value = _number(measured)
    low, high = (object_of(ranges[0].get(end)) for end in ("low", "high"))
    limits = [_number(limit) for limit in (low, high)]
    if value is None or any(limit and _unit_text(limit) != _unit_text(measured) for limit in (low, high)):
        return ()
    if limits[1] is not None and value > limits[1]:
        return ("H",)
    if limits[0] is not None and value < limits[0]:
        return ("L",)
    if None not in limits:
        return ("N",)
    return ("N", "L") if limits[1] is not None else ("N", "H") if limits[0] is not None else ()


def _number(quantity: Mapping[str, Any]) -> float | None:
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _unit_text(quantity: Mapping[str, Any]) -> str:
    return text_of(quantity.get("code")) or text_of(quantity.get("unit"))
