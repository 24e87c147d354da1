CREATE TABLE "T 1" (id int PRIMARY KEY, "my col" int);
CREATE INDEX "an index with a rather long name, up to the limit of 63 bytes!!" ON "T 1" ("my col");
