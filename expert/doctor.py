"""What a machine has and lacks for this program: each thing looked at, what was found, and what to do where it is missing."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from expert.consultation.sessions import Store
from expert.disk_errors import advise
from expert.private_sqlite import StoreError
from facts.problems import CharleyError
from knowledge_base.loading import load_knowledge_base

_ROOM = 200 * 2**20
"""Bytes that should be free: consultations are small, and a full disk keeps none."""
_JAVA = 17
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?([^;]*)(?:;.*extra == ['\"]([a-z]+)['\"])?")
_EXTRAS = ("prove", "spark", "web", "pdf")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `needed_for` is "" for what everything needs; `fix` says what to do about it."""

    what: str
    found: str
    is_well: bool
    fix: str = ""
    needed_for: str = ""


def examine(store: Path, users: Path | None, knowledge: Path | None) -> Iterator[Check]:
    """Look at everything, what all need first."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", python, sys.version_info >= (3, 11), "install Python 3.11 or later")
    yield from _libraries()
    yield _knowledge(knowledge)
    yield from _store(store)
    if users is not None:
        yield _private("the file of users", users, "web")
    yield _temporary()
    yield _java()
    yield _program("a browser", _BROWSERS, "install Chromium", "tests")
    yield _fonts()


def _libraries() -> Iterator[Check]:
    for line in requires("charley") or ():
        found = _REQUIREMENT.match(line)
        if found is None or (found[3] or "") not in ("", *_EXTRAS):
            continue
        name, wanted, extra = found[1], found[2].strip(), found[3] or ""
        fix = f"pip install 'charley[{extra}]'" if extra else "pip install --upgrade charley"
        try:
            installed = version(name)
        except PackageNotFoundError:
            yield Check(name, "not installed", False, fix, extra)
            continue
        fits = _fits(installed, wanted)
        yield Check(name, installed if fits else f"{installed}, not {wanted}", fits, fix, extra)


def _fits(installed: str, wanted: str) -> bool:
    """Return whether a version is within `>=`, `<` and `==` bounds; releases alone, which is all that setup.cfg writes."""
    for operator, bound in re.findall(r"(>=|==|<)\s*([0-9.]+)", wanted):
        mine, theirs = _release(installed), _release(bound)
        length = max(len(mine), len(theirs))
        mine, theirs = (part + (0,) * (length - len(part)) for part in (mine, theirs))
        if not {">=": mine >= theirs, "==": mine == theirs, "<": mine < theirs}[operator]:
            return False
    return True


def _release(written: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", written)
    return tuple(map(int, found[0].split("."))) if found else ()


def _knowledge(folder: Path | None) -> Check:
    try:
        loaded = load_knowledge_base(folder, to_assess=True)
    except CharleyError as error:
        return Check("knowledge", f"{len(error.problems)} problems", False, "charley knowledge check tells them")
    return Check("knowledge", f"{loaded.title} {loaded.version}, {loaded.hash[:12]}", True)


def _store(path: Path) -> Iterator[Check]:
    try:
        existed = path.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if existed:
            with closing(Store(path)) as store:
                store.probe()
            yield _private("the store", path, "")
        else:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
            yield Check("the store", f"{path} is made when a consultation begins", True)
    except StoreError as error:
        yield Check("the store", str(error), False, "charley backup keeps copies, and charley restore puts one back")
        return
    except OSError as error:
        yield Check("the store", f"{path}: {error.strerror}", False, advise(error))
        return
    yield Check("space for the store", f"{free / 2**20:,.0f} MB free", free >= _ROOM, f"make room: {_ROOM // 2**20} MB or more")


def _private(what: str, path: Path, needed_for: str) -> Check:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return Check(what, f"{path}: {error.strerror}", False, advise(error), needed_for)
    is_private = not mode & 0o077 and os.access(path, os.R_OK | os.W_OK)
    fix = f"chmod 600 {path}, as the user that runs the service"
    return Check(what, f"{path}, permissions {mode:o}", is_private, fix, needed_for)


def _temporary() -> Check:
    try:
        with tempfile.TemporaryFile():
            return Check("the temporary folder", tempfile.gettempdir(), True)
    except OSError as error:
        return Check("the temporary folder", error.strerror or "cannot be written", False, "set TMPDIR to a folder with room")


def _java() -> Check:
    fix = f"install Java {_JAVA} or later (openjdk-{_JAVA}-jre-headless on Debian)"
    found = shutil.which("java")
    if found is None:
        return Check("Java", "not installed", False, fix, "spark")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr  # noqa: S603 - found on PATH
    release = re.search(r'version "(\d+)', told)
    number = int(release[1]) if release else 0
    return Check("Java", str(number) if number else "of an unknown version", number >= _JAVA, fix, "spark")


def _program(what: str, names: tuple[str, ...], fix: str, needed_for: str) -> Check:
    found = next(filter(None, map(shutil.which, names)), None)
    return Check(what, found or "not installed", found is not None, fix, needed_for)


def _fonts() -> Check:
    fix = "install fonts (fonts-dejavu-core and fontconfig on Debian)"
    listing = shutil.which("fc-list")
    if listing is None:
        return Check("fonts", "fontconfig is not installed", False, fix, "pdf")
    told = subprocess.run([listing, ":", "family"], capture_output=True, text=True, timeout=30, check=False).stdout  # noqa: S603 - found on PATH
    count = len(set(told.splitlines()))
    return Check("fonts", f"{count} families", count > 0, fix, "pdf")
