"""The page of answers so far, where each can be changed, whenever it was given."""

from typing import Any

from starlette.responses import HTMLResponse, Response

from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused
from expert.web.pages.questions import band
from expert.web.pages.sitting import STALE, Sitting, keep, sitting_of
from expert.web.service import Visit
from facts.case import NOT_LISTED
from facts.vocabulary import ChoiceFinding, QuantityFinding
from reports.cleaning import clean
from reports.pages import render_page
from reports.wording import sentence, unit_text, value_text


def answers(visit: Visit) -> Response:
    """Show every answer that stands, each with a way to change it."""
    sitting = sitting_of(visit)
    sitting.record("read answers")
    return _answers(sitting, 200)


def change(visit: Visit) -> Response:
    """Change one answer, wherever it was given."""
    sitting = sitting_of(visit)
    finding = sitting.service.knowledge.vocabulary.findings.get(visit.form.get("finding", ""))
    text = visit.form.get("value", "").strip()
    if not sitting.is_current():
        return _answers(sitting, 409, STALE)
    if finding is None or not text or len(text) > 200:
        return _answers(sitting, 422, "Choose an answer and write what it is to be; nothing was changed.")
    try:
        value = replies.read_value(finding, text)
        log, _ = sitting.service.consultation.changed(
            sitting.log, sitting.session.name, {finding.id: value}, sitting.service.now()
        )
    except (AnswerRefused, replies.ReplyError) as error:
        return _answers(sitting, 422, f"{sentence(str(error))} Nothing was changed.")
    return keep(sitting, log, "changed")


def _answers(sitting: Sitting, status: int, problem: str = "") -> Response:
    knowledge, case = sitting.service.knowledge, sitting.moment.told.case
    shown, closed = [], []
    for name, observed in case.findings.items():
        finding = knowledge.vocabulary.findings[name]
        label = sentence(finding.label).removesuffix(".")
        if observed.origin == NOT_LISTED:
            closed.append(label)
            continue
        told = clean(value_text(finding, observed.value, observed.given))
        shown.append({"id": name, "label": label, "told": told, "origin": clean(observed.origin), **_changing(finding)})
    for name in sorted(sitting.moment.told.unknown):
        finding = knowledge.vocabulary.findings[name]
        label = sentence(finding.label).removesuffix(".")
        shown.append({"id": name, "label": label, "told": "unknown", "origin": "", **_changing(finding)})
    for entry in shown:
        entry["may_change"] = not entry["origin"]
    values = {
        "page": sitting.visit.page(),
        "band": band(sitting.moment.assessment, knowledge),
        "session": {"name": clean(sitting.session.name)},
        "here": sitting.here,
        "after": len(sitting.log),
        "answers": shown,
        "closed": closed,
        "problem": problem,
    }
    return HTMLResponse(render_page("answers.html.j2", **values), status)


def _changing(finding: Any) -> dict[str, Any]:
    if isinstance(finding, QuantityFinding):
        return {"choices": [], "unit": unit_text(finding)}
    if isinstance(finding, ChoiceFinding):
        return {"choices": [(choice, choice.replace("_", " ")) for choice in finding.choices], "unit": ""}
    return {"choices": [("yes", "Yes"), ("no", "No")], "unit": ""}
