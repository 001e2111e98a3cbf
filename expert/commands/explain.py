"""The command `charley explain`: one case of a cohort, as its report."""

import sys
from pathlib import Path

import click

from expert.commands.options import (
    CONTEXT,
    FAILED,
    PATH,
    format_option,
    knowledge_option,
    load_for_assessing,
    what_would_change_option,
)


@click.command(context_settings=CONTEXT)
@click.argument("folder", type=PATH)
@click.argument("case")
@format_option
@what_would_change_option
@knowledge_option
def explain(folder: Path, case: str, form: str, what_would_change: bool, knowledge: Path | None) -> None:
    """Explain one CASE of a FOLDER that `charley evaluate` wrote: the same report as `charley report` gives.

    The case is read again from its own file, which must still be there unchanged.

    \b
    Examples:
      charley explain clinic-2026/ clinic-0042
      charley explain clinic-2026/ clinic-0042 --format html > clinic-0042.html
    """
    from expert.cohorts.evaluation import CohortError, case_of
    from expert.inference.assessing import Assessor
    from expert.proofs.what_would_change import explaining_changes
    from reports.formats import FORMATS
    from reports.words.cleaning import clean

    base = load_for_assessing(knowledge)
    try:
        assessor = Assessor(base)
        assess = explaining_changes(assessor) if what_would_change else assessor.assess
        assessment = assess(case_of(folder, case, base))
    except CohortError as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    click.echo(FORMATS[form].render(assessment, base), nl=False)
