"""What `.ci/setup.sh --plan` decides, with the real interpreter and stand-in torch packages on its path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = Path(sys.base_prefix) / "bin" / "python3"

pytestmark = pytest.mark.skipif(not BASE.exists(), reason="no interpreter of its own to make an environment from")


def plan(
    tmp_path: Path,
    *,
    python: Path | str = BASE,
    venv: Path | None = None,
    pip_knows: str | None = None,
    **modules: str,
) -> tuple[int, str]:
    """Exit status and output of the plan; `modules` are importable by every interpreter it asks."""
    path = tmp_path / "path"
    path.mkdir()
    for name, code in modules.items():
        (path / f"{name}.py").write_text(code, encoding="utf-8")
    if pip_knows is not None:
        facts = path / f"torch-{pip_knows}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {pip_knows}\n", encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(path),
        "PYTHON": str(python),
        "VENV": str(venv or tmp_path / "new"),
    }
    done = subprocess.run(
        ["sh", str(ROOT / ".ci" / "setup.sh"), "--plan"], env=environment, capture_output=True, text=True, check=False
    )
    assert not (tmp_path / "new").exists(), "a plan makes nothing"
    return done.returncode, done.stdout + done.stderr


def test_a_torch_of_the_interpreter_is_kept_and_shared(tmp_path: Path) -> None:
    status, text = plan(tmp_path, pip_knows="2.14.0+cu130", torch="__version__ = '2.14.0+cu130'")
    assert status == 0
    assert "with its packages" in text
    assert "torch: 2.14.0+cu130 is kept" in text


def test_pip_is_held_to_the_version_that_it_knows(tmp_path: Path) -> None:
    """The registry's GPU build is 2.13.0 to pip and 2.13.0+cu130 to itself: a pin with the tag has no solution."""
    _, text = plan(tmp_path, pip_knows="2.13.0", torch="__version__ = '2.13.0+cu130'")
    assert "torch: 2.13.0 is kept" in text


def test_a_torch_that_does_not_import_is_not_kept(tmp_path: Path) -> None:
    status, text = plan(tmp_path, torch="raise OSError('libcudart is missing')")
    assert status == 0
    assert "with its packages" not in text
    assert "torch: torch==" in text


def test_a_torch_of_the_environment_is_kept(tmp_path: Path) -> None:
    venv = tmp_path / "mine"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(BASE)
    status, text = plan(tmp_path, venv=venv, pip_knows="2.13.0", torch="__version__ = '2.13.0'")
    assert status == 0
    assert f"environment: {venv} (there already)" in text
    assert "torch: 2.13.0 is kept" in text


@pytest.mark.parametrize(
    ("python", "modules", "said"),
    [
        (
            BASE,
            {"pip_knows": "2.8.1", "torch": "__version__ = '2.8.1+cpu'"},
            "torch 2.8.1 is there and is left alone, but 2.9 or newer",
        ),
        (BASE, {"sitecustomize": "import sys; sys.version_info = (3, 10, 13)"}, "is Python 3.10, and 3.11 or newer"),
        ("no-such-python", {}, "no-such-python: no such interpreter"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, python: Path | str, modules: dict[str, str], said: str) -> None:
    status, text = plan(tmp_path, python=python, **modules)
    assert status == 2
    assert text.startswith("error: ")
    assert said in text
    assert text.count("\n") == 1


def test_the_pins_name_every_package_once_and_no_source() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    names = [pin.partition("==")[0].lower().replace("_", "-") for pin in pins]
    assert len(set(names)) == len(names)
    assert all(pin.count("==") == 1 and not set(pin) & set("/@:+ ") for pin in pins)
    assert {"torch", "numpy", "setuptools"} <= set(names)
