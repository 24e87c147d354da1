CREATE TABLE logs (line text);
