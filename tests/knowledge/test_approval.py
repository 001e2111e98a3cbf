"""The knowledge is the one that was approved; an approval says why, of a folder, and from what was approved before."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge_base.approval import APPROVAL, Approval, read_approval, write_approval
from knowledge_base.loading.knowledge_files import SHIPPED
from knowledge_base.model import KnowledgeBase
from knowledge_base.revisions import load_named
from tests.functional.charley import Outcome, charley
from tests.small_knowledge import write, yes_no

APPROVE = 'read what `charley knowledge diff REVISION knowledge_base/` shows, and approve it: --approve "why"'


def test_the_knowledge_is_the_one_that_was_approved(knowledge: KnowledgeBase) -> None:
    approved = read_approval(SHIPPED)
    assert approved is not None and approved.why
    assert knowledge.hash == approved.hash, APPROVE


@pytest.fixture
def approve(tmp_path: Path) -> Callable[..., Outcome]:
    for name, when in (("old", "cough"), ("between", "fever"), ("new", "cough and fever")):
        (tmp_path / name).mkdir()
        findings = {"cough": yes_no("cough"), "fever": yes_no("fever")}
        write(tmp_path / name, findings, signs={"danger": {"danger-seen": (when, "high")}})
    return lambda old, new, why: charley("knowledge", "diff", tmp_path / old, tmp_path / new, "--approve", why)


def test_whoever_read_the_change_approves_it_with_a_reason_in_one_line(approve: Callable[..., Outcome], tmp_path: Path) -> None:
    done = approve("old", "new", "Both are\n needed ")
    assert done.status == 0 and "danger-seen" in done.out and "is approved in" in done.err
    line = (tmp_path / "new" / APPROVAL).read_text(encoding="utf-8")
    assert line == f"{load_named(str(tmp_path / 'new')).hash} Both are needed\n"
    # The file is no part of what it approves.
    assert read_approval(tmp_path / "new") == Approval(load_named(str(tmp_path / "new")).hash, "Both are needed")


def test_nothing_is_approved_from_what_was_not_approved_before(approve: Callable[..., Outcome], tmp_path: Path) -> None:
    last = Approval(load_named(str(tmp_path / "old")).hash, "as it was")
    write_approval(tmp_path / "new", last)
    refused = approve("between", "new", "why not")
    assert refused.status == 2 and "name the revision that has it" in refused.err and refused.out == ""
    assert read_approval(tmp_path / "new") == last
    assert approve("old", "new", "why not").status == 0
    assert read_approval(tmp_path / "new") != last


def test_no_approval_is_without_a_reason_or_of_a_revision(approve: Callable[..., Outcome], tmp_path: Path) -> None:
    assert "no reason" in approve("old", "new", "  ").err
    assert not (tmp_path / "new" / APPROVAL).exists()
    refused = charley("knowledge", "diff", "HEAD", "HEAD", "--approve", "as it is")
    # Without git around, the revision is refused before.
    within_git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, check=False).returncode == 0
    assert refused.status == 2 and ("is no folder" in refused.err or not within_git)
