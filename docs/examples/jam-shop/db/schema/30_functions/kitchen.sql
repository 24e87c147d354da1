CREATE FUNCTION kitchen.shopping_list(recipe_id integer, batches integer DEFAULT 1)
    RETURNS TABLE (ingredient text, weight_kg numeric)
    LANGUAGE sql
    STABLE
BEGIN ATOMIC
    SELECT coalesce(f.name, ri.other), round(ri.weight * batches / 1000.0, 3)
    FROM catalog.recipe_ingredients AS ri
    LEFT JOIN catalog.fruits AS f ON f.id = ri.fruit_id
    WHERE ri.recipe_id = shopping_list.recipe_id
    ORDER BY ri.position;
END;

COMMENT ON FUNCTION kitchen.shopping_list(integer, integer) IS 'What to have in the kitchen before cooking begins';
