"""The command `charley findings`: which findings there are, and what to write for each."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert.commands.options import CONTEXT, REFUSED, knowledge_option, load

if TYPE_CHECKING:
    from facts.vocabulary import Finding

_MOST = 20


@click.command(context_settings=CONTEXT)
@click.argument("search", nargs=-1)
@knowledge_option
def findings(search: tuple[str, ...], knowledge: Path | None) -> None:
    """Find the findings that a case file can hold by any word: a name, a synonym, a code, words of the question.

    Without SEARCH every finding is listed. Exit status 2 when nothing is found.

    \b
    Examples:
      charley findings calf
      charley findings K
      charley findings "tingling lips"
      charley findings
    """
    from facts.finding_names import fold
    from facts.finding_search import search_findings
    from facts.problems import quoted

    vocabulary = load(knowledge).vocabulary
    if not search:
        for group, heading in vocabulary.groups.items():
            click.echo(heading)
            for finding in vocabulary.findings.values():
                if finding.group == group:
                    click.echo(f"  {_line(finding)}")
        return
    text = " ".join(search)
    matches = search_findings(text, vocabulary, limit=_MOST + 1)
    if not matches:
        click.echo(f"No finding goes by {quoted(text)}. Try one word of it, or `charley findings` for all of them.", err=True)
        sys.exit(REFUSED)
    for match in matches[:_MOST]:
        also = (
            f"  [{match.name}]" if match.name and match.name not in (fold(match.finding.id), fold(match.finding.label)) else ""
        )
        click.echo(f"{_line(match.finding)}{also}")
    if len(matches) > _MOST:
        click.echo(f"More than {_MOST} findings have this word; add another word to it.")


def _line(finding: "Finding") -> str:
    """Return what a case file writes, and what it means."""
    match finding.kind:
        case "yes_no":
            written = "yes or no"
        case "quantity":
            written = f"number, {finding.unit}" if finding.unit else "number"
        case "choice":
            written = " or ".join(finding.choices)
    return f"{finding.id}: {written} – {finding.label}"
