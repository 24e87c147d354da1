CREATE DOMAIN zip AS text CONSTRAINT zip_length CHECK (length(VALUE) = 5);
