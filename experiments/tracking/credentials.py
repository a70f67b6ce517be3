"""Which server W&B speaks to, and whether there is a key for it. The key itself is read by wandb alone."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from experiments.errors import UserError
from experiments.execution import WandbTracker, check_address

Mode = Literal["online", "offline"]
PUBLIC = "https://api.wandb.ai"


def server(tracker: WandbTracker) -> str:
    """The address of the server. Raises UserError for a WANDB_BASE_URL that is none, or holds a password."""
    try:
        return tracker.base_url or check_address(os.environ.get("WANDB_BASE_URL") or PUBLIC)
    except ValueError as error:
        raise UserError(f"WANDB_BASE_URL: {error}") from error


def choose_mode(tracker: WandbTracker) -> Mode:
    """What was asked for; "auto" follows WANDB_MODE where it says offline, else whether there is a key.

    Raises UserError where a run is to be online and there is no key.
    """
    if tracker.mode == "offline":
        return "offline"
    if tracker.mode == "auto" and os.environ.get("WANDB_MODE") in {"offline", "dryrun", "disabled"}:
        return "offline"
    where = server(tracker)
    if has_key(where):
        return "online"
    if tracker.mode == "online":
        raise UserError(
            f"tracker.mode=online: there is no key for {where}: set WANDB_API_KEY or `wandb login`, or set "
            "tracker.mode=offline"
        )
    return "offline"


def has_key(where: str) -> bool:
    """Whether WANDB_API_KEY or the netrc file (NETRC, else ~/.netrc or ~/_netrc) holds a key for a server.

    Raises UserError for a netrc file that cannot be read.
    """
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(where).hostname
    named = os.environ.get("NETRC")
    files = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    return host is not None and any(_has_login(file, host) for file in files if file.is_file())


def _has_login(file: Path, host: str) -> bool:
    try:
        login = netrc.netrc(str(file)).authenticators(host)
    except (netrc.NetrcParseError, OSError) as error:
        raise UserError(
            f"{file} cannot be read for a W&B key ({error}): mend it, or set tracker.mode=offline"
        ) from error
    return login is not None
