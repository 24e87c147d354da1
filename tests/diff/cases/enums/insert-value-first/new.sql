CREATE TYPE size AS ENUM ('tiny', 'small', 'large');
CREATE TABLE shirts (id int PRIMARY KEY, size size NOT NULL DEFAULT 'small');
