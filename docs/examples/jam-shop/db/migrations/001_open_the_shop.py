"""Migration: open_the_shop

Version: 001

Proof:
  - proved: forward, backward

Hazards:
  - changes-access: privileges change
  - changes-access: which rows of "sales.addresses" may be seen changes
  - changes-access: which rows of "sales.customers" may be seen changes
  - changes-access: which rows of "sales.order_items" may be seen changes
  - changes-access: which rows of "sales.orders" may be seen changes
  - changes-access: which rows of "sales.payments" may be seen changes
  - changes-access: which rows of "sales.reviews" may be seen changes

Deployment:
  - Rollback, breaks-clients: the materialized view "sales.monthly_revenue" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.monthly_revenue"
    meanwhile
  - Rollback, breaks-clients: the view "catalog.current_prices" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.current_prices"
    meanwhile
  - Rollback, breaks-clients: the view "catalog.product_ratings" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.product_ratings"
    meanwhile
  - Rollback, breaks-clients: the view "kitchen.stock_levels" goes
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.stock_levels"
    meanwhile
  - Rollback, breaks-clients: the view "sales.order_balances" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.order_balances"
    meanwhile
  - Rollback, deletes-data: the table "audit.changes_2026_01" goes, with its rows
  - Rollback, breaks-clients: the table "audit.changes_2026_01" goes
  - Rollback, access-exclusive-lock: nobody can read or write "audit.changes",
    "audit.changes_2026_01", "audit.changes_default" meanwhile
  - Rollback, deletes-data: the table "audit.changes_2026_02" goes, with its rows
  - Rollback, breaks-clients: the table "audit.changes_2026_02" goes
  - Rollback, access-exclusive-lock: nobody can read or write "audit.changes",
    "audit.changes_2026_02", "audit.changes_default" meanwhile
  - Rollback, deletes-data: the table "audit.changes_default" goes, with its rows
  - Rollback, breaks-clients: the table "audit.changes_default" goes
  - Rollback, access-exclusive-lock: nobody can read or write "audit.changes",
    "audit.changes_default" meanwhile
  - Rollback, deletes-data: the table "audit.changes" goes, with its rows
  - Rollback, breaks-clients: the table "audit.changes" goes
  - Rollback, access-exclusive-lock: nobody can read or write "audit.changes",
    "audit.changes_id_seq" meanwhile
  - Rollback, deletes-data: the table "kitchen.batches" goes, with its rows
  - Rollback, breaks-clients: the table "kitchen.batches" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.products",
    "kitchen.batches", "kitchen.batches_id_seq" and 1 more meanwhile
  - Rollback, deletes-data: the table "kitchen.kettles" goes, with its rows
  - Rollback, breaks-clients: the table "kitchen.kettles" goes
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.kettles",
    "kitchen.kettles_id_seq" meanwhile
  - Rollback, deletes-data: the table "kitchen.purchase_order_lines" goes, with its rows
  - Rollback, breaks-clients: the table "kitchen.purchase_order_lines" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.fruits",
    "kitchen.purchase_order_lines", "kitchen.purchase_orders" meanwhile
  - Rollback, deletes-data: the table "kitchen.purchase_orders" goes, with its rows
  - Rollback, breaks-clients: the table "kitchen.purchase_orders" goes
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.purchase_orders",
    "kitchen.purchase_orders_id_seq", "kitchen.suppliers" meanwhile
  - Rollback, deletes-data: the table "kitchen.suppliers" goes, with its rows
  - Rollback, breaks-clients: the table "kitchen.suppliers" goes
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.suppliers",
    "kitchen.suppliers_id_seq" meanwhile
  - Rollback, deletes-data: the table "sales.order_items" goes, with its rows
  - Rollback, breaks-clients: the table "sales.order_items" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.products",
    "sales.order_items", "sales.orders" meanwhile
  - Rollback, deletes-data: the table "sales.payments" goes, with its rows
  - Rollback, breaks-clients: the table "sales.payments" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.orders",
    "sales.payments", "sales.payments_id_seq" meanwhile
  - Rollback, deletes-data: the table "sales.orders" goes, with its rows
  - Rollback, breaks-clients: the table "sales.orders" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.addresses",
    "sales.customers", "sales.orders" and 1 more meanwhile
  - Rollback, deletes-data: the table "sales.addresses" goes, with its rows
  - Rollback, breaks-clients: the table "sales.addresses" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.addresses",
    "sales.addresses_id_seq", "sales.customers" meanwhile
  - Rollback, deletes-data: the table "sales.reviews" goes, with its rows
  - Rollback, breaks-clients: the table "sales.reviews" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.products",
    "sales.customers", "sales.reviews" meanwhile
  - Rollback, deletes-data: the table "sales.customers" goes, with its rows
  - Rollback, breaks-clients: the table "sales.customers" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.customers",
    "sales.customers_id_seq" meanwhile
  - Rollback, breaks-clients: the function "ensure_partition" goes
  - Rollback, breaks-clients: the function "price_on" goes
  - Rollback, deletes-data: the table "catalog.product_prices" goes, with its rows
  - Rollback, breaks-clients: the table "catalog.product_prices" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.product_prices",
    "catalog.products" meanwhile
  - Rollback, breaks-clients: the function "record_change" goes
  - Rollback, breaks-clients: the function "search_products" goes
  - Rollback, deletes-data: the table "catalog.products" goes, with its rows
  - Rollback, breaks-clients: the table "catalog.products" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.products",
    "catalog.products_id_seq", "catalog.recipes" meanwhile
  - Rollback, breaks-clients: the function "shopping_list" goes
  - Rollback, deletes-data: the table "catalog.recipe_ingredients" goes, with its rows
  - Rollback, breaks-clients: the table "catalog.recipe_ingredients" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.fruits",
    "catalog.recipe_ingredients", "catalog.recipes" meanwhile
  - Rollback, deletes-data: the table "catalog.fruits" goes, with its rows
  - Rollback, breaks-clients: the table "catalog.fruits" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.fruits",
    "catalog.fruits_id_seq" meanwhile
  - Rollback, deletes-data: the table "catalog.recipes" goes, with its rows
  - Rollback, breaks-clients: the table "catalog.recipes" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.recipes",
    "catalog.recipes_id_seq" meanwhile
  - Rollback, breaks-clients: the function "touch_updated_at" goes
  - Rollback, breaks-clients: the function "current_customer_id" goes
  - Rollback, breaks-clients: the function "place_order" goes
  - Rollback, breaks-clients: the type "price" goes
  - Rollback, breaks-clients: the type "slug" goes
  - Rollback, breaks-clients: the type "grams" goes
  - Rollback, breaks-clients: the type "country_code" goes
  - Rollback, breaks-clients: the type "email" goes
  - Rollback, breaks-clients: the type "nutrition" goes
  - Rollback, breaks-clients: the type "celsius_range" goes
  - Rollback, breaks-clients: the type "texture" goes
  - Rollback, breaks-clients: the type "batch_status" goes
  - Rollback, breaks-clients: the type "order_status" goes
  - Rollback, breaks-clients: the type "payment_method" goes
  - Rollback, breaks-clients: the extension "btree_gist" goes
  - Rollback, breaks-clients: the extension "citext" goes
  - Rollback, breaks-clients: the extension "pg_trgm" goes
  - Rollback, breaks-clients: the schema "audit" goes
  - Rollback, breaks-clients: the schema "catalog" goes
  - Rollback, breaks-clients: the schema "kitchen" goes
  - Rollback, breaks-clients: the schema "sales" goes
"""

