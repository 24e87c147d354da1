CREATE TABLE clients (id int PRIMARY KEY, nm text);
