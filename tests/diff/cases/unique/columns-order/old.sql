CREATE TABLE m (a int, b int, CONSTRAINT m_ab UNIQUE (a, b));
