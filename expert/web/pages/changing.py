"""The page of answers so far, where each can be changed, whenever it was given, and where more can be told by name."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from expert.consultation import naming, replies
from expert.consultation.answer_log import AnswerRefused
from expert.web.pages.answered import answers_of, closed_by_lists
from expert.web.pages.forms import CURRENT, STOPPED, TOLD, read_lists
from expert.web.pages.questions import band
from expert.web.pages.sitting import STALE, Sitting, keep, sitting_of
from expert.web.service import Visit
from facts.medicines import Stopped
from reports.pages import render_page
from reports.words.cleaning import clean
from reports.words.wording import sentence

_LONGEST = 200


def answers(visit: Visit) -> Response:
    """Show every answer that stands, each with a way to change it."""
    sitting = sitting_of(visit)
    sitting.record("read answers")
    return _answers(sitting, 200)


def change(visit: Visit) -> Response:
    """Change one answer, wherever it was given, or the medicine lists; or record what is told by name."""
    sitting = sitting_of(visit)
    if not sitting.is_current():
        return _answers(sitting, 409, STALE)
    try:
        changed = _read_change(visit, sitting)
        log, moment = sitting.consultation.changed(sitting.log, sitting.session.name, changed, sitting.service.now())
    except naming.Ambiguous as error:
        return _answers(sitting, 422, f"“{clean(visit.form[TOLD])}” may be one of these.", error)
    except (AnswerRefused, replies.ReplyError) as error:
        return _answers(sitting, 422, f"{sentence(clean(str(error)))} Nothing was changed.")
    return keep(sitting, log, "changed", moment=moment)


def _read_change(visit: Visit, sitting: Sitting) -> Mapping[str, Any]:
    """Read what is to be changed. Raises ReplyError."""
    form, vocabulary = visit.form, sitting.service.knowledge.vocabulary
    if "lists" in form:
        filled = read_lists(form)
        if filled.problems:
            raise replies.ReplyError("; ".join(filled.problems.values()))
        return filled.answers
    told = form.get(TOLD, "").strip()
    if told and len(told) <= _LONGEST:
        return {one.finding.id: one.value for one in (naming.read_told(part, vocabulary) for part in naming.split(told))}
    finding = vocabulary.findings.get(form.get("finding", ""))
    text = form.get("value", "").strip()
    if finding is None or not text or len(text) > _LONGEST:
        raise replies.ReplyError("Choose an answer and write what it is to be.")
    return {finding.id: replies.read_value(finding, text)}


def _answers(sitting: Sitting, status: int, problem: str = "", ambiguous: naming.Ambiguous | None = None) -> Response:
    listed = answers_of(sitting)
    values = {
        "page": sitting.visit.page(),
        "band": band(sitting.moment, sitting.service.knowledge),
        "session": {"name": clean(sitting.session.name)},
        "here": sitting.here,
        "more": sitting.more,
        "after": len(sitting.log),
        "answers": [answer for answer in listed if not answer.is_plain],
        "plain": [answer for answer in listed if answer.is_plain],
        "closed": closed_by_lists(sitting),
        "lists": lists_shown(sitting),
        "problem": problem,
        "meant": [(finding.id, sentence(finding.label).removesuffix(".")) for finding in ambiguous.matches]
        if ambiguous
        else [],
        "meant_value": _value_meant(ambiguous),
    }
    return HTMLResponse(render_page("answers.html.j2", **values), status)


def _value_meant(ambiguous: naming.Ambiguous | None) -> str:
    return (ambiguous.value or "yes") if ambiguous else ""


def lists_shown(sitting: Sitting) -> dict[str, dict[str, str]]:
    """Return the medicine lists as they were written, to be changed."""
    case = sitting.moment.told.case
    current = ", ".join(clean(name) for name in case.medicines or ())
    stopped = ", ".join(_stopped(entry) for entry in case.stopped_medicines or ())
    chosen = {CURRENT: case.medicines, STOPPED: case.stopped_medicines}
    return {
        key: {"value": "" if text or chosen[key] is None else "none", "text": text, "problem": ""}
        for key, text in ((CURRENT, current), (STOPPED, stopped))
    }


def _stopped(entry: Stopped) -> str:
    ago = "" if entry.days_ago is None else f" {entry.days_ago:g} days ago"
    after = "" if entry.after_weeks is None else f" after {entry.after_weeks:g} weeks"
    return f"{clean(entry.name)}{ago}{after}"
