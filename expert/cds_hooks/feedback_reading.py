"""The body of a feedback call read and checked: what was done with which cards."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from expert.cds_hooks.feedback import Feedback
from expert.cds_hooks.outcome import CallRefused
from expert.cds_hooks.request import parse
from facts.intake.fhir.shapes.values import object_of, text_of

_MOST_FEEDBACK = 1_000


def read_feedback(body: bytes) -> list[Feedback]:
    """Read the body of a feedback call. Raises CallRefused (400) with everything that is wrong with it."""
    entries = parse(body).get("feedback")
    if not isinstance(entries, list) or not entries:
        raise CallRefused(400, "structure", "feedback: expected a list that is not empty; it is required")
    if len(entries) > _MOST_FEEDBACK:
        raise CallRefused(413, "too-long", f"more than {_MOST_FEEDBACK:,} entries of feedback")
    read: list[Feedback] = []
    wrong: list[str] = []
    for number, entry in enumerate(entries):
        try:
            read.append(_read_one(entry))
        except ValueError as error:
            wrong.append(f"feedback[{number}].{error}")
    if wrong:
        raise CallRefused(400, "structure", *wrong, "nothing was kept")
    return read


def _read_one(entry: Any) -> Feedback:
    value = object_of(entry)
    card, done = text_of(value.get("card")), value.get("outcome")
    if not card:
        _wrong("card", "expected the uuid of a card; it is required")
    at = _moment(value.get("outcomeTimestamp"))
    if done == "accepted":
        accepted = value.get("acceptedSuggestions")
        ids = [text_of(object_of(one).get("id")) for one in accepted] if isinstance(accepted, list) else []
        if not ids or not all(ids):
            _wrong("acceptedSuggestions", "expected a list of {id}; it is required where something was accepted")
        return Feedback(card, at, "accepted", accepted=tuple(ids))
    if done != "overridden":
        _wrong("outcome", "expected accepted or overridden; it is required")
    reason = value.get("overrideReason")
    if reason is not None and not isinstance(reason, dict):
        _wrong("overrideReason", "expected an object")
    return Feedback(card, at, "overridden", text_of(object_of(object_of(reason).get("reason")).get("code")))


def _moment(written: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) and "T" in written.upper() else None
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() != timedelta(0):
        _wrong("outcomeTimestamp", "expected a date and time in UTC, as RFC 3339 writes it; it is required")
    return moment


def _wrong(key: str, message: str) -> NoReturn:
    raise ValueError(f"{key}: {message}")
