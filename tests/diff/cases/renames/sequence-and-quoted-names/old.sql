CREATE SEQUENCE "Old Seq";
CREATE TABLE "T" (id int PRIMARY KEY DEFAULT nextval('"Old Seq"'), "My Col" text);
