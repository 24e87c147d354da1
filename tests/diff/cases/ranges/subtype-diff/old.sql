CREATE TYPE float_range AS RANGE (subtype = float8);
