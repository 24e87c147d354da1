CREATE TYPE catalog.texture AS ENUM ('jelly', 'smooth', 'chunky', 'whole_fruit');

CREATE TYPE kitchen.batch_status AS ENUM ('planned', 'cooking', 'cooling', 'released', 'discarded');

CREATE TYPE sales.order_status AS ENUM ('cart', 'placed', 'paid', 'shipped', 'delivered', 'cancelled');

CREATE TYPE sales.payment_method AS ENUM ('card', 'transfer', 'invoice', 'voucher');

-- What the label must say, for 100 g.
CREATE TYPE catalog.nutrition AS (
    energy_kj integer,
    sugar_g   numeric(4, 1),
    fibre_g   numeric(4, 1)
);

COMMENT ON TYPE catalog.nutrition IS 'Nutrition facts for 100 g, as the label states them';

-- A span of temperatures, such as that in which a jam sets.
CREATE TYPE kitchen.celsius_range AS RANGE (
    SUBTYPE      = float8,
    SUBTYPE_DIFF = float8mi
);
