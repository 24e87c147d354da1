INSERT INTO "T" ("My Col") VALUES ('x');
