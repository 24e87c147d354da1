CREATE TABLE items (id int PRIMARY KEY, qty int);
CREATE VIEW stock AS SELECT id, qty FROM items;
CREATE VIEW low_stock AS SELECT id FROM stock WHERE qty < 5;
COMMENT ON VIEW low_stock IS 'reorder';
GRANT SELECT ON low_stock TO reader;
