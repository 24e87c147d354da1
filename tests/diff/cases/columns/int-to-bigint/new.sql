CREATE TABLE hits (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
