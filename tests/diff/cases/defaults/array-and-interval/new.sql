CREATE TABLE t (id int PRIMARY KEY, tags text[] DEFAULT ARRAY['a', 'b'], span interval DEFAULT '1 day 02:00');
