CREATE TABLE log (id int, msg text);
CREATE RULE no_delete AS ON DELETE TO log DO INSTEAD NOTHING;
COMMENT ON RULE no_delete ON log IS 'append only';
