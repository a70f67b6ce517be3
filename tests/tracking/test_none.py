"""tracker=none: nothing is written and wandb is never imported."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from experiments.execution import Execution, Labels
from experiments.tracking import make_tracker
from tests.tracking.examples import NEGATIVES, make_config, make_record

config = make_config()
tracker = make_tracker(Execution())
tracker.start(config, config.run_id, Labels())
tracker.log(1, {"loss": 1.0})
tracker.negatives(NEGATIVES)
tracker.finish(make_record(config))
tracker.abort()
sys.exit("wandb" in sys.modules)
"""


def test_none_writes_nothing_and_imports_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env={"PYTHONPATH": str(root), "HOME": str(tmp_path)}, check=False
    )
    assert done.returncode == 0
    assert not list(tmp_path.iterdir())
