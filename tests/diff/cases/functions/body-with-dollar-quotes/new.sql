CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $outer$ BEGIN RETURN $$it's; done$$ || $function$x$function$; END $outer$;
