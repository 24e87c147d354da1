"""The entry module: registers the kind ``faker``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Anonymizer

API_VERSION = 1


@hookimpl
def confiture_anonymizers() -> Iterable[Provider[Anonymizer]]:
    """Values that look like real ones."""
    yield Provider(name="faker", target="confiture_mask_faker.mask:FakerMask", summary="values of the package Faker")
