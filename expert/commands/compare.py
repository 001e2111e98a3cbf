"""`charley compare`: the same patient at two times."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert.commands.options import (
    CONTEXT,
    PATH,
    REFUSED,
    knowledge_option,
    language_option,
    load_for_assessing,
    put_out,
    tell_refusals,
)
from expert.commands.record_options import judging_options
from reports.formats import COMPARISONS

if TYPE_CHECKING:
    from datetime import datetime

    from facts.case import Case
    from facts.intake.case_files import Intake
    from facts.intake.judging import Judging
    from facts.problems import Place, Problem


@click.command(context_settings=CONTEXT)
@click.argument("old", type=PATH)
@click.argument("new", type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(COMPARISONS)),
    default=next(iter(COMPARISONS)),
    show_default=True,
    help="What to write.",
)
@click.option("--output", type=PATH, metavar="FILE", help="Write to a file.")
@click.option(
    "--old-as-of",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="The day at which FHIR records in OLD are judged (YYYY-MM-DD): OLD and NEW can then be the same record.",
)
@judging_options
@language_option
@knowledge_option
def compare(
    old: Path,
    new: Path,
    form: str,
    output: Path | None,
    old_as_of: "datetime | None",
    judging: "Judging",
    language: str,
    knowledge: Path | None,
) -> None:
    """Say what changed between OLD and NEW: in findings, verdict, warning signs, causes and plan, and why.

    Each is a case file, a FHIR record, or a folder. Cases are compared by name; a single written case in each is compared
    whatever it is called. What NEW does not tell again is unknown, not absent: a sign that rested on it is open, and it is
    said what the urgency would be if it were still so. A case that only one of them holds is refused, and the rest is
    compared: exit status 2 then.

    \b
    Examples:
      charley compare january.yaml march.yaml
      charley compare january.json march.json --format html --output changes.html
      charley compare record.json record.json --old-as-of 2026-01-15
    """
    from expert.inference.assessing import Assessor, ContradictoryCase
    from expert.inference.comparing import compare as compare_cases
    from facts.intake.case_files import Refusal
    from facts.intake.files import read_files
    from facts.problems import Problem, quoted
    from reports.comparison import comparison, render_comparisons

    base = load_for_assessing(knowledge, language)
    assessor = Assessor(base)
    earlier = replace(judging, as_of=old_as_of.date()) if old_as_of else judging
    before = read_files([old], base.vocabulary, base.dictionary, earlier)
    after = read_files([new], base.vocabulary, base.dictionary, judging)
    refusals = [*before.refusals, *after.refusals]
    compared = []
    for pair in _pairs(before, after):
        if not isinstance(pair, tuple):
            refusals.append(Refusal(None, (pair,)))
            continue
        (old_case, _), (new_case, place) = pair
        try:
            found = compare_cases(assessor, old_case, new_case)
        except ContradictoryCase as error:
            message = f"case {quoted(new_case.name)}: the answers contradict each other: {error}"
            refusals.append(Refusal(new_case.name, (Problem(place, message, "correct one of them"),)))
            continue
        compared.append(comparison(found.before, found.after, found.if_unchanged, base))
    if compared:
        text = render_comparisons(compared, form)
        put_out(text, output)
    tell_refusals(refusals, len(compared))
    if refusals:
        sys.exit(REFUSED)


def _pairs(before: "Intake", after: "Intake") -> Iterator["tuple[tuple[Case, Place], tuple[Case, Place]] | Problem"]:
    """Return the cases of one patient at two times, and what has no other time."""
    from facts.problems import Problem, quoted

    if len(before.cases) == len(after.cases) == 1 and not any(case.record for case, _ in (*before.cases, *after.cases)):
        yield before.cases[0], after.cases[0]
        return
    earlier = {case.name: (case, place) for case, place in before.cases}
    later = {case.name: (case, place) for case, place in after.cases}
    for name in dict.fromkeys((*earlier, *later)):
        if name in earlier and name in later:
            yield earlier[name], later[name]
        else:
            told, _, where = ("OLD", *earlier[name]) if name in earlier else ("NEW", *later[name])
            yield Problem(where, f"case {quoted(name)} is only in {told}", "give it the same name in both")
