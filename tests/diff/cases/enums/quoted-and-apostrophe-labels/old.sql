CREATE TYPE "Answer" AS ENUM ('Yes', 'No');
