# SPDX-License-Identifier: Apache-2.0
"""What an installed package holds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hatch_build import whole_page

pytestmark = pytest.mark.usefixtures("_processes")

ROOT = Path(__file__).parent.parent
MAN = ROOT / "man"
INSTALLED = "vfiocompat-0.1.0.data/data/share/man"


def pip(*words: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *words],
        check=True,
        capture_output=True,
    )


def wheel_of(source: Path, folder: Path) -> Path:
    pip("wheel", "--no-deps", "-w", folder, source)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def test_a_wheel_holds_the_package_its_man_pages_and_the_examples(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "vfiocompat"
    files = {
        str(path.relative_to(ROOT))
        for path in (
            *package.rglob("*.py"),
            *(package / "tables/shipped").glob("*.toml"),
            *(package / "explanations").glob("*.txt"),
            package / "simulate/nvml.c",
            *(package / "output/report/templates").iterdir(),
        )
    }
    pages = [path.relative_to(MAN) for path in MAN.glob("man*/*")]

    assert sorted(page.suffix for page in pages) == [
        *([".5"] * 3),
        *([".7"] * 2),
        *([".8"] * 18),
    ]
    base = "vfiocompat-0.1.0.data/data/share/vfiocompat"
    share = {
        f"{base}{below}/{file.relative_to(ROOT / folder)}"
        for folder, below in (("share", ""), ("examples", "/examples"))
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
    }
    completions = {
        f"{base.removesuffix('/vfiocompat')}/{place}"
        for place in (
            "bash-completion/completions/vfiocompat",
            "zsh/site-functions/_vfiocompat",
            "fish/vendor_completions.d/vfiocompat.fish",
        )
    }
    others = {name for name in names if ".dist-info/" not in name}
    assert len(share) == 9 + 27
    assert others == files | share | completions | {
        f"{INSTALLED}/{page}" for page in pages
    } | {
        "vfiocompat/py.typed",
        "vfiocompat/tables/README.md",
    }


def test_a_man_page_in_a_wheel_is_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for page in MAN.glob("man*/*"):
            installed = archive.read(f"{INSTALLED}/{page.relative_to(MAN)}").decode()
            assert installed == whole_page(page)
            assert "\n.so " not in installed


def test_a_source_distribution_gives_the_same_wheel(
    wheel: Path, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [source] = tmp_path.glob("*.tar.gz")
    built = wheel_of(source, tmp_path)

    assert contents(built) == contents(wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_installed_package_has_its_command_and_its_pages(
    wheel: Path, tmp_path: Path
) -> None:
    # Without --ignore-installed pip would remove the package that is under test.
    pip("install", "--no-deps", "--ignore-installed", "--prefix", tmp_path, wheel)
    site = next(tmp_path.glob("lib/python*/site-packages"))
    told = subprocess.run(
        [tmp_path / "bin/vfiocompat", "--version"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{site}"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout == "vfiocompat 0.1.0\n"
    listed = subprocess.run(
        [tmp_path / "bin/vfiocompat", "tables", "list"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{site}", "VFIOCOMPAT_CONFIG": f"{tmp_path}"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    shipped = (ROOT / "vfiocompat/tables/shipped").glob("*.toml")

    assert [line.split("\t")[0] for line in listed] == sorted(
        path.stem for path in shipped
    )
    for page in ("man8/vfiocompat.8", "man5/vfiocompat-table.5"):
        assert (tmp_path / "share/man" / page).read_text().startswith(".")


def test_a_plain_install_has_no_numpy(wheel: Path, tmp_path: Path) -> None:
    """With all that it depends on: numpy is more than all of that together."""
    pip("install", "--target", tmp_path, wheel)
    told = {path.name.partition("-")[0] for path in tmp_path.glob("*.dist-info")}
    assert {"vfiocompat", "networkx", "lxml"} <= told
    assert "numpy" not in told


def test_every_file_names_its_licence() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.c", "*.toml", "Makefile", "tools", ".ci"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    without = [
        name
        for name in listed
        if name != "pyproject.toml"
        and "SPDX-License-Identifier:" not in (ROOT / name).read_text()[:400]
    ]

    assert listed
    assert not without
