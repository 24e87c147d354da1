CREATE TABLE staff (id int PRIMARY KEY, boss int CONSTRAINT staff_boss REFERENCES staff ON DELETE SET NULL);
COMMENT ON CONSTRAINT staff_boss ON staff IS 'no boss, no cry';
