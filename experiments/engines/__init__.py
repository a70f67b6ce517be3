"""Who does a stage's work on a corpus: this process, a pool of processes, or a Ray cluster, shard after shard.

A shard is what is done, handed to a worker and kept at once. What a stopped stage has kept it does not do again.
"""
