"""Hydra's side of a sweep: hands the command line to studies.sweep, and runs to whatever launcher is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class UnionSweeper(BasicSweeper):  # type: ignore[misc]
    """Studies, and swept keys that not every choice has; works with every launcher that BasicSweeper works with."""

    def sweep(self, arguments: list[str]) -> Any:
        """Lay out, show and run. Raises UserError or SweepFailed."""
        from experiments.command.answer import print_answer
        from experiments.command.compose import Composer
        from experiments.command.overrides import unforced
        from experiments.studies.sweep import run_sweep

        assert self.hydra_context is not None
        composer = Composer(self.hydra_context.config_loader)
        given = [*self._parse_config(), *map(unforced, arguments)]
        return run_sweep(
            given,
            composer=composer,
            launch=self._launch,
            at_once=getattr(self.launcher, "at_once", False),
            one_by_one=isinstance(self.launcher, BasicLauncher),
            answer=print_answer,
        )

    def _launch(self, batch: Sequence[Sequence[str]], first: int) -> None:
        assert self.launcher is not None
        self.launcher.launch(batch, initial_job_idx=first)
