CREATE TABLE names (n text);
