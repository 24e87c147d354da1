CREATE TABLE logs (at timestamptz, msg text);
CREATE STATISTICS log_days ON (date_trunc('day', at AT TIME ZONE 'UTC')) FROM logs;
ALTER STATISTICS log_days SET STATISTICS 200;