from confiture.models.migration import Migration


class OpenTheShop(Migration):
    """Migration: open_the_shop."""

    version = "001"
    name = "open_the_shop"

    def up(self) -> None:
        """Apply migration."""
        self.execute("CREATE SCHEMA audit")
        self.execute("COMMENT ON SCHEMA audit IS 'A log of changes to what matters'")
        self.execute("CREATE SCHEMA catalog")
        self.execute("""
            COMMENT ON SCHEMA catalog IS 'Fruits, recipes, and the jars that are on offer'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA catalog TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA catalog TO jam_readonly")
        self.execute("CREATE SCHEMA kitchen")
        self.execute("""
            COMMENT ON SCHEMA kitchen IS 'Suppliers, purchases, and the batches that are cooked'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA kitchen TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA kitchen TO jam_readonly")
        self.execute("CREATE SCHEMA sales")
        self.execute("""
            COMMENT ON SCHEMA sales IS 'Customers, their orders, and everything that follows from one'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA sales TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT USAGE ON SCHEMA sales TO jam_readonly")
        self.execute("CREATE EXTENSION btree_gist WITH SCHEMA public")
        self.execute("CREATE EXTENSION citext WITH SCHEMA public")
        self.execute("CREATE EXTENSION pg_trgm WITH SCHEMA public")
        self.execute("""
            CREATE TYPE catalog.texture AS ENUM ('jelly', 'smooth', 'chunky', 'whole_fruit')
        """)
        self.execute("""
            CREATE TYPE kitchen.batch_status AS ENUM ('planned', 'cooking', 'cooling', 'released', 'discarded')
        """)
        self.execute("""
            CREATE TYPE sales.order_status AS ENUM ('cart', 'placed', 'paid', 'shipped', 'delivered', 'cancelled')
        """)
        self.execute("""
            CREATE TYPE sales.payment_method AS ENUM ('card', 'transfer', 'invoice')
        """)
        self.execute("""
            CREATE TYPE catalog.nutrition AS (energy_kj integer, sugar_g numeric(4,1), fibre_g numeric(4,1))
        """)
        self.execute("""
            COMMENT ON TYPE catalog.nutrition IS 'Nutrition facts for 100 g, as the label states them'
        """)
        self.execute("""
            CREATE TYPE kitchen.celsius_range AS RANGE (subtype = double precision, subtype_opclass = pg_catalog.float8_ops, subtype_diff = pg_catalog.float8mi, multirange_type_name = kitchen.celsius_multirange)
        """)
        self.execute("""
            CREATE DOMAIN catalog.price AS numeric(8,2) CONSTRAINT price_is_positive CHECK ((VALUE > (0)::numeric))
        """)
        self.execute("""
            CREATE DOMAIN catalog.slug AS text CONSTRAINT slug_is_kebab_case CHECK ((VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text))
        """)
        self.execute("""
            COMMENT ON DOMAIN catalog.slug IS 'A name as it stands in an address of the web shop'
        """)
        self.execute("""
            CREATE DOMAIN kitchen.grams AS integer CONSTRAINT grams_are_positive CHECK ((VALUE > 0))
        """)
        self.execute("""
            CREATE DOMAIN sales.country_code AS character(2) CONSTRAINT country_code_is_iso_3166 CHECK ((VALUE ~ '^[A-Z]{2}$'::text))
        """)
        self.execute("""
            CREATE DOMAIN sales.email AS public.citext CONSTRAINT email_has_one_at CHECK ((VALUE OPERATOR(public.~) '^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$'::public.citext))
        """)
        self.execute("""
CREATE FUNCTION audit.ensure_partition(month date)
 RETURNS regclass
 LANGUAGE plpgsql
AS $function$
DECLARE
    first_day date := date_trunc('month', month);
    partition text := format('changes_%s', to_char(first_day, 'YYYY_MM'));
BEGIN
    IF to_regclass(format('audit.%I', partition)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE audit.%I PARTITION OF audit.changes FOR VALUES FROM (%L) TO (%L)',
            partition,
            first_day::timestamp AT TIME ZONE 'UTC',
            (first_day + interval '1 month') AT TIME ZONE 'UTC'
        );
    END IF;
    RETURN format('audit.%I', partition)::regclass;
END;
$function$
""")
        self.execute("""
            COMMENT ON FUNCTION audit.ensure_partition(date) IS 'Makes the partition of that month if it is not there yet'
        """)
        # Hazard changes-access: privileges change
        self.execute("""
            REVOKE EXECUTE ON FUNCTION audit.ensure_partition(date) FROM PUBLIC
        """)
        self.execute("""
CREATE FUNCTION audit.record_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO audit.changes (changed_by, relation, operation, old_row, new_row)
    VALUES (
        session_user,
        TG_RELID,
        TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
        CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END
    );
    RETURN NULL;  -- an AFTER trigger's value is ignored
END;
$function$
""")
        self.execute("""
            COMMENT ON FUNCTION audit.record_change() IS 'Writes the change of a row to audit.changes: for AFTER ROW triggers'
        """)
        self.execute("""
CREATE FUNCTION public.touch_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$function$
""")
        self.execute("""
            CREATE FUNCTION sales.current_customer_id()
             RETURNS bigint
             LANGUAGE sql
             STABLE PARALLEL SAFE
            RETURN (NULLIF(current_setting('jam.customer_id'::text, true), ''::text))::bigint
        """)
        self.execute("""
CREATE FUNCTION sales.place_order(customer_id bigint, address_id bigint, jars jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
DECLARE
    new_order_id bigint;
    missing text;
BEGIN
    SELECT string_agg(sku, ', ' ORDER BY sku)
    INTO missing
    FROM jsonb_object_keys(jars) AS wanted (sku)
    WHERE NOT EXISTS (SELECT FROM catalog.current_prices AS cp WHERE cp.sku = wanted.sku);

    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'not on offer: %', missing USING ERRCODE = 'check_violation';
    END IF;

    INSERT INTO sales.orders (customer_id, address_id, status, placed_at)
    VALUES (place_order.customer_id, place_order.address_id, 'placed', now())
    RETURNING id INTO new_order_id;

    INSERT INTO sales.order_items (order_id, product_id, quantity, unit_price)
    SELECT new_order_id, cp.product_id, wanted.quantity::integer, cp.price
    FROM jsonb_each_text(jars) AS wanted (sku, quantity)
    JOIN catalog.current_prices AS cp ON cp.sku = wanted.sku;

    RETURN new_order_id;
END;
$function$
""")
        self.execute("""
            COMMENT ON FUNCTION sales.place_order(bigint, bigint, jsonb) IS 'Places an order at today''s prices; jars maps SKUs to quantities, such as {"STR-250": 2}'
        """)
        # Hazard changes-access: privileges change
        self.execute("""
            REVOKE EXECUTE ON FUNCTION sales.place_order(bigint, bigint, jsonb) FROM PUBLIC
        """)
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT EXECUTE ON FUNCTION sales.place_order(bigint, bigint, jsonb) TO jam_app
        """)
        self.execute("""
            CREATE TABLE audit.changes (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                changed_at timestamp with time zone NOT NULL DEFAULT now(),
                changed_by text NOT NULL DEFAULT CURRENT_USER,
                relation regclass NOT NULL,
                operation text NOT NULL,
                old_row jsonb,
                new_row jsonb,
                CONSTRAINT changes_operation_is_known CHECK ((operation = ANY (ARRAY['INSERT'::text, 'UPDATE'::text, 'DELETE'::text]))),
                CONSTRAINT changes_pkey PRIMARY KEY (changed_at, id)
            ) PARTITION BY RANGE (changed_at)
        """)
        self.execute("""
            COMMENT ON TABLE audit.changes IS 'Every change to the audited tables, written by the trigger audit.record_change()'
        """)
        self.execute("""
            CREATE TABLE audit.changes_2026_01 PARTITION OF audit.changes FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')
        """)
        self.execute("""
            CREATE TABLE audit.changes_2026_02 PARTITION OF audit.changes FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00')
        """)
        self.execute("""
            CREATE TABLE audit.changes_default PARTITION OF audit.changes DEFAULT
        """)
        self.execute("""
            CREATE TABLE catalog.fruits (
                id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
                slug catalog.slug NOT NULL,
                name text NOT NULL,
                pectin numeric(3,2) NOT NULL,
                season int4range NOT NULL,
                CONSTRAINT fruits_pectin_is_percent CHECK (((pectin >= (0)::numeric) AND (pectin <= (5)::numeric))),
                CONSTRAINT fruits_pkey PRIMARY KEY (id),
                CONSTRAINT fruits_season_is_months CHECK (((season <@ int4range(1, 12, '[]'::text)) AND (NOT isempty(season)))),
                CONSTRAINT fruits_slug_key UNIQUE (slug)
            )
        """)
        self.execute("COMMENT ON TABLE catalog.fruits IS 'What a jam is made of'")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.fruits TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.fruits TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN catalog.fruits.pectin IS 'Pectin in per cent of the weight: below 0.5 a recipe needs some added'
        """)
        self.execute("""
            COMMENT ON COLUMN catalog.fruits.season IS 'Months of the harvest, 1 to 12'
        """)
        self.execute("""
            CREATE TABLE catalog.product_prices (
                product_id integer NOT NULL,
                valid daterange NOT NULL,
                price catalog.price NOT NULL,
                CONSTRAINT product_prices_do_not_overlap EXCLUDE USING gist (product_id WITH =, valid WITH &&),
                CONSTRAINT product_prices_pkey PRIMARY KEY (product_id, valid),
                CONSTRAINT product_prices_valid_is_not_empty CHECK ((NOT isempty(valid)))
            )
        """)
        self.execute("""
            COMMENT ON TABLE catalog.product_prices IS 'What a jar costs in euros, and when: at most one price on any day'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.product_prices TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.product_prices TO jam_readonly")
        self.execute("""
            CREATE FUNCTION catalog.price_on(product_id integer, day date DEFAULT CURRENT_DATE)
             RETURNS numeric
             LANGUAGE sql
             STABLE
            RETURN (SELECT pp.price FROM catalog.product_prices pp WHERE ((pp.product_id = price_on.product_id) AND (pp.valid @> price_on.day)))
        """)
        self.execute("""
            COMMENT ON FUNCTION catalog.price_on(integer, date) IS 'What a jar costs on that day; null if it is not on offer'
        """)
        self.execute("""
            CREATE TABLE catalog.products (
                id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
                sku text NOT NULL,
                recipe_id integer NOT NULL,
                name text NOT NULL,
                net_weight kitchen.grams NOT NULL,
                ean character(13),
                tags text[] NOT NULL DEFAULT '{}'::text[],
                discontinued boolean NOT NULL DEFAULT false,
                created_at timestamp with time zone NOT NULL DEFAULT now(),
                updated_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT products_ean_format CHECK ((ean ~ '^[0-9]{13}$'::text)),
                CONSTRAINT products_pkey PRIMARY KEY (id),
                CONSTRAINT products_sku_format CHECK ((sku ~ '^[A-Z]{3}-[0-9]{3}$'::text)),
                CONSTRAINT products_sku_key UNIQUE (sku)
            )
        """)
        self.execute("""
            COMMENT ON TABLE catalog.products IS 'A jar of one size, filled by one recipe'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.products TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.products TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN catalog.products.net_weight IS 'Grams of jam in the jar'
        """)
        self.execute("""
CREATE FUNCTION catalog.search_products(query text)
 RETURNS SETOF catalog.products
 LANGUAGE sql
 STABLE
AS $function$
    SELECT p.*
    FROM catalog.products AS p
    JOIN catalog.recipes AS r ON r.id = p.recipe_id
    WHERE NOT p.discontinued
      AND (p.name % query OR r.search @@ websearch_to_tsquery('english', query))
    ORDER BY similarity(p.name, query) DESC, p.name
$function$
""")
        self.execute("""
            CREATE TABLE catalog.recipe_ingredients (
                recipe_id integer NOT NULL,
                "position" smallint NOT NULL,
                fruit_id integer,
                other text,
                weight kitchen.grams NOT NULL,
                CONSTRAINT recipe_ingredients_is_one_thing CHECK ((num_nonnulls(fruit_id, other) = 1)),
                CONSTRAINT recipe_ingredients_pkey PRIMARY KEY (recipe_id, "position")
            )
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.recipe_ingredients TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.recipe_ingredients TO jam_readonly")
        self.execute("""
            CREATE FUNCTION kitchen.shopping_list(recipe_id integer, batches integer DEFAULT 1)
             RETURNS TABLE(ingredient text, weight_kg numeric)
             LANGUAGE sql
             STABLE
            BEGIN ATOMIC
             SELECT COALESCE(f.name, ri.other) AS "coalesce",
                 round(((((ri.weight)::integer * shopping_list.batches))::numeric / 1000.0), 3) AS round
                FROM (catalog.recipe_ingredients ri
                  LEFT JOIN catalog.fruits f ON ((f.id = ri.fruit_id)))
               WHERE (ri.recipe_id = shopping_list.recipe_id)
               ORDER BY ri."position";
            END
        """)
        self.execute("""
            COMMENT ON FUNCTION kitchen.shopping_list(integer, integer) IS 'What to have in the kitchen before cooking begins'
        """)
        self.execute("""
            CREATE TABLE catalog.recipes (
                id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
                slug catalog.slug NOT NULL,
                title text NOT NULL,
                texture catalog.texture NOT NULL,
                sets_at kitchen.celsius_range NOT NULL DEFAULT '[104,105.5]'::kitchen.celsius_range,
                yield_grams kitchen.grams NOT NULL,
                nutrition catalog.nutrition,
                instructions text NOT NULL,
                search tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('english'::regconfig, title), 'A'::"char") || setweight(to_tsvector('english'::regconfig, instructions), 'B'::"char"))) STORED NOT NULL,
                created_at timestamp with time zone NOT NULL DEFAULT now(),
                updated_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT recipes_pkey PRIMARY KEY (id),
                CONSTRAINT recipes_slug_key UNIQUE (slug)
            )
        """)
        self.execute("COMMENT ON TABLE catalog.recipes IS 'How a jam is made'")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.recipes TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.recipes TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN catalog.recipes.sets_at IS 'Temperatures in degrees Celsius at which the jam sets'
        """)
        self.execute("""
            COMMENT ON COLUMN catalog.recipes.yield_grams IS 'What one batch of the recipe weighs in the end'
        """)
        self.execute("""
            CREATE TABLE kitchen.batches (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                product_id integer NOT NULL,
                kettle_id smallint NOT NULL,
                occupies tstzrange NOT NULL,
                status kitchen.batch_status NOT NULL DEFAULT 'planned'::kitchen.batch_status,
                jars integer NOT NULL,
                CONSTRAINT batches_have_a_kettle_each EXCLUDE USING gist (kettle_id WITH =, occupies WITH &&) WHERE ((status <> 'discarded'::kitchen.batch_status)),
                CONSTRAINT batches_jars_are_positive CHECK ((jars > 0)),
                CONSTRAINT batches_occupies_is_bounded CHECK (((NOT isempty(occupies)) AND (NOT lower_inf(occupies)) AND (NOT upper_inf(occupies)))),
                CONSTRAINT batches_pkey PRIMARY KEY (id)
            )
        """)
        self.execute("COMMENT ON TABLE kitchen.batches IS 'One cooking of one product'")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.batches TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.batches TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN kitchen.batches.occupies IS 'From when to when the kettle is taken, cleaning included'
        """)
        self.execute("""
            CREATE TABLE kitchen.kettles (
                id smallint GENERATED ALWAYS AS IDENTITY NOT NULL,
                name text NOT NULL,
                capacity kitchen.grams NOT NULL,
                CONSTRAINT kettles_name_key UNIQUE (name),
                CONSTRAINT kettles_pkey PRIMARY KEY (id)
            )
        """)
        self.execute("""
            COMMENT ON TABLE kitchen.kettles IS 'The copper kettles, by the names that the cooks gave them'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.kettles TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.kettles TO jam_readonly")
        self.execute("""
            CREATE TABLE kitchen.purchase_order_lines (
                purchase_order_id bigint NOT NULL,
                line smallint NOT NULL,
                fruit_id integer NOT NULL,
                weight kitchen.grams NOT NULL,
                price_per_kg catalog.price NOT NULL,
                amount numeric(12,2) GENERATED ALWAYS AS (round((((weight)::numeric * (price_per_kg)::numeric) / (1000)::numeric), 2)) STORED NOT NULL,
                CONSTRAINT purchase_order_lines_pkey PRIMARY KEY (purchase_order_id, line)
            )
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.purchase_order_lines TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT SELECT ON TABLE kitchen.purchase_order_lines TO jam_readonly
        """)
        self.execute("""
            CREATE TABLE kitchen.purchase_orders (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                supplier_id integer NOT NULL,
                ordered_on date NOT NULL DEFAULT CURRENT_DATE,
                received_on date,
                note text,
                CONSTRAINT purchase_orders_pkey PRIMARY KEY (id),
                CONSTRAINT purchase_orders_received_after_ordered CHECK ((received_on >= ordered_on))
            )
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.purchase_orders TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.purchase_orders TO jam_readonly")
        self.execute("""
            CREATE TABLE kitchen.suppliers (
                id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
                name text NOT NULL,
                email sales.email NOT NULL,
                country sales.country_code NOT NULL,
                organic boolean NOT NULL DEFAULT false,
                created_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT suppliers_name_key UNIQUE (name),
                CONSTRAINT suppliers_pkey PRIMARY KEY (id)
            )
        """)
        self.execute("""
            COMMENT ON TABLE kitchen.suppliers IS 'Farms and wholesalers that we buy from'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.suppliers TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.suppliers TO jam_readonly")
        self.execute("""
            CREATE TABLE sales.addresses (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                customer_id bigint NOT NULL,
                street text NOT NULL,
                postal_code text NOT NULL,
                city text NOT NULL,
                country sales.country_code NOT NULL DEFAULT 'FR'::bpchar,
                is_default boolean NOT NULL DEFAULT false,
                CONSTRAINT addresses_customer_id_id_key UNIQUE (customer_id, id),
                CONSTRAINT addresses_pkey PRIMARY KEY (id)
            )
        """)
        # Hazard changes-access: which rows of "sales.addresses" may be seen changes
        self.execute("ALTER TABLE sales.addresses ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE sales.addresses TO jam_app
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT (id) ON TABLE sales.addresses TO jam_readonly")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT SELECT (customer_id) ON TABLE sales.addresses TO jam_readonly
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT (country) ON TABLE sales.addresses TO jam_readonly")
        self.execute("""
            CREATE TABLE sales.customers (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                email sales.email NOT NULL,
                name text NOT NULL,
                newsletter boolean NOT NULL DEFAULT false,
                created_at timestamp with time zone NOT NULL DEFAULT now(),
                updated_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT customers_email_key UNIQUE (email),
                CONSTRAINT customers_name_is_not_blank CHECK ((btrim(name) <> ''::text)),
                CONSTRAINT customers_pkey PRIMARY KEY (id)
            )
        """)
        # Hazard changes-access: which rows of "sales.customers" may be seen changes
        self.execute("ALTER TABLE sales.customers ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("GRANT INSERT, SELECT, UPDATE ON TABLE sales.customers TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT (id) ON TABLE sales.customers TO jam_readonly")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT SELECT (newsletter) ON TABLE sales.customers TO jam_readonly
        """)
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT SELECT (created_at) ON TABLE sales.customers TO jam_readonly
        """)
        self.execute("""
            CREATE TABLE sales.order_items (
                order_id bigint NOT NULL,
                product_id integer NOT NULL,
                quantity integer NOT NULL,
                unit_price catalog.price NOT NULL,
                amount numeric(12,2) GENERATED ALWAYS AS (((quantity)::numeric * (unit_price)::numeric)) STORED NOT NULL,
                CONSTRAINT order_items_pkey PRIMARY KEY (order_id, product_id)
            )
        """)
        # Hazard changes-access: which rows of "sales.order_items" may be seen changes
        self.execute("ALTER TABLE sales.order_items ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE sales.order_items TO jam_app
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.order_items TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN sales.order_items.unit_price IS 'The price on the day of the order: a later price does not change it'
        """)
        self.execute("""
            CREATE TABLE sales.orders (
                id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) NOT NULL,
                number text GENERATED ALWAYS AS (('JAM-'::text || (id)::text)) STORED NOT NULL,
                customer_id bigint NOT NULL,
                address_id bigint NOT NULL,
                status sales.order_status NOT NULL DEFAULT 'cart'::sales.order_status,
                placed_at timestamp with time zone,
                gift_note text,
                created_at timestamp with time zone NOT NULL DEFAULT now(),
                updated_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT orders_number_key UNIQUE (number),
                CONSTRAINT orders_pkey PRIMARY KEY (id),
                CONSTRAINT orders_placed_at_when_placed CHECK (((status = ANY (ARRAY['cart'::sales.order_status, 'cancelled'::sales.order_status])) OR (placed_at IS NOT NULL)))
            )
        """)
        # Hazard changes-access: which rows of "sales.orders" may be seen changes
        self.execute("ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("GRANT INSERT, SELECT, UPDATE ON TABLE sales.orders TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.orders TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN sales.orders.number IS 'What customers quote on the telephone'
        """)
        self.execute("""
            CREATE TABLE sales.payments (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                order_id bigint NOT NULL,
                method sales.payment_method NOT NULL,
                amount numeric(12,2) NOT NULL,
                reference text NOT NULL,
                received_at timestamp with time zone NOT NULL DEFAULT now(),
                details jsonb NOT NULL DEFAULT '{}'::jsonb,
                CONSTRAINT payments_amount_is_not_zero CHECK ((amount <> (0)::numeric)),
                CONSTRAINT payments_details_is_an_object CHECK ((jsonb_typeof(details) = 'object'::text)),
                CONSTRAINT payments_method_reference_key UNIQUE (method, reference),
                CONSTRAINT payments_pkey PRIMARY KEY (id)
            )
        """)
        # Hazard changes-access: which rows of "sales.payments" may be seen changes
        self.execute("ALTER TABLE sales.payments ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("GRANT INSERT, SELECT ON TABLE sales.payments TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.payments TO jam_readonly")
        self.execute("""
            COMMENT ON COLUMN sales.payments.amount IS 'Euros; below zero for a refund'
        """)
        self.execute("""
            CREATE TABLE sales.reviews (
                customer_id bigint NOT NULL,
                product_id integer NOT NULL,
                rating smallint NOT NULL,
                body text,
                published boolean NOT NULL DEFAULT false,
                written_at timestamp with time zone NOT NULL DEFAULT now(),
                CONSTRAINT reviews_pkey PRIMARY KEY (customer_id, product_id),
                CONSTRAINT reviews_rating_is_one_to_five CHECK (((rating >= 1) AND (rating <= 5)))
            )
        """)
        # Hazard changes-access: which rows of "sales.reviews" may be seen changes
        self.execute("ALTER TABLE sales.reviews ENABLE ROW LEVEL SECURITY")
        # Hazard changes-access: privileges change
        self.execute("""
            GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE sales.reviews TO jam_app
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.reviews TO jam_readonly")
        self.execute("""
            CREATE INDEX changes_relation_idx ON ONLY audit.changes USING btree (relation, changed_at DESC)
        """)
        self.execute("""
            CREATE INDEX changes_2026_01_relation_changed_at_idx ON audit.changes_2026_01 USING btree (relation, changed_at DESC)
        """)
        self.execute("""
            ALTER INDEX audit.changes_relation_idx ATTACH PARTITION audit.changes_2026_01_relation_changed_at_idx
        """)
        self.execute("""
            CREATE INDEX changes_2026_02_relation_changed_at_idx ON audit.changes_2026_02 USING btree (relation, changed_at DESC)
        """)
        self.execute("""
            ALTER INDEX audit.changes_relation_idx ATTACH PARTITION audit.changes_2026_02_relation_changed_at_idx
        """)
        self.execute("""
            CREATE INDEX changes_default_relation_changed_at_idx ON audit.changes_default USING btree (relation, changed_at DESC)
        """)
        self.execute("""
            ALTER INDEX audit.changes_relation_idx ATTACH PARTITION audit.changes_default_relation_changed_at_idx
        """)
        self.execute("""
            CREATE UNIQUE INDEX products_name_on_offer_key ON catalog.products USING btree (lower(name), net_weight) WHERE (NOT discontinued)
        """)
        self.execute("""
            CREATE INDEX products_name_trgm_idx ON catalog.products USING gin (name public.gin_trgm_ops)
        """)
        self.execute("""
            CREATE INDEX products_recipe_id_idx ON catalog.products USING btree (recipe_id)
        """)
        self.execute("""
            CREATE INDEX products_tags_idx ON catalog.products USING gin (tags)
        """)
        self.execute("""
            CREATE INDEX recipe_ingredients_fruit_id_idx ON catalog.recipe_ingredients USING btree (fruit_id) WHERE (fruit_id IS NOT NULL)
        """)
        self.execute("""
            CREATE INDEX recipes_search_idx ON catalog.recipes USING gin (search)
        """)
        self.execute("""
            CREATE INDEX batches_product_id_idx ON kitchen.batches USING btree (product_id) WHERE (status = 'released'::kitchen.batch_status)
        """)
        self.execute("""
            CREATE INDEX purchase_order_lines_fruit_id_idx ON kitchen.purchase_order_lines USING btree (fruit_id)
        """)
        self.execute("""
            CREATE INDEX purchase_orders_open_idx ON kitchen.purchase_orders USING btree (ordered_on) WHERE (received_on IS NULL)
        """)
        self.execute("""
            CREATE INDEX purchase_orders_supplier_id_idx ON kitchen.purchase_orders USING btree (supplier_id, ordered_on DESC)
        """)
        self.execute("""
            CREATE UNIQUE INDEX addresses_one_default_key ON sales.addresses USING btree (customer_id) WHERE is_default
        """)
        self.execute("""
            CREATE INDEX order_items_product_id_idx ON sales.order_items USING btree (product_id)
        """)
        self.execute("""
            CREATE INDEX orders_customer_id_idx ON sales.orders USING btree (customer_id, address_id)
        """)
        self.execute("""
            CREATE INDEX payments_order_id_idx ON sales.payments USING btree (order_id)
        """)
        self.execute("""
            CREATE INDEX reviews_product_id_idx ON sales.reviews USING btree (product_id) INCLUDE (rating) WHERE published
        """)
        self.execute("""
            ALTER TABLE catalog.product_prices ADD CONSTRAINT product_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES catalog.products(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE catalog.products ADD CONSTRAINT products_recipe_id_fkey FOREIGN KEY (recipe_id) REFERENCES catalog.recipes(id)
        """)
        self.execute("""
            ALTER TABLE catalog.recipe_ingredients ADD CONSTRAINT recipe_ingredients_fruit_id_fkey FOREIGN KEY (fruit_id) REFERENCES catalog.fruits(id)
        """)
        self.execute("""
            ALTER TABLE catalog.recipe_ingredients ADD CONSTRAINT recipe_ingredients_recipe_id_fkey FOREIGN KEY (recipe_id) REFERENCES catalog.recipes(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE kitchen.batches ADD CONSTRAINT batches_kettle_id_fkey FOREIGN KEY (kettle_id) REFERENCES kitchen.kettles(id)
        """)
        self.execute("""
            ALTER TABLE kitchen.batches ADD CONSTRAINT batches_product_id_fkey FOREIGN KEY (product_id) REFERENCES catalog.products(id)
        """)
        self.execute("""
            ALTER TABLE kitchen.purchase_order_lines ADD CONSTRAINT purchase_order_lines_fruit_id_fkey FOREIGN KEY (fruit_id) REFERENCES catalog.fruits(id)
        """)
        self.execute("""
            ALTER TABLE kitchen.purchase_order_lines ADD CONSTRAINT purchase_order_lines_purchase_order_id_fkey FOREIGN KEY (purchase_order_id) REFERENCES kitchen.purchase_orders(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE kitchen.purchase_orders ADD CONSTRAINT purchase_orders_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES kitchen.suppliers(id)
        """)
        self.execute("""
            ALTER TABLE sales.addresses ADD CONSTRAINT addresses_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES sales.customers(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE sales.order_items ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES sales.orders(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE sales.order_items ADD CONSTRAINT order_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES catalog.products(id)
        """)
        self.execute("""
            ALTER TABLE sales.orders ADD CONSTRAINT orders_customer_id_address_id_fkey FOREIGN KEY (customer_id, address_id) REFERENCES sales.addresses(customer_id, id)
        """)
        self.execute("""
            ALTER TABLE sales.orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES sales.customers(id)
        """)
        self.execute("""
            ALTER TABLE sales.payments ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES sales.orders(id)
        """)
        self.execute("""
            ALTER TABLE sales.reviews ADD CONSTRAINT reviews_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES sales.customers(id) ON DELETE CASCADE
        """)
        self.execute("""
            ALTER TABLE sales.reviews ADD CONSTRAINT reviews_product_id_fkey FOREIGN KEY (product_id) REFERENCES catalog.products(id) ON DELETE CASCADE
        """)
        self.execute("""
            CREATE VIEW catalog.current_prices AS
             SELECT p.id AS product_id,
                p.sku,
                p.name,
                p.net_weight,
                pp.price,
                round((((pp.price)::numeric * (1000)::numeric) / (p.net_weight)::numeric), 2) AS price_per_kg
               FROM (catalog.products p
                 JOIN catalog.product_prices pp ON (((pp.product_id = p.id) AND (pp.valid @> CURRENT_DATE))))
              WHERE (NOT p.discontinued)
        """)
        self.execute("""
            COMMENT ON VIEW catalog.current_prices IS 'What is on offer today, with the price per kilogram that the law asks for'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.current_prices TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.current_prices TO jam_readonly")
        self.execute("""
            CREATE VIEW catalog.product_ratings AS
             SELECT product_id,
                count(*) AS reviews,
                round(avg(rating), 1) AS stars
               FROM sales.reviews
              WHERE published
              GROUP BY product_id
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.product_ratings TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE catalog.product_ratings TO jam_readonly")
        self.execute("""
            CREATE VIEW kitchen.stock_levels AS
             WITH cooked AS (
                     SELECT batches.product_id,
                        sum(batches.jars) AS jars
                       FROM kitchen.batches
                      WHERE (batches.status = 'released'::kitchen.batch_status)
                      GROUP BY batches.product_id
                    ), promised AS (
                     SELECT oi.product_id,
                        sum(oi.quantity) AS jars
                       FROM (sales.order_items oi
                         JOIN sales.orders o ON ((o.id = oi.order_id)))
                      WHERE (o.status = ANY (ARRAY['placed'::sales.order_status, 'paid'::sales.order_status, 'shipped'::sales.order_status, 'delivered'::sales.order_status]))
                      GROUP BY oi.product_id
                    )
             SELECT p.id AS product_id,
                p.sku,
                COALESCE(c.jars, (0)::bigint) AS cooked,
                COALESCE(s.jars, (0)::bigint) AS promised,
                (COALESCE(c.jars, (0)::bigint) - COALESCE(s.jars, (0)::bigint)) AS available
               FROM ((catalog.products p
                 LEFT JOIN cooked c ON ((c.product_id = p.id)))
                 LEFT JOIN promised s ON ((s.product_id = p.id)))
        """)
        self.execute("""
            COMMENT ON VIEW kitchen.stock_levels IS 'Jars that were cooked, that are promised to customers, and that are left'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.stock_levels TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE kitchen.stock_levels TO jam_readonly")
        self.execute("""
            CREATE VIEW sales.order_balances WITH (security_invoker='true') AS
             SELECT o.id AS order_id,
                o.number,
                o.customer_id,
                o.status,
                COALESCE(items.total, (0)::numeric) AS total,
                COALESCE(payments.paid, (0)::numeric) AS paid,
                (COALESCE(items.total, (0)::numeric) - COALESCE(payments.paid, (0)::numeric)) AS due
               FROM ((sales.orders o
                 LEFT JOIN LATERAL ( SELECT sum(oi.amount) AS total
                       FROM sales.order_items oi
                      WHERE (oi.order_id = o.id)) items ON (true))
                 LEFT JOIN LATERAL ( SELECT sum(p.amount) AS paid
                       FROM sales.payments p
                      WHERE (p.order_id = o.id)) payments ON (true))
        """)
        self.execute("""
            COMMENT ON VIEW sales.order_balances IS 'What each order costs, what was paid, and what is due'
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.order_balances TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.order_balances TO jam_readonly")
        self.execute("""
            CREATE MATERIALIZED VIEW sales.monthly_revenue AS
             SELECT (date_trunc('month'::text, (o.placed_at AT TIME ZONE 'Europe/Paris'::text)))::date AS month,
                oi.product_id,
                sum(oi.quantity) AS jars,
                sum(oi.amount) AS revenue
               FROM (sales.orders o
                 JOIN sales.order_items oi ON ((oi.order_id = o.id)))
              WHERE (o.status = ANY (ARRAY['paid'::sales.order_status, 'shipped'::sales.order_status, 'delivered'::sales.order_status]))
              GROUP BY ((date_trunc('month'::text, (o.placed_at AT TIME ZONE 'Europe/Paris'::text)))::date), oi.product_id
            WITH DATA
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.monthly_revenue TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.monthly_revenue TO jam_readonly")
        self.execute("""
            CREATE UNIQUE INDEX monthly_revenue_key ON sales.monthly_revenue USING btree (month, product_id)
        """)
        self.execute("""
            CREATE TRIGGER audit_product_prices AFTER INSERT OR DELETE OR UPDATE ON catalog.product_prices FOR EACH ROW EXECUTE FUNCTION audit.record_change()
        """)
        self.execute("""
            CREATE TRIGGER touch_updated_at BEFORE UPDATE ON catalog.products FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()
        """)
        self.execute("""
            CREATE TRIGGER touch_updated_at BEFORE UPDATE ON catalog.recipes FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()
        """)
        self.execute("""
            CREATE TRIGGER touch_updated_at BEFORE UPDATE ON sales.customers FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()
        """)
        self.execute("""
            CREATE TRIGGER audit_orders AFTER INSERT OR DELETE OR UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION audit.record_change()
        """)
        self.execute("""
            CREATE TRIGGER touch_updated_at BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()
        """)
        self.execute("""
            CREATE TRIGGER audit_payments AFTER INSERT OR DELETE OR UPDATE ON sales.payments FOR EACH ROW EXECUTE FUNCTION audit.record_change()
        """)
        # Hazard changes-access: which rows of "sales.addresses" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.addresses FOR SELECT TO jam_readonly USING (true)
        """)
        # Hazard changes-access: which rows of "sales.addresses" may be seen changes
        self.execute("""
            CREATE POLICY own_addresses ON sales.addresses TO jam_app USING ((customer_id = sales.current_customer_id()))
        """)
        # Hazard changes-access: which rows of "sales.customers" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.customers FOR SELECT TO jam_readonly USING (true)
        """)
        # Hazard changes-access: which rows of "sales.customers" may be seen changes
        self.execute("""
            CREATE POLICY own_account ON sales.customers TO jam_app USING ((id = sales.current_customer_id()))
        """)
        # Hazard changes-access: which rows of "sales.order_items" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.order_items FOR SELECT TO jam_readonly USING (true)
        """)
        # Hazard changes-access: which rows of "sales.order_items" may be seen changes
        self.execute("""
            CREATE POLICY items_of_own_orders ON sales.order_items TO jam_app USING ((EXISTS ( SELECT
               FROM sales.orders o
              WHERE (o.id = order_items.order_id))))
        """)
        # Hazard changes-access: which rows of "sales.orders" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.orders FOR SELECT TO jam_readonly USING (true)
        """)
        # Hazard changes-access: which rows of "sales.orders" may be seen changes
        self.execute("""
            CREATE POLICY own_orders ON sales.orders TO jam_app USING ((customer_id = sales.current_customer_id()))
        """)
        # Hazard changes-access: which rows of "sales.payments" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.payments FOR SELECT TO jam_readonly USING (true)
        """)
        # Hazard changes-access: which rows of "sales.payments" may be seen changes
        self.execute("""
            CREATE POLICY payments_of_own_orders ON sales.payments TO jam_app USING ((EXISTS ( SELECT
               FROM sales.orders o
              WHERE (o.id = payments.order_id))))
        """)
        # Hazard changes-access: which rows of "sales.reviews" may be seen changes
        self.execute("""
            CREATE POLICY figures ON sales.reviews FOR SELECT TO jam_readonly USING (published)
        """)
        # Hazard changes-access: which rows of "sales.reviews" may be seen changes
        self.execute("""
            CREATE POLICY own_reviews ON sales.reviews TO jam_app USING ((customer_id = sales.current_customer_id()))
        """)
        # Hazard changes-access: which rows of "sales.reviews" may be seen changes
        self.execute("""
            CREATE POLICY published_reviews ON sales.reviews FOR SELECT TO jam_app USING (published)
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard breaks-clients: the materialized view "sales.monthly_revenue" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.monthly_revenue"
        # meanwhile
        self.execute("DROP MATERIALIZED VIEW sales.monthly_revenue")
        # Hazard breaks-clients: the view "catalog.current_prices" goes
        # Hazard access-exclusive-lock: nobody can read or write
        # "catalog.current_prices" meanwhile
        self.execute("DROP VIEW catalog.current_prices")
        # Hazard breaks-clients: the view "catalog.product_ratings" goes
        # Hazard access-exclusive-lock: nobody can read or write
        # "catalog.product_ratings" meanwhile
        self.execute("DROP VIEW catalog.product_ratings")
        # Hazard breaks-clients: the view "kitchen.stock_levels" goes
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.stock_levels"
        # meanwhile
        self.execute("DROP VIEW kitchen.stock_levels")
        # Hazard breaks-clients: the view "sales.order_balances" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.order_balances"
        # meanwhile
        self.execute("DROP VIEW sales.order_balances")
        # Hazard deletes-data: the table "audit.changes_2026_01" goes, with its rows
        # Hazard breaks-clients: the table "audit.changes_2026_01" goes
        # Hazard access-exclusive-lock: nobody can read or write "audit.changes",
        # "audit.changes_2026_01", "audit.changes_default" meanwhile
        self.execute("DROP TABLE audit.changes_2026_01")
        # Hazard deletes-data: the table "audit.changes_2026_02" goes, with its rows
        # Hazard breaks-clients: the table "audit.changes_2026_02" goes
        # Hazard access-exclusive-lock: nobody can read or write "audit.changes",
        # "audit.changes_2026_02", "audit.changes_default" meanwhile
        self.execute("DROP TABLE audit.changes_2026_02")
        # Hazard deletes-data: the table "audit.changes_default" goes, with its rows
        # Hazard breaks-clients: the table "audit.changes_default" goes
        # Hazard access-exclusive-lock: nobody can read or write "audit.changes",
        # "audit.changes_default" meanwhile
        self.execute("DROP TABLE audit.changes_default")
        # Hazard deletes-data: the table "audit.changes" goes, with its rows
        # Hazard breaks-clients: the table "audit.changes" goes
        # Hazard access-exclusive-lock: nobody can read or write "audit.changes",
        # "audit.changes_id_seq" meanwhile
        self.execute("DROP TABLE audit.changes")
        # Hazard deletes-data: the table "kitchen.batches" goes, with its rows
        # Hazard breaks-clients: the table "kitchen.batches" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.products",
        # "kitchen.batches", "kitchen.batches_id_seq" and 1 more meanwhile
        self.execute("DROP TABLE kitchen.batches")
        # Hazard deletes-data: the table "kitchen.kettles" goes, with its rows
        # Hazard breaks-clients: the table "kitchen.kettles" goes
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.kettles",
        # "kitchen.kettles_id_seq" meanwhile
        self.execute("DROP TABLE kitchen.kettles")
        # Hazard deletes-data: the table "kitchen.purchase_order_lines" goes, with its
        # rows
        # Hazard breaks-clients: the table "kitchen.purchase_order_lines" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.fruits",
        # "kitchen.purchase_order_lines", "kitchen.purchase_orders" meanwhile
        self.execute("DROP TABLE kitchen.purchase_order_lines")
        # Hazard deletes-data: the table "kitchen.purchase_orders" goes, with its rows
        # Hazard breaks-clients: the table "kitchen.purchase_orders" goes
        # Hazard access-exclusive-lock: nobody can read or write
        # "kitchen.purchase_orders", "kitchen.purchase_orders_id_seq",
        # "kitchen.suppliers" meanwhile
        self.execute("DROP TABLE kitchen.purchase_orders")
        # Hazard deletes-data: the table "kitchen.suppliers" goes, with its rows
        # Hazard breaks-clients: the table "kitchen.suppliers" goes
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.suppliers",
        # "kitchen.suppliers_id_seq" meanwhile
        self.execute("DROP TABLE kitchen.suppliers")
        # Hazard deletes-data: the table "sales.order_items" goes, with its rows
        # Hazard breaks-clients: the table "sales.order_items" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.products",
        # "sales.order_items", "sales.orders" meanwhile
        self.execute("DROP TABLE sales.order_items")
        # Hazard deletes-data: the table "sales.payments" goes, with its rows
        # Hazard breaks-clients: the table "sales.payments" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.orders",
        # "sales.payments", "sales.payments_id_seq" meanwhile
        self.execute("DROP TABLE sales.payments")
        # Hazard deletes-data: the table "sales.orders" goes, with its rows
        # Hazard breaks-clients: the table "sales.orders" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.addresses",
        # "sales.customers", "sales.orders" and 1 more meanwhile
        self.execute("DROP TABLE sales.orders")
        # Hazard deletes-data: the table "sales.addresses" goes, with its rows
        # Hazard breaks-clients: the table "sales.addresses" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.addresses",
        # "sales.addresses_id_seq", "sales.customers" meanwhile
        self.execute("DROP TABLE sales.addresses")
        # Hazard deletes-data: the table "sales.reviews" goes, with its rows
        # Hazard breaks-clients: the table "sales.reviews" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.products",
        # "sales.customers", "sales.reviews" meanwhile
        self.execute("DROP TABLE sales.reviews")
        # Hazard deletes-data: the table "sales.customers" goes, with its rows
        # Hazard breaks-clients: the table "sales.customers" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.customers",
        # "sales.customers_id_seq" meanwhile
        self.execute("DROP TABLE sales.customers")
        # Hazard breaks-clients: the function "ensure_partition" goes
        self.execute("DROP FUNCTION audit.ensure_partition(date)")
        # Hazard breaks-clients: the function "price_on" goes
        self.execute("DROP FUNCTION catalog.price_on(integer, date)")
        # Hazard deletes-data: the table "catalog.product_prices" goes, with its rows
        # Hazard breaks-clients: the table "catalog.product_prices" goes
        # Hazard access-exclusive-lock: nobody can read or write
        # "catalog.product_prices", "catalog.products" meanwhile
        self.execute("DROP TABLE catalog.product_prices")
        # Hazard breaks-clients: the function "record_change" goes
        self.execute("DROP FUNCTION audit.record_change()")
        # Hazard breaks-clients: the function "search_products" goes
        self.execute("DROP FUNCTION catalog.search_products(text)")
        # Hazard deletes-data: the table "catalog.products" goes, with its rows
        # Hazard breaks-clients: the table "catalog.products" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.products",
        # "catalog.products_id_seq", "catalog.recipes" meanwhile
        self.execute("DROP TABLE catalog.products")
        # Hazard breaks-clients: the function "shopping_list" goes
        self.execute("DROP FUNCTION kitchen.shopping_list(integer, integer)")
        # Hazard deletes-data: the table "catalog.recipe_ingredients" goes, with its
        # rows
        # Hazard breaks-clients: the table "catalog.recipe_ingredients" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.fruits",
        # "catalog.recipe_ingredients", "catalog.recipes" meanwhile
        self.execute("DROP TABLE catalog.recipe_ingredients")
        # Hazard deletes-data: the table "catalog.fruits" goes, with its rows
        # Hazard breaks-clients: the table "catalog.fruits" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.fruits",
        # "catalog.fruits_id_seq" meanwhile
        self.execute("DROP TABLE catalog.fruits")
        # Hazard deletes-data: the table "catalog.recipes" goes, with its rows
        # Hazard breaks-clients: the table "catalog.recipes" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.recipes",
        # "catalog.recipes_id_seq" meanwhile
        self.execute("DROP TABLE catalog.recipes")
        # Hazard breaks-clients: the function "touch_updated_at" goes
        self.execute("DROP FUNCTION public.touch_updated_at()")
        # Hazard breaks-clients: the function "current_customer_id" goes
        self.execute("DROP FUNCTION sales.current_customer_id()")
        # Hazard breaks-clients: the function "place_order" goes
        self.execute("DROP FUNCTION sales.place_order(bigint, bigint, jsonb)")
        # Hazard breaks-clients: the type "price" goes
        self.execute("DROP DOMAIN catalog.price")
        # Hazard breaks-clients: the type "slug" goes
        self.execute("DROP DOMAIN catalog.slug")
        # Hazard breaks-clients: the type "grams" goes
        self.execute("DROP DOMAIN kitchen.grams")
        # Hazard breaks-clients: the type "country_code" goes
        self.execute("DROP DOMAIN sales.country_code")
        # Hazard breaks-clients: the type "email" goes
        self.execute("DROP DOMAIN sales.email")
        # Hazard breaks-clients: the type "nutrition" goes
        self.execute("DROP TYPE catalog.nutrition")
        # Hazard breaks-clients: the type "celsius_range" goes
        self.execute("DROP TYPE kitchen.celsius_range")
        # Hazard breaks-clients: the type "texture" goes
        self.execute("DROP TYPE catalog.texture")
        # Hazard breaks-clients: the type "batch_status" goes
        self.execute("DROP TYPE kitchen.batch_status")
        # Hazard breaks-clients: the type "order_status" goes
        self.execute("DROP TYPE sales.order_status")
        # Hazard breaks-clients: the type "payment_method" goes
        self.execute("DROP TYPE sales.payment_method")
        # Hazard breaks-clients: the extension "btree_gist" goes
        self.execute("DROP EXTENSION btree_gist")
        # Hazard breaks-clients: the extension "citext" goes
        self.execute("DROP EXTENSION citext")
        # Hazard breaks-clients: the extension "pg_trgm" goes
        self.execute("DROP EXTENSION pg_trgm")
        # Hazard breaks-clients: the schema "audit" goes
        self.execute("DROP SCHEMA audit")
        # Hazard breaks-clients: the schema "catalog" goes
        self.execute("DROP SCHEMA catalog")
        # Hazard breaks-clients: the schema "kitchen" goes
        self.execute("DROP SCHEMA kitchen")
        # Hazard breaks-clients: the schema "sales" goes
        self.execute("DROP SCHEMA sales")
