"""Text search configurations, dictionaries, parsers and templates."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, regproc, select

__all__ = ["queries"]


def queries(version: int) -> list[str]:
    """All in one query."""
    return [" UNION ALL ".join((_configurations(), _dictionaries(), _parsers(), _templates()))]


def _named(oid: str, catalog: str, prefix: str) -> str:
    """The qualified name of a text search object."""
    return (
        f"(SELECT quote_ident(yn.nspname) || '.' || quote_ident(y.{prefix}name) FROM pg_catalog.{catalog} y"
        f" JOIN pg_catalog.pg_namespace yn ON yn.oid = y.{prefix}namespace WHERE y.oid = {oid})"
    )


def _select(kind: str, catalog: str, prefix: str, properties: dict[str, str], owner: bool = False) -> str:
    return select(
        "x",
        kind=f"'text search {kind}'",
        schema="n.nspname",
        name=f"x.{prefix}name",
        owner=f"x.{prefix}owner" if owner else None,
        properties=properties,
        source=f"pg_catalog.{catalog} x JOIN pg_catalog.pg_namespace n ON n.oid = x.{prefix}namespace"
        f" WHERE x.oid >= {FIRST_USER_OID}",
    )


def _configurations() -> str:
    mappings = (
        "(SELECT array_agg(each.mapping ORDER BY each.mapping COLLATE \"C\") FROM (SELECT t.alias || ' WITH ' ||"
        f" string_agg({_named('m.mapdict', 'pg_ts_dict', 'dict')}, ', ' ORDER BY m.mapseqno) AS mapping"
        " FROM pg_catalog.pg_ts_config_map m JOIN LATERAL ts_token_type(x.cfgparser) t ON t.tokid = m.maptokentype"
        " WHERE m.mapcfg = x.oid GROUP BY t.alias) each)"
    )
    properties = {"parser": _named("x.cfgparser", "pg_ts_parser", "prs"), "mappings": mappings}
    return _select("configuration", "pg_ts_config", "cfg", properties, owner=True)


def _dictionaries() -> str:
    template = _named("x.dicttemplate", "pg_ts_template", "tmpl")
    return _select(
        "dictionary", "pg_ts_dict", "dict", {"template": template, "options": "x.dictinitoption"}, owner=True
    )


def _parsers() -> str:
    columns = {
        "start": "prsstart",
        "gettoken": "prstoken",
        "end": "prsend",
        "headline": "prsheadline",
        "lextypes": "prslextype",
    }
    functions = {name: regproc(f"x.{column}") for name, column in columns.items()}
    return _select("parser", "pg_ts_parser", "prs", functions)


def _templates() -> str:
    properties = {"init": regproc("x.tmplinit"), "lexize": regproc("x.tmpllexize")}
    return _select("template", "pg_ts_template", "tmpl", properties)
