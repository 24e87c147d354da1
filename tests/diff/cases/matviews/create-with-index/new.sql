CREATE TABLE sales (day date, amount numeric);
CREATE MATERIALIZED VIEW daily AS SELECT day, sum(amount) AS total FROM sales GROUP BY day;
CREATE UNIQUE INDEX daily_day ON daily (day);
COMMENT ON INDEX daily_day IS 'for concurrent refresh';
COMMENT ON MATERIALIZED VIEW daily IS 'nightly';
