"""The command `charley feedback`: which rules' cards clinicians override, for whoever looks after the knowledge."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expert.commands.options import CONTEXT, FAILED, PATH, knowledge_option, load_for_assessing

if TYPE_CHECKING:
    from expert.cds_hooks.feedback import RuleFeedback
    from knowledge_base.model import KnowledgeBase


@click.command(context_settings=CONTEXT)
@click.option(
    "--store",
    type=PATH,
    metavar="PATH",
    help="The file that keeps feedback. Default: feedback.sqlite in your data folder.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to write.")
@knowledge_option
def feedback(store: Path | None, form: str, knowledge: Path | None) -> None:
    """Show how often clinicians override the cards that each rule speaks in.

    A card is based on several rules, and its outcome counts for each of them. The rate is of the cards that were acted upon,
    with Wilson's 95% interval; a card that was ignored says nothing. Rules of another version of the knowledge base are listed
    separately.

    \b
    Examples:
      charley feedback
      charley feedback --store clinic.sqlite --format json
    """
    from expert.cds_hooks.feedback import FeedbackStore
    from expert.private_sqlite import StoreError

    path = store or default_store()
    if not path.is_file():
        click.echo(f"{path}: no feedback is kept here; --store names another file", err=True)
        sys.exit(FAILED)
    try:
        kept = FeedbackStore(path)
        counted = kept.by_rule()
        kept.close()
    except StoreError as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)
    rows = [_row(entry) for entry in _most_overridden_first(counted)]
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo("No card was sent yet.", err=True)
        return
    for line in _table(rows, load_for_assessing(knowledge)):
        click.echo(line)


def default_store() -> Path:
    """Return the file that keeps feedback when none is named."""
    from platformdirs import user_data_path

    return user_data_path("charley", appauthor=False) / "feedback.sqlite"


def _most_overridden_first(counted: Sequence["RuleFeedback"]) -> list["RuleFeedback"]:
    return sorted(counted, key=lambda entry: (entry.knowledge, -entry.overridden, -entry.cards, entry.rule))


def _row(entry: "RuleFeedback") -> dict[str, Any]:
    from expert.proportions import proportion

    return {
        "rule": entry.rule,
        "knowledge": entry.knowledge,
        "cards": entry.cards,
        "accepted": entry.accepted,
        "overridden": entry.overridden,
        "override_rate": proportion(entry.overridden, entry.accepted + entry.overridden),
        "reasons": dict(entry.reasons),
    }


def _table(rows: Sequence[dict[str, Any]], knowledge: "KnowledgeBase") -> list[str]:
    from reports.words.cleaning import clean

    lines: list[str] = []
    for used in dict.fromkeys(row["knowledge"] for row in rows):
        which = f"{knowledge.title} {knowledge.version}" if used == knowledge.hash else "another knowledge base"
        lines += ["", f"{which} ({used[:12]})", f"{'cards':>7} {'acted on':>9} {'overridden':>11}  {'rate':<20}  rule"]
        for row in rows:
            if row["knowledge"] == used:
                rate, acted = row["override_rate"], row["override_rate"]["of"]
                shown = "" if rate["share"] is None else "{:.0%} ({:.0%} to {:.0%})".format(rate["share"], *rate["interval"])
                lines.append(f"{row['cards']:>7} {acted:>9} {row['overridden']:>11}  {shown:<20}  {clean(row['rule'])}")
                # An override reason is what a client sent.
                lines += [f"{'':>52}  {count:>5} {clean(reason)}" for reason, count in row["reasons"].items()]
    return lines[1:]
