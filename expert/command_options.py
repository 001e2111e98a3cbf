"""What the commands share: how help is laid out, the options that several take, and what the exit status says."""

from pathlib import Path

import click

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
FAILED = 1
"""Charley could not do what was asked: a store, a folder or a disk is in the way."""
REFUSED = 2
"""Something in the input or the knowledge was refused; the rest was done."""

knowledge_option = click.option(
    "--knowledge",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Use the knowledge base in FOLDER instead of the shipped one.",
)

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "html", "json"]),
    default="text",
    show_default=True,
    help="What to write.",
)

as_of_option = click.option(
    "--as-of",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="The day at which FHIR records are judged (YYYY-MM-DD). Default: the newest date in each record.",
)
within_option = click.option(
    "--within-days",
    type=click.IntRange(min=0),
    metavar="N",
    help="Leave out a FHIR record's readings that are older than N days. Default: of any age, which is told.",
)
