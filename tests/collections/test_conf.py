from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments.config import BeirData, BeirHubData, DataConfig, DocstringsData, PairsData, TrecData

FOLDER = Path(__file__).parents[2] / "conf" / "data"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("docstrings", DocstringsData()),
        ("beir", BeirData(name="???", positives="all")),
        ("beir_hub", BeirHubData(name="???")),
        ("pairs", PairsData(name="???")),
        ("trec", TrecData(name="???")),
    ],
)
def test_every_parameter_stands_in_the_yaml_with_its_default(name: str, model: DataConfig) -> None:
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert written.pop("path") is None
    assert written.pop("corpus", None) is None
    assert written == model.model_dump(mode="json")


def test_ones_own_data_shows_every_positive() -> None:
    # Hidden positives would be mined as negatives: that is for studies which count them.
    written = yaml.safe_load((FOLDER / "beir.yaml").read_text(encoding="utf-8"))
    assert (written["positives"], BeirData(name="x").positives) == ("all", "one")
