"""The lowest versions that `make test-lowest` installs are those that setup.cfg promises."""

from pathlib import Path

from tests.lowest_versions import lowest_versions


def test_every_bound_of_setup_cfg_is_tried() -> None:
    found = dict(line.split("==") for line in lowest_versions())
    assert found["Jinja2"] >= "3.1.6" and found["Pint"] == "0.24.4" and found["h11"] == "0.16"
    assert found["PyJWT[crypto]"].split(".") > ["2", "10", "1"]
    text = (Path(__file__).parents[2] / "setup.cfg").read_text(encoding="utf-8")
    base = text.partition("install_requires =")[2].partition("\n\n")[0].split()
    assert len(base) == sum(f"{name}{bound}{version}" in base for name, version in found.items() for bound in (">=", "=="))


def test_other_spellings_are_read(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text(
        "[options]\ninstall_requires =\n    a>=1.2,<3\n    b-c[x]>=4; python_version < '3.13'\n    # a comment\n    d==5\n"
        "[options.extras_require]\nprove = e>=6\nweb =\ntest =\n    pytest>=8\n    mypy>=1\n"
    )
    assert list(lowest_versions(tmp_path / "setup.cfg")) == ["a==1.2", "b-c[x]==4", "d==5", "e==6", "pytest==8"]
