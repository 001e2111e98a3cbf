"""Lists of medicines as people write them, taken and stopped; one reader for case files, tables, prompts and pages.

Only the word "none" and a list that is empty say that nothing is taken. What is blank was not answered, and a list of blanks
is a slip: neither may turn every medicine of the dictionary into a "no".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from facts.answers import is_unknown
from facts.medicines import Stopped
from facts.problems import did_you_mean, quoted

NONE = "none"
LONGEST_NAME = 2_000
LONGEST_TIME = 40_000.0
"""Days or weeks; more than a lifetime is a slip."""
STOP_KEYS = ("name", "days_ago", "after_weeks")

_NUMBER = r"([0-9]+(?:[.,][0-9]+)?|\.[0-9]+)"
_UNIT = r"(d|days?|w|wks?|weeks?|m|mos?|months?|y|yrs?|years?)\b"
_AGO = re.compile(rf"(?<![\w.,]){_NUMBER}\s*{_UNIT}\s+ago\b", re.IGNORECASE)
_AFTER = re.compile(rf"\b(?:after|for|taken(?:\s+for)?)\s+{_NUMBER}\s*{_UNIT}", re.IGNORECASE)
_TIME_WORD = re.compile(rf"\b(?:ago|after)\b|[0-9]\s*{_UNIT}\s*$", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:19|20)[0-9]{2}[-/.][0-9]{1,2}\b|\b[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{2}){1,2}\b|\b(?:in|on|since|from)\s+(?:19|20)[0-9]{2}\b",
    re.IGNORECASE,
)
"""A date: how long ago that was depends on a day that nobody told."""
_IN_DAYS = {"d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
# "3-5 days ago", "10 to 14 days ago", "> 3 days ago": the second number alone would be something else.
_MORE_THAN_A_NUMBER = re.compile(
    r"(?:[0-9][.,]?\s*(?:to|or|and|-|–|/|±)|[0-9]|[<>≤≥~±–-]|\b(?:about|over|under|than|nearly|almost))\s*$", re.I
)
_SEPARATOR = re.compile(r"(?<![0-9]),|,(?![0-9])|[;\n]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a list: the way to it from the list's top, what was found and expected, what to do."""

    path: tuple[str | int, ...]
    message: str
    fix: str
    of_key: bool = False


