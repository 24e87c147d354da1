CREATE TABLE bookings (id int PRIMARY KEY, starts date, ends date);
