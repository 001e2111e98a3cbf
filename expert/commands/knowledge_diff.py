"""`charley knowledge diff`: what a change of knowledge does to patients, and the approval of whoever read it."""

import sys
from pathlib import Path

import click

from expert.commands.knowledge import needing_z3
from expert.commands.options import CONTEXT, PATH, REFUSED, put_out, refuse_knowledge, tell_refusals, telling_errors


@click.command(context_settings=CONTEXT)
@click.argument("old")
@click.argument("new")
@click.option("--cases", type=PATH, metavar="FOLDER", help="Count how many of these cases change.")
@click.option("--output", type=PATH, metavar="FILE", help="Write to a file. Default: the terminal.")
@click.option(
    "--approve",
    "why",
    metavar="WHY",
    help="Having read what changes, approve NEW, a folder: write its hash and WHY into NEW/approval.txt.",
)
def diff(old: str, new: str, cases: Path | None, output: Path | None, why: str | None) -> None:
    """Show what a change of knowledge from OLD to NEW does to patients, as Markdown for a review.

    OLD and NEW are folders, or revisions of the git repository you are in. Every urgency, warning sign and standing that can
    change is listed with a patient and the rules behind it; what is not listed is proved to be the same. OLD must be what was
    approved last where NEW is to be approved: nothing in between goes unseen.

    \b
    Examples:
      charley knowledge diff HEAD~1 knowledge_base/
      charley knowledge diff HEAD knowledge_base/ --approve "Potassium below 2.5 is immediate, as the guideline of 2026 has it"
      charley knowledge diff v0.1 v0.2 --cases tests/knowledge/snapshots --output review.md
    """
    with needing_z3():
        from expert.proofs.knowledge_diff import compared, difference
    from facts.intake.case_files import read_case_files
    from facts.problems import CharleyError
    from knowledge_base.approval import APPROVAL, Approval, what_forbids, write_approval
    from knowledge_base.revisions import load_named
    from reports.knowledge.diff_report import render_difference

    try:
        before, after = load_named(old), load_named(new)
    except CharleyError as error:
        refuse_knowledge(error)
    if why is not None and (wrong := what_forbids(why, before.hash, Path(new))):
        raise click.UsageError(f"--approve: {wrong}")
    intake = read_case_files([cases] if cases else [], after.vocabulary, after.dictionary)
    counted = compared(before, after, [case for case, _ in intake.cases]) if cases else None
    text = render_difference(difference(before, after), counted)
    put_out(text, output)
    tell_refusals(list(intake.refusals), len(intake.cases))
    if intake.refusals:
        sys.exit(REFUSED)
    if why is not None:
        with telling_errors():
            write_approval(Path(new), Approval(after.hash, why))
        click.echo(f"{after.title} {after.version} ({after.hash[:12]}) is approved in {Path(new) / APPROVAL}.", err=True)
