"""The embed stage by shards: the same bytes as in one go, mapped from the disk, and nothing encoded twice."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from experiments.engines import encoders
from experiments.models.encoding import encode_batch
from experiments.stages.embed import embed
from experiments.store import Store
from tests.engines.texts import TEXTS, expected, tiny_teacher


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "tiny"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("shard", [1, 24, 30, 1000])
def test_a_shards_size_changes_no_byte(folder: Path, tmp_path: Path, shard: int, precision: str) -> None:
    fields = {"encode_batch": 16} if precision == "bf16" else {}
    teacher, execution = tiny_teacher(folder, precision=precision, **fields)
    execution = execution.model_copy(update={"shard": shard})
    found, artifact = embed(TEXTS, encoder=teacher, role="document", store=Store(tmp_path), execution=execution)
    whole = io.BytesIO()
    np.save(whole, expected(TEXTS, teacher, execution))
    assert (artifact.path / "vectors.npy").read_bytes() == whole.getvalue()
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable


def test_a_stopped_encoding_goes_on_at_the_next_shard(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, execution = tiny_teacher(folder)
    execution = execution.model_copy(update={"shard": 24})
    seen: list[str] = []

    def stop_in_the_third_shard(model: object, batch: list[str], **options: object) -> object:
        if len(seen) >= 48:
            raise KeyboardInterrupt
        seen.extend(batch)
        return encode_batch(model, batch, **options)

    store = Store(tmp_path, {"threads": 1})
    with monkeypatch.context() as patch:
        patch.setattr(encoders, "encode_batch", stop_in_the_third_shard)
        with pytest.raises(KeyboardInterrupt):
            embed(TEXTS, encoder=teacher, role="document", store=store, execution=execution)
    assert not list(tmp_path.glob("embed/*/artifact.json"))

    again: list[str] = []

    def count(model: object, batch: list[str], **options: object) -> object:
        again.extend(batch)
        return encode_batch(model, batch, **options)

    monkeypatch.setattr(encoders, "encode_batch", count)
    found, _ = embed(TEXTS, encoder=teacher, role="document", store=store, execution=execution)
    assert sorted(seen + again) == sorted(TEXTS)
    assert np.array_equal(found, expected(TEXTS, teacher, execution))
    assert [path.name for path in tmp_path.glob("embed/.*")] == []


def test_what_another_environment_kept_is_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, execution = tiny_teacher(folder)
    execution = execution.model_copy(update={"shard": 24})
    seen: list[str] = []

    def stop_at_the_end(model: object, batch: list[str], **options: object) -> object:
        if len(seen) >= 72:
            raise KeyboardInterrupt
        seen.extend(batch)
        return encode_batch(model, batch, **options)

    monkeypatch.setattr(encoders, "encode_batch", stop_at_the_end)
    for threads in (1, 2):
        seen.clear()
        store = Store(tmp_path, {"threads": threads})
        with pytest.raises(KeyboardInterrupt):
            embed(TEXTS, encoder=teacher, role="document", store=store, execution=execution)
        assert len(seen) == 72


def test_no_text_is_an_empty_array_as_wide_as_the_model(folder: Path, tmp_path: Path) -> None:
    teacher, execution = tiny_teacher(folder)
    found, _ = embed([], encoder=teacher, role="query", store=Store(tmp_path), execution=execution)
    assert found.shape == (0, 128)
