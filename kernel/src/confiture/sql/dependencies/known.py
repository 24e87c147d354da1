"""Names that tell whether a statement waits for an extension."""

from __future__ import annotations

__all__ = ["BUILTIN_TYPES", "EXTENSION_NAMES"]

#: Types of ``pg_catalog`` that are written without a schema (the grammar adds it to ``int`` and its like).
BUILTIN_TYPES = frozenset(
    {"aclitem", "any", "anyarray", "anycompatible", "anycompatiblearray", "anycompatiblemultirange",
     "anycompatiblenonarray", "anycompatiblerange", "anyelement", "anyenum", "anymultirange", "anynonarray",
     "anyrange", "bigserial", "bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr", "circle", "cstring",
     "date", "datemultirange", "daterange", "event_trigger", "fdw_handler", "float4", "float8", "gtsvector",
     "index_am_handler", "inet", "int2", "int2vector", "int4", "int4multirange", "int4range", "int8",
     "int8multirange", "int8range", "internal", "interval", "json", "jsonb", "jsonpath", "language_handler",
     "line", "lseg", "macaddr", "macaddr8", "money", "name", "numeric", "nummultirange", "numrange", "oid",
     "oidvector", "path", "pg_lsn", "pg_node_tree", "pg_snapshot", "point", "polygon", "record", "refcursor",
     "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator",
     "regproc", "regprocedure", "regrole", "regtype", "serial", "serial2", "serial4", "serial8", "smallserial",
     "table_am_handler", "text", "tid", "time", "timestamp", "timestamptz", "timetz", "trigger", "tsm_handler",
     "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "unknown",
     "uuid", "varbit", "varchar", "void", "xid", "xid8", "xml"}
)  # fmt: skip

#: Functions and operator classes of the extensions that schemas use most.
EXTENSION_NAMES = frozenset(
    {"armor", "crosstab", "crypt", "daitch_mokotoff", "dblink", "dblink_connect", "dblink_exec", "dearmor",
     "decrypt", "difference", "digest", "dmetaphone", "earth_box", "earth_distance", "encrypt",
     "gen_random_bytes", "gen_salt", "gin_trgm_ops", "gist_trgm_ops", "hmac", "hstore", "levenshtein",
     "levenshtein_less_equal", "ll_to_earth", "metaphone", "pgp_key_id", "pgp_pub_decrypt", "pgp_pub_encrypt",
     "pgp_sym_decrypt", "pgp_sym_encrypt", "postgres_fdw_handler", "show_trgm", "similarity", "soundex",
     "strict_word_similarity", "unaccent", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v3",
     "uuid_generate_v4", "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_url", "vector_cosine_ops",
     "vector_ip_ops", "vector_l2_ops", "word_similarity", "xpath_table"}
)  # fmt: skip
