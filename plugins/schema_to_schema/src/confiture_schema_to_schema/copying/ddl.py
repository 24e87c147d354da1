"""The tables that a run keeps its state in."""

from __future__ import annotations

__all__ = ["CHUNKS", "PARTS", "RUNS", "ddl"]

RUNS = "confiture_moves"
PARTS = "confiture_move_parts"
CHUNKS = "confiture_move_chunks"


def ddl(runs: str, parts: str, chunks: str) -> str:
    """The statements that make them; the names are SQL."""
    return f"""
        CREATE TABLE {runs} (
            run_id text PRIMARY KEY, source text NOT NULL, strategy text NOT NULL, tables text[] NOT NULL, mapping text,
            fingerprints jsonb NOT NULL, phase text NOT NULL DEFAULT 'preparing',
            paused boolean NOT NULL DEFAULT false, waiting_for text, attempt integer NOT NULL DEFAULT 1,
            application text NOT NULL DEFAULT '',
            heartbeat timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
            under_way jsonb NOT NULL DEFAULT '{{}}', last_error text,
            started timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
            finished timestamp with time zone);
        COMMENT ON TABLE {runs} IS 'Migrations into this database by `confiture migrate schema-to-schema`';
        CREATE TABLE {parts} (
            run_id text NOT NULL REFERENCES {runs} ON DELETE CASCADE, part integer NOT NULL, target text NOT NULL,
            source text NOT NULL, relid oid NOT NULL, digest text NOT NULL, engine text NOT NULL,
            keyed boolean NOT NULL, estimated_rows bigint NOT NULL, bytes bigint NOT NULL,
            planned boolean NOT NULL DEFAULT false, indexed boolean NOT NULL DEFAULT false,
            PRIMARY KEY (run_id, part));
        COMMENT ON TABLE {parts} IS 'What fills which table in a migration by `confiture migrate schema-to-schema`';
        CREATE TABLE {chunks} (
            run_id text NOT NULL, part integer NOT NULL, number integer NOT NULL, relation text,
            condition text NOT NULL, settings jsonb NOT NULL, estimated_rows bigint NOT NULL,
            rows bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0,
            seconds double precision NOT NULL DEFAULT 0, finished timestamp with time zone, xid xid8,
            PRIMARY KEY (run_id, part, number), FOREIGN KEY (run_id, part) REFERENCES {parts} ON DELETE CASCADE);
        COMMENT ON TABLE {chunks} IS 'What of it is copied: written in the transaction of the rows'
    """
