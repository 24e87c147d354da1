CREATE SCHEMA "Sales Data";
CREATE TABLE "Sales Data"."Order" (id int PRIMARY KEY);
