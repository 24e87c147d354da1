"""``make bench``: what the README claims, measured. ``python tests/bench/run.py [NAME...]`` runs some of it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import build, copying, cutting_over, diff, embedded, masks, migrate, moving, start, syncing

PARTS = {
    "start": start.run,
    "embedded": embedded.run,
    "build": build.run,
    "alembic": build.run_alembic,
    "copy": copying.run,
    "masks": masks.run,
    "diff": diff.run,
    "migrate": migrate.run,
    "sync": syncing.run,
    "move": moving.run,
    "cutover": cutting_over.run,
}


def main() -> None:
    """Run the parts that are named, or all."""
    names = sys.argv[1:] or list(PARTS)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have byte code; without it every start compiles
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="confiture-bench-", dir=parent))
    folder.chmod(0o755)
    os.environ["CONFITURE_CACHE_DIR"] = str(folder / "cache")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, data in {folder.parent}")
    try:
        for name in names:
            PARTS[name](folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
