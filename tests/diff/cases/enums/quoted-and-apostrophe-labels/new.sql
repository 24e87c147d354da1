CREATE TYPE "Answer" AS ENUM ('Yes', 'No', 'Don''t know', '"Maybe"');
COMMENT ON TYPE "Answer" IS 'it''s an answer';
