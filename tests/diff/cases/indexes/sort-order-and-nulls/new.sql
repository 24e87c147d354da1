CREATE TABLE posts (id int PRIMARY KEY, at timestamptz, score int);
CREATE INDEX posts_hot ON posts (score DESC NULLS LAST, at NULLS FIRST);
