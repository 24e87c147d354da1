"""Writes the migrations of the example project, with the tool and never by hand: ``python tests/docs/make_history.py``.

The shop's life in ten steps, told backwards from ``db/schema`` as it is: each step says what its files looked like
before. From the first state on, each step edits the files and runs ``confiture migrate diff --generate``.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from confiture.cli.main import run_command

SHOP = Path(__file__).resolve().parents[2] / "docs" / "examples" / "jam-shop"

TABLES = "10_tables"
BATCHES = f"{TABLES}/20_kitchen/50_batches.sql"
REVIEWS = f"{TABLES}/30_sales/70_reviews.sql"
WHOLE = ""


@dataclass(frozen=True)
class Edit:
    """In ``file``, below ``db/schema``, ``after`` stands where ``before`` stood.

    An ``after`` of :data:`WHOLE` is all of the file; ``{rest}`` at its end stands for all that follows in it.
    """

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """What was edited, and what was told to ``migrate diff``."""

    name: str
    edits: tuple[Edit, ...] = ()
    options: tuple[str, ...] = ()


STEPS = (
    Step("open_the_shop"),
    Step(
        "add_latin_names",
        (Edit(f"{TABLES}/10_catalog/10_fruits.sql", "season     int4range NOT NULL,\n\n",
              "season     int4range NOT NULL,\n    latin_name text,\n\n"),),
    ),
    Step(
        "index_orders_to_ship",
        (Edit(f"{TABLES}/30_sales/30_orders.sql", "",
              "CREATE INDEX orders_to_ship_idx     ON sales.orders (placed_at) WHERE status = 'paid';\n"),),
    ),
    Step(
        "rename_rating_to_stars",
        (
            Edit(REVIEWS, "    rating      smallint NOT NULL", "    stars       smallint NOT NULL"),
            Edit(REVIEWS, "reviews_rating_is_one_to_five", "reviews_stars_are_one_to_five"),
            Edit(REVIEWS, "CHECK (rating ", "CHECK (stars "),
            Edit(REVIEWS, "INCLUDE (rating)", "INCLUDE (stars)"),
            Edit("20_views/product_ratings.sql", "round(avg(rating), 1) AS stars", "round(avg(stars), 1)  AS stars"),
        ),
        ("--rename", "sales.reviews.rating=stars"),
    ),
    Step(
        "check_quantities",
        (Edit(f"{TABLES}/30_sales/40_order_items.sql", "product_id)\n",
              "product_id),\n    CONSTRAINT order_items_quantity_is_sane CHECK (quantity BETWEEN 1 AND 500)\n"),),
    ),
    Step(
        "add_best_before",
        (
            Edit(BATCHES, "    jars        integer NOT NULL,\n",
                 "    jars        integer NOT NULL,\n    best_before date NOT NULL,\n"),
            Edit(BATCHES, "(product_id) WHERE status = 'released'",
                 "(product_id, best_before) WHERE status = 'released'"),
        ),
        ("--backfill", "kitchen.batches.best_before=(upper(occupies) AT TIME ZONE 'UTC')::date + 730"),
    ),
    Step(
        "sell_fresh_jars_only",
        (Edit("20_views/stock_levels.sql", "status = 'released'\n",
              "status = 'released' AND best_before > current_date\n"),),
    ),
    Step("accept_vouchers", (Edit("00_common/20_types.sql", "'invoice');", "'invoice', 'voucher');"),)),
    Step("add_shipments", (Edit(f"{TABLES}/30_sales/60_shipments.sql", "", WHOLE),)),
    Step(
        "keep_shipped_orders",
        (
            Edit("30_functions/sales.sql", "", "\nCREATE FUNCTION sales.refuse_change_after_shipping() {rest}"),
            Edit("40_triggers/order_items.sql", "", WHOLE),
        ),
    ),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the migrations of the example, or compare them with what is written anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file would differ")
    check = parser.parse_args(arguments).check
    kept = SHOP / "db" / "migrations"
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder) / "jam-shop")
        differing = [name for name, text in made.items() if _text(kept / name) != text]
        differing += [file.name for file in sorted(kept.glob("*.py")) if file.name not in made]
    for name in differing:
        print(f"{name} differs" if check else f"wrote db/migrations/{name}")
    if check:
        return 1 if differing else 0
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for name, text in made.items():
        (kept / name).write_text(text, encoding="utf-8")
    return 0


def make(project: Path, config: str = "") -> dict[str, str]:
    """The migrations by their files' names, as ``confiture`` writes them in ``project``, which is made.

    ``config`` is added to its ``confiture.toml``.
    """
    shutil.copytree(SHOP, project, ignore=shutil.ignore_patterns(".confiture", "migrations"))
    with (project / "confiture.toml").open("a", encoding="utf-8") as file:
        file.write(config)
    for step, schema in states(project / "db" / "schema"):
        _write(project / "db" / "schema", schema)
        _generate(project, step)
    files = sorted((project / "db" / "migrations").glob("*.py"))
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def states(schema: Path) -> Iterator[tuple[Step, dict[str, str]]]:
    """Each step, and the files after it, the first one first; after the last one they are those of ``schema``."""
    files = {file.relative_to(schema).as_posix(): file.read_text(encoding="utf-8") for file in schema.rglob("*.sql")}
    found = [files]
    for step in reversed(STEPS[1:]):
        found.insert(0, _undone(found[0], step))
    yield from zip(STEPS, found, strict=True)


def _undone(files: dict[str, str], step: Step) -> dict[str, str]:
    """The files before the step."""
    found = dict(files)
    for edit in step.edits:
        text = found.pop(edit.file)
        after, rest, _ = edit.after.partition("{rest}")
        if rest:  # to the end of the file
            after = after + text.partition(after)[2]
        if after == WHOLE:
            continue
        assert text.count(after) == 1, f"{step.name}: {edit.file} has {after!r} {text.count(after)} times"
        found[edit.file] = text.replace(after, edit.before)
    return found


def _write(schema: Path, files: dict[str, str]) -> None:
    shutil.rmtree(schema)
    for name, text in files.items():
        (schema / name).parent.mkdir(parents=True, exist_ok=True)
        (schema / name).write_text(text, encoding="utf-8")


def _generate(project: Path, step: Step) -> None:
    command = ["migrate", "diff", "--generate", "--name", step.name, *step.options]
    said = io.StringIO()
    # In our own process: to start one for each step takes as long again.
    with chdir(project), redirect_stdout(said), redirect_stderr(said):
        code = run_command(command)
    if code:
        raise SystemExit(f"{step.name}: {said.getvalue()}")


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


if __name__ == "__main__":
    raise SystemExit(main())
