CREATE TABLE sales (day date, amount numeric, void boolean);
CREATE MATERIALIZED VIEW daily AS SELECT day, sum(amount) AS total FROM sales GROUP BY day;
CREATE UNIQUE INDEX daily_day ON daily (day);
CREATE INDEX daily_total ON daily (total DESC);
COMMENT ON INDEX daily_total IS 'top days';
GRANT SELECT ON daily TO reader;
