CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', tg_tag; END $$;
CREATE EVENT TRIGGER watch_ddl ON ddl_command_end WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION watch();
COMMENT ON EVENT TRIGGER watch_ddl IS 'looks on';
