CREATE SEQUENCE "New Seq";
CREATE TABLE "T" (id int PRIMARY KEY DEFAULT nextval('"New Seq"'), "Your Col" text);
