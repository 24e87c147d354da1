CREATE TABLE "user" (id int PRIMARY KEY, "order" int NOT NULL DEFAULT 0, "select" text, "Group" text);
CREATE INDEX "user_Group_idx" ON "user" ("Group");
