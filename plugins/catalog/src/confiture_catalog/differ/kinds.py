"""Which handler is for which kind. A new kind of object: a module in ``objects/`` and a line here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from confiture.errors import Refused
from confiture_catalog.differ.handler import Handler
from confiture_catalog.differ.objects.aggregate import AggregateHandler
from confiture_catalog.differ.objects.base_type import BaseTypeHandler, ShellTypeHandler
from confiture_catalog.differ.objects.cast import CastHandler, ConversionHandler, TransformHandler
from confiture_catalog.differ.objects.collation import CollationHandler
from confiture_catalog.differ.objects.column import ColumnHandler
from confiture_catalog.differ.objects.composite import AttributeHandler, CompositeHandler
from confiture_catalog.differ.objects.constraint import ConstraintHandler
from confiture_catalog.differ.objects.default import DefaultHandler
from confiture_catalog.differ.objects.domain import DomainConstraintHandler, DomainHandler
from confiture_catalog.differ.objects.enum import EnumHandler
from confiture_catalog.differ.objects.event_trigger import EventTriggerHandler
from confiture_catalog.differ.objects.extension import ExtensionHandler
from confiture_catalog.differ.objects.foreign import ServerHandler, UserMappingHandler, WrapperHandler
from confiture_catalog.differ.objects.index import IndexHandler
from confiture_catalog.differ.objects.language import AccessMethodHandler, LanguageHandler
from confiture_catalog.differ.objects.materialized_view import MaterializedViewHandler
from confiture_catalog.differ.objects.operator import OperatorClassHandler, OperatorFamilyHandler, OperatorHandler
from confiture_catalog.differ.objects.policy import PolicyHandler
from confiture_catalog.differ.objects.privilege import PrivilegeHandler
from confiture_catalog.differ.objects.publication import PublicationHandler
from confiture_catalog.differ.objects.range import RangeHandler
from confiture_catalog.differ.objects.routine import RoutineHandler
from confiture_catalog.differ.objects.rule import RuleHandler
from confiture_catalog.differ.objects.schema import SchemaHandler
from confiture_catalog.differ.objects.sequence import SequenceHandler
from confiture_catalog.differ.objects.statistics import StatisticsHandler
from confiture_catalog.differ.objects.table import TableHandler
from confiture_catalog.differ.objects.textsearch import ConfigurationHandler, DictionaryHandler, ParserHandler
from confiture_catalog.differ.objects.trigger import TriggerHandler
from confiture_catalog.differ.objects.view import ViewHandler

__all__ = ["Handlers", "handlers"]

_CLASSES: tuple[type[Handler], ...] = (
    AccessMethodHandler,
    AttributeHandler,
    BaseTypeHandler,
    CollationHandler,
    CompositeHandler,
    DomainConstraintHandler,
    DomainHandler,
    EnumHandler,
    ExtensionHandler,
    LanguageHandler,
    RangeHandler,
    ShellTypeHandler,
    ConstraintHandler,
    IndexHandler,
    MaterializedViewHandler,
    PolicyHandler,
    RuleHandler,
    StatisticsHandler,
    TriggerHandler,
    ViewHandler,
    SchemaHandler,
    SequenceHandler,
    TableHandler,
    ColumnHandler,
    DefaultHandler,
    AggregateHandler,
    CastHandler,
    ConversionHandler,
    TransformHandler,
    EventTriggerHandler,
    ServerHandler,
    UserMappingHandler,
    WrapperHandler,
    OperatorClassHandler,
    OperatorFamilyHandler,
    OperatorHandler,
    PrivilegeHandler,
    PublicationHandler,
    RoutineHandler,
    ConfigurationHandler,
    DictionaryHandler,
    ParserHandler,
)


class Handlers:
    """Handlers by kind."""

    def __init__(self, classes: Iterable[type[Handler]] = _CLASSES) -> None:
        self._by_kind = {kind: handler for handler in (each() for each in classes) for kind in handler.kinds}

    @property
    def kinds(self) -> Collection[str]:
        """The kinds that there is a handler for."""
        return self._by_kind.keys()

    def __getitem__(self, kind: str) -> Handler:
        """The handler of that kind. Raises ``Refused`` for a kind that nobody handles."""
        if kind not in self._by_kind:
            raise Refused(
                f"no statement is known for a difference of a {kind.removeprefix('unsupported:')}",
                hint="make that change by hand on both sides, or leave it out with --exclude",
            )
        return self._by_kind[kind]


def handlers(added: Iterable[type[Handler]] = ()) -> Handlers:
    """Those of this plugin, and those that others add: theirs are asked where both are for a kind."""
    return Handlers((*_CLASSES, *added))
