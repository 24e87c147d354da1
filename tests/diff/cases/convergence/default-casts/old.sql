CREATE TABLE t (a text DEFAULT 'x', b int DEFAULT '5', c boolean DEFAULT 't', d numeric DEFAULT 1.0);
