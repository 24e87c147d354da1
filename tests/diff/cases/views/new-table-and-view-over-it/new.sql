CREATE TABLE zebra (n int);
CREATE VIEW one AS SELECT n FROM zebra;
