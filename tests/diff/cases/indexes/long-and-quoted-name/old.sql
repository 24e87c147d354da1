CREATE TABLE "T 1" (id int PRIMARY KEY, "my col" int);
