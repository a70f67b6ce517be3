"""Teachers inside other settings, by the name of a preset; and what is refused of ensembles, in one line."""

from __future__ import annotations

import pytest

from experiments.command.compose import Composer
from experiments.command.overrides import write_value
from experiments.config import EnsembleTeacher, RerankerTeacher, RunConfig
from experiments.errors import UserError

CROSS = "teacher=ensemble_cross"
INTRA = "teacher=ensemble_intra"


def run(composer: Composer, *overrides: str) -> RunConfig:
    return composer.run(overrides).config


def member(composer: Composer, name: str) -> object:
    return run(composer, f"teacher={name}").teacher


def test_names_stand_for_the_values_of_presets(composer: Composer) -> None:
    named = run(composer, CROSS, "teacher.members=[minilm_l6,bm25]")
    assert isinstance(named.teacher, EnsembleTeacher)
    assert named.teacher.members == (member(composer, "minilm_l6"), member(composer, "bm25"))
    typed = write_value([one.model_dump(mode="json") for one in named.teacher.members])
    assert run(composer, CROSS, f"teacher.members={typed}").run_id == named.run_id
    assert run(composer, CROSS, "teacher.members=[bm25,minilm_l6]").run_id != named.run_id


def test_a_preset_may_be_changed(composer: Composer) -> None:
    teacher = run(composer, CROSS, "teacher.members=[static,{preset: bm25, k1: 1.2}]").teacher
    assert isinstance(teacher, EnsembleTeacher)
    assert teacher.members[1] == run(composer, "teacher=bm25", "teacher.k1=1.2").teacher


def test_common_with_and_a_guide_take_names_too(composer: Composer) -> None:
    listed = run(composer, "mining.common_with=[{teacher: bm25, miner: {kind: naive_topk}}]").mining.common_with[0]
    assert listed.teacher == member(composer, "bm25")
    ensembles = run(
        composer,
        "mining.common_with=[{teacher: {preset: ensemble_cross, members: [bm25, static]}, miner: {kind: naive_topk}}]",
    ).mining.common_with[0]
    assert ensembles.teacher == run(composer, CROSS, "teacher.members=[bm25,static]").teacher


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((CROSS, "teacher.members=[minilm_l6,bm52]"), "did you mean 'bm25'?"),
        ((CROSS, "teacher.members=[minilm_l6]"), "teacher.members: should have at least 2 items"),
        ((CROSS, "teacher.members=minilm_l6"), "write teacher.members=[minilm_l6]"),
        ((CROSS, "teacher.members=[bm25,bm25]"), "bm25 stands there twice"),
        ((CROSS, "teacher.members=[bm25,random]"), "random cannot stand here"),
        ((CROSS, "teacher.members=[bm25,ensemble_intra]"), "ensemble cannot stand here"),
        ((CROSS, "teacher.members=[bm25,{preset: static, k1: 2}]"), "the preset static has no key 'k1'"),
        ((CROSS, "teacher.members=[bm25,hub]"), "teacher.members.name is not set"),
        ((CROSS, "teacher.deduplicate=false"), "deduplicate=false changes nothing with combine=cross_sample"),
        ((INTRA, "mining.num_negatives=3"), "set mining.num_negatives=4"),
        ((INTRA, "mining.selection=sampled"), "mining.selection=sampled draws among one teacher's survivors"),
        (
            (CROSS, "data.positives=one", "mining.reveal=0.5", "mining.false_negatives=placebo"),
            "false_negatives=placebo matches ranks, and an ensemble",
        ),
        (
            ("mining.num_negatives=2", "mining.common_with=[{teacher: ensemble_intra, miner: {kind: naive_topk}}]"),
            "common_with (naive_topk): mining.num_negatives=2",
        ),
        (("teacher=reranker",), "teacher.name is not set"),
        (("teacher=reranker_tiny", "teacher.first_stage=random"), "random cannot stand here"),
        (("teacher=reranker_tiny", "teacher.first_stage=reranker_tiny"), "reranker cannot stand here"),
        (("teacher=reranker_tiny", "teacher.score_batch=8"), "score_batch=8 changes nothing with precision=fp32"),
        (("teacher=reranker_tiny", "teacher.activation=softmax"), "should be 'identity' or 'sigmoid'"),
        (("train=infonce_guide", "train.mask.teacher=reranker_tiny"), "reranker has no vectors"),
        (("train=infonce_guide", "train.mask.teacher=ensemble_cross"), "ensemble has no vectors"),
    ],
)
def test_refused_in_one_line(composer: Composer, overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError) as error:
        composer.run(overrides)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_where_nothing_is_ranked_an_ensemble_asks_for_nothing(composer: Composer) -> None:
    assert run(composer, INTRA, "miner=random", "mining.num_negatives=3").mining.num_negatives == 3


def test_the_papers_ensemble_has_its_rows_of_table_2(composer: Composer) -> None:
    paper = run(composer, "teacher=paper_ensemble").teacher
    assert isinstance(paper, EnsembleTeacher)
    assert [one.name for one in paper.members] == [
        "intfloat/e5-mistral-7b-instruct",
        "nvidia/NV-Embed-v1",
        "Snowflake/snowflake-arctic-embed-l",
        "intfloat/e5-large-v2",
    ]
    assert (paper.combine, paper.deduplicate) == ("intra_sample", False)
    for row in (["teacher.deduplicate=true"], ["teacher.deduplicate=true", "teacher.combine=cross_sample"]):
        run(composer, "teacher=paper_ensemble", *row)


def test_a_first_stage_by_name(composer: Composer) -> None:
    plain = run(composer, "teacher=bge_reranker_v2_m3", "teacher.first_stage=bm25").teacher
    assert isinstance(plain, RerankerTeacher)
    assert plain.first_stage == member(composer, "bm25")
    changed = "{preset: reranker_tiny, first_stage: {preset: bm25, k1: 1.2}}"
    nested = run(composer, CROSS, f"teacher.members=[static,{changed}]").teacher
    assert isinstance(nested, EnsembleTeacher)
    assert nested.members[1].first_stage == run(composer, "teacher=bm25", "teacher.k1=1.2").teacher
