"""What a change of knowledge does to patients, as Markdown for a review."""

from collections.abc import Mapping
from typing import Any

from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase, Rule
from reports.rendering import environment
from reports.words.cleaning import clean
from reports.words.wording import finding_clause

_CASES_NAMED = 40


def render_difference(difference: Any, cases: Any | None) -> str:
    """Render what `expert.proofs.knowledge_diff` found; the same difference always gives the same text."""
    old, new = difference.old, difference.new
    return (
        environment("markdown")
        .get_template("knowledge_diff.md.j2")
        .render(
            difference=difference,
            old=old,
            new=new,
            urgency=_by_direction(difference),
            standings=_by_subject(difference.standings),
            signs=_by_subject(difference.signs),
            changed_rules=[_rule(change, difference) for change in difference.rules],
            cases=cases,
            named=cases.changed[:_CASES_NAMED] if cases else (),
            patient=lambda values: patient_text(values, old, new),
            label=lambda name: _label(name, old, new),
            standing=lambda name: new.grading.standings.get(name, old.grading.standings.get(name, name)),
            level=lambda name: new.levels[name].label if name in new.levels else name,
        )
    )


def patient_text(values: Mapping[str, Value], old: KnowledgeBase, new: KnowledgeBase) -> str:
    """Return what is known of a patient, clause by clause."""
    findings = {**old.vocabulary.findings, **new.vocabulary.findings}
    return clean("; ".join(finding_clause(findings[name], value) for name, value in values.items())) or "nothing is known"


def _by_direction(difference: Any) -> list[tuple[str, list[Any]]]:
    rank = difference.new.level_rank
    falls = [change for change in difference.urgency if rank[change.after] < rank[change.before]]
    rises = [change for change in difference.urgency if rank[change.after] > rank[change.before]]
    return [("The urgency can fall", falls), ("The urgency can rise", rises)]


def _by_subject(changes: Any) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for change in changes:
        grouped.setdefault(change.subject, []).append(change)
    return grouped


def _label(name: str, old: KnowledgeBase, new: KnowledgeBase) -> str:
    for knowledge in (new, old):
        declared = knowledge.causes.get(name) or knowledge.warning_signs.get(name)
        if declared:
            return declared.label
    return name


def _rule(change: Any, difference: Any) -> tuple[str, list[str], Any]:
    """Return what changed in a rule: its fate, its parts, and for whom it fires only before or only after."""
    before, after = change.before, change.after
    if before is None or after is None:
        rule = after or before
        fate = "new" if before is None else "gone"
        return f"{rule.id}: {fate}", [f"{_effect(rule)}: {rule.text}"], change
    parts = []
    if before.text != after.text:
        parts.append(f"condition: {before.text} → {after.text}")
    if _effect(before) != _effect(after):
        parts.append(f"effect: {_effect(before)} → {_effect(after)}")
    if before.because != after.because:
        parts.append(f"sentence: {before.because} → {after.because}")
    if before.sources != after.sources:
        parts.append(f"sources: {', '.join(before.sources)} → {', '.join(after.sources)}")
    same_patients = change.only_before is None and change.only_after is None
    undecided = any(told.startswith(f"rule {change.id}") for told in difference.undecided)
    if same_patients:
        parts.append("undecided for whom it fires" if undecided else "it fires for the same patients as before (proved)")
    return change.id, parts or ["what it names changed"], change


def _effect(rule: Rule) -> str:
    return " ".join(filter(None, (rule.kind, rule.target, rule.strength, rule.level)))
