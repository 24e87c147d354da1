"""The sample databases, subset and written out: every foreign key finds its parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import split_sample

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture(params=["pagila", "chinook"])
def sample(request, source, psql) -> str:
    file = DATA / f"{request.param}.sql"
    if not file.is_file():
        pytest.skip(f"{request.param}.sql is not there")
    own = split_sample.CHINOOK_OWN_DATABASE
    text = "".join(line for line in file.read_text().splitlines(keepends=True) if line.strip() not in own)
    psql(source, text)
    return request.param


ASKED = {
    "pagila": {
        "ids": {"customer": ("1", "17")},
        "children": ("rental.customer_id", "payment.rental_id", "film_actor.film_id"),
        "sample": {"film": "5%", "film_category": "1%"},
    },
    "chinook": {
        "ids": {"customer": ("1",)},
        "children": ("invoice.customer_id", "invoice_line.invoice_id"),
        "sample": {"playlist_track": "1%"},
    },
}


async def test_a_subset_has_all_parents(sample, choose, source, psql, orphans):
    everything = await choose()
    labels = [table.label for table in everything.selected.tables]
    chosen = await choose(**ASKED[sample])
    await choose.write(chosen)
    assert orphans(source, chosen) == []
    counts = {}
    for label in labels:
        copied = f"SELECT count(*) FROM chosen.{label.split('.')[1]}"
        counts[label] = int(psql(source, f"SELECT count(*) FROM {label}")), int(psql(source, copied))
    assert all(copied <= there for there, copied in counts.values())
    assert counts["public.customer"][1] < counts["public.customer"][0]
    if sample == "pagila":
        rentals = psql(source, "SELECT count(*) FROM rental WHERE customer_id IN (1, 17)")
        assert psql(source, "SELECT count(*) FROM chosen.rental WHERE customer_id IN (1, 17)") == rentals
