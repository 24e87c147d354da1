"""All that a package needs which adds kinds of objects: see "Kinds of objects of your own" in the documentation.

Its module, an entry point of the group ``confiture.catalog``, has ``queries(version) -> list[str]``, whose rows are
those of :func:`select`, or ``HANDLERS``, a tuple of subclasses of :class:`Handler`, or both.
"""

from __future__ import annotations

from confiture_catalog.differ.addresses import address
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, refuse_data_loss, same_properties, sql
from confiture_catalog.differ.names import bare, beside, qualifier
from confiture_catalog.differ.world import Side, World
from confiture_catalog.rows import FIRST_USER_OID, not_internal, options, regproc, relation_identity, select, word

__all__ = [
    "FIRST_USER_OID",
    "Alteration",
    "Handler",
    "Op",
    "Ref",
    "Side",
    "Way",
    "World",
    "address",
    "bare",
    "beside",
    "not_internal",
    "options",
    "qualifier",
    "refuse_data_loss",
    "regproc",
    "relation_identity",
    "same_properties",
    "select",
    "sql",
    "word",
]
