CREATE FUNCTION catalog.price_on(product_id integer, day date DEFAULT current_date) RETURNS numeric
    LANGUAGE sql
    STABLE
RETURN (
    SELECT pp.price
    FROM catalog.product_prices AS pp
    WHERE pp.product_id = price_on.product_id AND pp.valid @> day
);

COMMENT ON FUNCTION catalog.price_on(integer, date) IS 'What a jar costs on that day; null if it is not on offer';

CREATE FUNCTION catalog.search_products(query text) RETURNS SETOF catalog.products
    LANGUAGE sql
    STABLE
AS $$
    SELECT p.*
    FROM catalog.products AS p
    JOIN catalog.recipes AS r ON r.id = p.recipe_id
    WHERE NOT p.discontinued
      AND (p.name % query OR r.search @@ websearch_to_tsquery('english', query))
    ORDER BY similarity(p.name, query) DESC, p.name
$$;
