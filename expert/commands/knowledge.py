"""The commands under `charley knowledge`: look at the knowledge base, check it, prove it, write it out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert.commands.options import CONTEXT, FAILED, PATH, REFUSED, knowledge_option, load, put_out, tell_refusals
from reports.formats import HANDBOOKS

if TYPE_CHECKING:
    from expert.proofs.proving import Proof
    from knowledge_base.model import KnowledgeBase


@contextmanager
def needing_z3() -> Iterator[None]:
    """Refuse with what to install where z3 is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        raise click.ClickException("Proofs need z3, which is not installed here: pip install 'charley[prove]'") from None


@click.group(context_settings=CONTEXT)
def knowledge() -> None:
    """Look at the knowledge base: what it holds, and whether it is sound."""


@knowledge.command(context_settings=CONTEXT)
@knowledge_option
def check(knowledge: Path | None) -> None:
    """Check the knowledge base: every name, condition, source and level, and what nobody uses.

    Exit status 0 when nothing is wrong, 2 otherwise; every problem is reported with its place and how to fix it.

    \b
    Examples:
      charley knowledge check
      charley knowledge check --knowledge my-headaches/
    """
    from knowledge_base.lint import lint
    from reports.knowledge.handbook import rests_on_unchecked

    base = load(knowledge)
    problems = lint(base)
    for problem in problems:
        click.echo(str(problem), err=True)
    kinds = [
        (len(base.vocabulary.findings), "findings"),
        (len(base.dictionary.medicines), "medicines"),
        (len(base.definitions), "definitions"),
        (len(base.causes), "causes"),
        (len(base.warning_signs), "warning signs"),
        (len(base.next_steps), "next steps"),
        (len(base.rules), "rules"),
        (len(base.evidence), "sources"),
    ]
    click.echo(f"{base.title} {base.version} ({base.hash[:12]}): " + ", ".join(f"{count:,} {kind}" for count, kind in kinds))
    unchecked = [rule for rule in base.rules.values() if rests_on_unchecked(rule, base)]
    if unchecked:
        click.echo(f"{len(unchecked)} rules rest on unchecked sources alone (general knowledge, inference, machine-written):")
        for rule in unchecked:
            click.echo(f"  {rule.place}: {rule.id} ({', '.join(rule.sources)})")
    if problems:
        click.echo(f"{len(problems)} problems")
        sys.exit(REFUSED)
    click.echo("No problems.")


@knowledge.command(context_settings=CONTEXT)
@click.argument("name")
@knowledge_option
def show(name: str, knowledge: Path | None) -> None:
    """Show what the knowledge base says of NAME, in English.

    NAME is the id of a finding, definition, cause, warning sign, rule, next step, source or medicine (any of its names).

    \b
    Examples:
      charley knowledge show hypokalemia
      charley knowledge show serum_potassium
      charley knowledge show Ventolin
    """
    from facts.problems import UnknownName
    from reports.knowledge.showing import describe

    try:
        click.echo(describe(name, load(knowledge)))
    except UnknownName as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)


@knowledge.command(context_settings=CONTEXT)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(HANDBOOKS)),
    default=next(iter(HANDBOOKS)),
    show_default=True,
    help="What to write.",
)
@click.option("--output", type=PATH, metavar="FILE", help="Write to a file. Default: the terminal.")
@click.option("--cases", type=PATH, metavar="FOLDER", help="Name each rule's cases from these case files.")
@knowledge_option
def handbook(form: str, output: Path | None, cases: Path | None, knowledge: Path | None) -> None:
    """Write the whole knowledge base as a document that a clinician can read, check and sign.

    Every rule in English with its source, threshold and cases, and an index by finding. Rules that rest on unchecked sources
    alone are marked and listed.

    \b
    Examples:
      charley knowledge handbook --output handbook.html
      charley knowledge handbook --format markdown --cases tests/knowledge/snapshots > handbook.md
    """
    from facts.intake.case_files import read_case_files
    from reports.knowledge.handbook import handbook as tell_all
    from reports.knowledge.handbook import render_handbook

    base = load(knowledge)
    named: dict[str, list[str]] = {}
    intake = read_case_files([cases] if cases else [], base.vocabulary, base.dictionary)
    for case, _ in intake.cases:
        for rule in (*case.expected.fires, *case.expected.ruled_out):
            named.setdefault(rule, []).append(case.name)
    text = render_handbook(tell_all(base, named), form)
    put_out(text, output)
    tell_refusals(list(intake.refusals), len(intake.cases))
    if intake.refusals:
        sys.exit(REFUSED)


