CREATE TABLE posts (title text, id bigint GENERATED ALWAYS AS IDENTITY);
