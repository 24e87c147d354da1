CREATE TABLE addresses (zip text, city text, state text);
CREATE STATISTICS addr_stats (mcv, ndistinct) ON zip, state FROM addresses;
