CREATE FUNCTION audit.record_change() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.changes (changed_by, relation, operation, old_row, new_row)
    VALUES (
        session_user,
        TG_RELID,
        TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
        CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END
    );
    RETURN NULL;  -- an AFTER trigger's value is ignored
END;
$$;

COMMENT ON FUNCTION audit.record_change() IS 'Writes the change of a row to audit.changes: for AFTER ROW triggers';

CREATE FUNCTION audit.ensure_partition(month date) RETURNS regclass
    LANGUAGE plpgsql
AS $$
DECLARE
    first_day date := date_trunc('month', month);
    partition text := format('changes_%s', to_char(first_day, 'YYYY_MM'));
BEGIN
    IF to_regclass(format('audit.%I', partition)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE audit.%I PARTITION OF audit.changes FOR VALUES FROM (%L) TO (%L)',
            partition,
            first_day::timestamp AT TIME ZONE 'UTC',
            (first_day + interval '1 month') AT TIME ZONE 'UTC'
        );
    END IF;
    RETURN format('audit.%I', partition)::regclass;
END;
$$;

COMMENT ON FUNCTION audit.ensure_partition(date) IS 'Makes the partition of that month if it is not there yet';
