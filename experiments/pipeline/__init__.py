"""run(config, execution) -> RunRecord: the study's method, one stage after the other.

A teacher ranks the corpus for every training query, a miner picks negatives from that ranking, the student is
fine-tuned on them, and the fine-tuned student is measured. Each stage is a cached function of the slice of config that
it reads.
"""

from experiments.pipeline.again import look_up, mine_again, prepare, rank_for_audit, trained_student
from experiments.pipeline.runs import run

__all__ = ["look_up", "mine_again", "prepare", "rank_for_audit", "run", "trained_student"]
