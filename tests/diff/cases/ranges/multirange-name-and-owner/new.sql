CREATE TYPE time_range AS RANGE (subtype = time, multirange_type_name = many_times);
ALTER TYPE time_range OWNER TO app;
