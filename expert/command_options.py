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

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file that keeps consultations. Default: consultations.sqlite in your data folder.",
)
