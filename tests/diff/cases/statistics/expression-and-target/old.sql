CREATE TABLE logs (at timestamptz, msg text);
