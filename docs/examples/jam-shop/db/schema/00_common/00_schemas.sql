-- One schema for each part of the business: what we sell, how it is made, who buys it, and who changed what.
CREATE SCHEMA catalog;
CREATE SCHEMA kitchen;
CREATE SCHEMA sales;
CREATE SCHEMA audit;

COMMENT ON SCHEMA catalog IS 'Fruits, recipes, and the jars that are on offer';
COMMENT ON SCHEMA kitchen IS 'Suppliers, purchases, and the batches that are cooked';
COMMENT ON SCHEMA sales   IS 'Customers, their orders, and everything that follows from one';
COMMENT ON SCHEMA audit   IS 'A log of changes to what matters';