class ListError(ValueError):
    """A list that cannot be used, with everything that is wrong in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.message}; {fault.fix}" for fault in faults))


def read_medicines(written: Any) -> list[str] | None:
    """Read a list of current medicines; [] says that none is taken, None that nothing is known. Raises ListError."""
    entries = _entries("medicines", written, "a list of medicines")
    if entries is None:
        return None
    faults: list[Fault] = []
    names = [_name(entry, (place,), f"medicine {place + 1}", faults) for place, entry in enumerate(entries)]
    if faults:
        raise ListError(faults)
    return names


def read_stopped_medicines(written: Any) -> list[Stopped] | None:
    """Read a list of stopped medicines: texts ("NAME, 3 days ago, after 26 weeks") or mappings. Raises ListError."""
    entries = _entries("stopped_medicines", written, "a list of stopped medicines")
    if entries is None:
        return None
    faults: list[Fault] = []
    stopped: list[Stopped] = []
    for place, entry in enumerate(entries):
        try:
            stopped.append(_stop_of_mapping(entry, place) if isinstance(entry, dict) else _stop_of_text(entry, place))
        except ListError as error:
            faults.extend(error.faults)
    if faults:
        raise ListError(faults)
    return stopped


def read_stop(text: str) -> Stopped:
    """Read one stopped medicine: "NAME, 3 days ago, after 26 weeks", in this order or another. Raises ListError."""
    rest, times = text, dict[str, float]()
    for key, pattern, unit in (("days_ago", _AGO, 1.0), ("after_weeks", _AFTER, 7.0)):
        found = pattern.search(rest)
        if found is not None:
            before = rest[: found.start()]
            if _MORE_THAN_A_NUMBER.search(before):
                raise _unreadable(text)
            times[key] = _time(found, unit, text)
            rest = f"{before.rstrip(' ,')} {rest[found.end() :].lstrip(' ,')}"
    name = " ".join(rest.split()).strip(" ,")
    if not name:
        raise ListError([Fault((), f"{quoted(text)} names no medicine", "write NAME, 3 days ago, after 26 weeks")])
    if _TIME_WORD.search(name) or _DATE.search(name):
        raise _unreadable(text)
    return Stopped(name, times.get("days_ago"), times.get("after_weeks"))


def split_at_commas(text: str) -> list[str]:
    """Split what is typed on one line at its commas and semicolons; a comma in a number stays, and a time follows its name."""
    parts: list[str] = []
    for part in (part.strip() for part in _SEPARATOR.split(text)):
        if parts and (_AGO.match(part) or _AFTER.match(part)):
            parts[-1] = f"{parts[-1]}, {part}"
        elif part:
            parts.append(part)
    return parts


def _entries(key: str, written: Any, expected: str) -> list[Any] | None:
    if is_unknown(written):
        return None
    if isinstance(written, str):
        if written.strip().casefold() == NONE:
            return []
        entries = [text.strip() for text in written.split(";") if text.strip()]
        if not entries:
            message = f"{key}: found {quoted(written)}, which names no medicine"
            raise ListError([Fault((), message, "write none where there is none, or leave it out where it is not known")])
        return entries
    if not isinstance(written, list):
        raise ListError([Fault((), f"{key}: found {quoted(written)}, expected {expected}", "see `charley schema case`")])
    return written


def _name(written: Any, path: tuple[str | int, ...], shown: str, faults: list[Fault]) -> str:
    if isinstance(written, str) and written.strip() and len(written) <= LONGEST_NAME:
        return written.strip()
    found = "nothing" if written is None or written == "" else quoted(written)
    message = f"{shown}: found {found}, expected a text of at most {LONGEST_NAME} characters"
    faults.append(Fault(path, message, "write one, or none for the whole list"))
    return ""


def _stop_of_text(written: Any, place: int) -> Stopped:
    if not isinstance(written, str):
        message = f"found {quoted(written)}, expected a medicine"
        raise ListError([Fault((place,), message, "write {name: …, days_ago: …, after_weeks: …}")])
    faults: list[Fault] = []
    name = _name(written, (place,), f"medicine {place + 1}", faults)
    if faults:
        raise ListError(faults)
    try:
        return read_stop(name)
    except ListError as error:
        raise ListError([Fault((place, *fault.path), fault.message, fault.fix) for fault in error.faults]) from None


def _stop_of_mapping(written: dict[str, Any], place: int) -> Stopped:
    faults = [
        Fault(
            (place, key),
            f"{quoted(key)} is not a key here",
            did_you_mean(key, STOP_KEYS) or f"use {', '.join(STOP_KEYS)}",
            True,
        )
        for key in written
        if key not in STOP_KEYS
    ]
    name = _name(written.get("name"), (place, "name"), "name", faults)
    days, weeks = (_figure(written.get(key), (place, key), faults) for key in STOP_KEYS[1:])
    if faults:
        raise ListError(faults)
    return Stopped(name, days, weeks)


def _figure(written: Any, path: tuple[str | int, ...], faults: list[Fault]) -> float | None:
    if is_unknown(written):
        return None
    text = "" if isinstance(written, bool) else str(written).strip()
    number = float(text) if re.fullmatch(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?", text) else -1.0
    if not 0 <= number <= LONGEST_TIME:
        faults.append(Fault(path, f"{path[-1]}: found {quoted(written)}, expected a number from 0", "write the number alone"))
        return None
    return number


def _time(found: re.Match[str], unit: float, text: str) -> float:
    # "1,000 days" is a thousand to some and one to others.
    if re.search(r",[0-9]{3}$", found[1]):
        raise _unreadable(text)
    days = float(found[1].replace(",", ".")) * _IN_DAYS[found[2][0].lower()]
    if days / unit > LONGEST_TIME:
        raise _unreadable(text)
    return round(days / unit, 2)


def _unreadable(text: str) -> ListError:
    message = f"the times in {quoted(text)} cannot be read"
    return ListError([Fault((), message, "write NAME, 3 days ago, after 26 weeks, each with one number")])
