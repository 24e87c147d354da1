CREATE TABLE addresses (zip text, city text, state text);
CREATE STATISTICS addr_stats (dependencies, ndistinct) ON zip, city FROM addresses;
COMMENT ON STATISTICS addr_stats IS 'zip gives city';