@knowledge.command(context_settings=CONTEXT)
@click.option(
    "--output",
    type=PATH,
    metavar="FOLDER",
    help="Write certificate.json there, and for each failure a case file that shows it.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="z3's steps for one statement; beyond, it is undecided. The same on every machine. Default: 20 million.",
)
@knowledge_option
def prove(output: Path | None, steps: int | None, knowledge: Path | None) -> None:
    """Prove what holds for every possible patient.

    Every rule can fire; none is duplicate, redundant or shadowed; no cause can be both confirmed and excluded; bands have no
    gaps; of every patient with the complaint something is said; no answer lowers the urgency; and every statement of
    invariants.yaml holds. What fails is reported with its place and a witness. A certificate in the knowledge folder
    is cited by every report. Exit status 2 when a statement fails or is undecided.

    \b
    Examples:
      charley knowledge prove
      charley knowledge prove --output proof/
      charley report proof/witnesses/*.yaml
      charley knowledge prove --knowledge my-headaches/
    """
    with needing_z3():
        from expert.proofs.proving import prove as prove_all
        from expert.proofs.solver import STEPS
    base = load(knowledge)
    with _Watching() as watching:
        proof = prove_all(base, steps or STEPS, watching)
    written = _write_proof(output, base, proof, steps or STEPS) if output else 0
    for outcome in proof.wrong:
        click.echo(str(outcome.problem), err=True)
    for accepted in proof.idle:
        told = f"{accepted.place}: nothing to accept: {accepted.property} of {accepted.subject} holds; remove the line"
        click.echo(told, err=True)
    _tell_counts(base, proof)
    if written:
        click.echo(
            f"{written} patients who show what fails are in {output}/witnesses: charley report {output}/witnesses/*.yaml"
        )
    if proof.wrong or proof.idle:
        sys.exit(REFUSED)


def _tell_counts(base: "KnowledgeBase", proof: "Proof") -> None:
    from expert.proofs.statements import PROPERTIES

    click.echo(f"{base.title} {base.version} ({base.hash[:12]}), for every possible patient:")
    for kind, give in PROPERTIES.items():
        decisions = [outcome.decision for outcome in proof.outcomes if outcome.statement.property == kind]
        counts = [f"{decisions.count(decision):,} {decision}" for decision in dict.fromkeys(("proved", *decisions))]
        says = (give.__doc__ or "").split("\n")[0]
        click.echo(f"  {kind.replace('_', ' '):13} {', '.join(counts):28} {says}")
    total, wrong = len(proof.outcomes), len(proof.wrong)
    told = f"{wrong:,} of {total:,} statements do not hold" if wrong else f"All {total:,} statements hold"
    click.echo(f"{told}; {proof.seconds:.1f} s.")


def _write_proof(output: Path, base: "KnowledgeBase", proof: "Proof", steps: int) -> int:
    from dataclasses import asdict

    from expert.proofs.proving import certificate, witness_file
    from reports.json_report import to_json
    from reports.writing import file_name, write_folder

    witnesses = [
        (f"{file_name(f'{number:03}-{outcome.statement.property}-{outcome.statement.subject}')}.yaml", outcome, number)
        for number, outcome in enumerate(proof.wrong, 1)
        if outcome.witnesses
    ]
    try:
        # Patients of an earlier proof would be taken for those of this one.
        for earlier in (output / "witnesses").glob("[0-9][0-9][0-9]*-*.yaml"):
            earlier.unlink()
        write_folder(output, [("certificate.json", to_json(asdict(certificate(base, proof, steps))))])
        if witnesses:
            # JSON is YAML, and is written by one library only.
            findings = base.vocabulary.findings
            files = [(name, to_json(witness_file(outcome, number, findings))) for name, outcome, number in witnesses]
            write_folder(output / "witnesses", files)
    except OSError as error:
        from expert.disk_errors import advise

        told = f"{error.filename or output}: cannot be written: {error.strerror}; {advise(error)}"
        click.echo(told, err=True)
        sys.exit(FAILED)
    return sum(len(outcome.witnesses) for _, outcome, _ in witnesses)


class _Watching:
    """Shows which property is being proved, where somebody watches."""

    def __enter__(self) -> "_Watching":
        from rich.console import Console

        self.status = Console(stderr=True).status("Proving") if sys.stderr.isatty() else None
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()

    def __call__(self, kind: str) -> None:
        if self.status:
            self.status.update(f"Proving: {kind.replace('_', ' ')}")
