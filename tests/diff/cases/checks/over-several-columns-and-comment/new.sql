CREATE TABLE bookings (id int PRIMARY KEY, starts date, ends date, CONSTRAINT "ends after start" CHECK (ends > starts));
COMMENT ON CONSTRAINT "ends after start" ON bookings IS 'no time travel';
