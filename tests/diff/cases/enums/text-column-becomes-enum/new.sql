CREATE TYPE user_role AS ENUM ('member', 'admin');
CREATE TABLE users (id int PRIMARY KEY, role user_role NOT NULL DEFAULT 'member');
