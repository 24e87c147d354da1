CREATE TABLE m (a int, b int, CONSTRAINT m_a UNIQUE (a) INCLUDE (b) WITH (fillfactor = 80));
