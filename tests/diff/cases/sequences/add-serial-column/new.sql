CREATE TABLE logs (line text, id bigserial PRIMARY KEY);
