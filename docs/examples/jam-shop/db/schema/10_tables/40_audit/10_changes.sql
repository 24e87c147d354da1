-- A partition a month, so that old months can be detached. What has no partition goes to the default one:
-- a change must never fail because nobody made next month's; see audit.ensure_partition().
CREATE TABLE audit.changes (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL DEFAULT current_user,
    relation   regclass NOT NULL,
    operation  text NOT NULL,
    old_row    jsonb,
    new_row    jsonb,

    PRIMARY KEY (changed_at, id),
    CONSTRAINT changes_operation_is_known CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE'))
) PARTITION BY RANGE (changed_at);

CREATE TABLE audit.changes_2026_01 PARTITION OF audit.changes
    FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');

CREATE TABLE audit.changes_2026_02 PARTITION OF audit.changes
    FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');

CREATE TABLE audit.changes_default PARTITION OF audit.changes DEFAULT;

CREATE INDEX changes_relation_idx ON audit.changes (relation, changed_at DESC);

COMMENT ON TABLE audit.changes IS 'Every change to the audited tables, written by the trigger audit.record_change()';
