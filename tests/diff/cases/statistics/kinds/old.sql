CREATE TABLE addresses (zip text, city text, state text);
CREATE STATISTICS addr_stats (mcv) ON zip, city FROM addresses;
