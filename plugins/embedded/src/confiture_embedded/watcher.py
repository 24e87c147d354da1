"""Starting the watcher that ends an idle server. The watcher itself is ``watch.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from confiture_embedded.cluster import clean_environment
from confiture_embedded.layout import Home
from confiture_embedded.lock import FileLock

__all__ = ["ensure_watcher"]


def ensure_watcher(home: Home) -> None:
    """Start the home's watcher unless there is one. The caller holds the home's lock.

    The watcher inherits the lock's descriptor, already locked: between this process and the watcher there is no
    moment at which a second watcher could start.
    """
    lock = FileLock(home.path / "watch.lock", home.account)
    if not lock.try_lock():
        return
    try:
        account = home.account
        # -S: site-packages are not needed, and cost a third of the memory.
        command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("watch.py")), str(home.path)]
        # The interpreter may be below /root: it starts as root and changes its user itself.
        command += [str(account.uid), str(account.gid)] if account.switch else []
        subprocess.run(
            ["/bin/sh", "-c", '"$@" >/dev/null 2>&1 </dev/null &', "sh", *command],
            cwd="/", env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False, start_new_session=True, pass_fds=(lock.hand_over(),),
        )  # fmt: skip
    finally:
        lock.release()
