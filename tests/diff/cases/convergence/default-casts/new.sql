CREATE TABLE t (a text DEFAULT 'x'::text, b int DEFAULT 5, c boolean DEFAULT true, d numeric DEFAULT '1.0'::numeric);
