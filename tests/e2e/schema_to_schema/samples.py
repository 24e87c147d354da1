"""Public sample databases and what becomes of them: a new schema, a map, and by hand-written SQL the rows to expect."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from data import split_sample

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


class Sample(NamedTuple):
    """``schema``: of the new database; where ``changes`` are there, it is the old one with those."""

    map: str
    expected: dict[str, str]
    #: A table, an update of one row of it, and the key that is then to be reported.
    harm: tuple[str, str, str]
    schema: str = ""
    changes: str = ""


def script(name: str) -> str | None:
    """What makes the sample; None where it is not here."""
    file = DATA / f"{name}.sql"
    if not file.is_file():
        return None
    own = split_sample.CHINOOK_OWN_DATABASE if name == "chinook" else ()
    return "".join(line for line in file.read_text().splitlines(keepends=True) if line.strip() not in own)


CHINOOK = Sample(
    schema="""
CREATE TABLE artists (id int PRIMARY KEY, display_name varchar(120) NOT NULL);
CREATE TABLE albums (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL CHECK (title <> ''),
    artist_id int NOT NULL REFERENCES artists
);
CREATE INDEX ON albums (artist_id);
CREATE INDEX albums_by_title ON albums (lower(title)) INCLUDE (id);
CREATE TABLE employee (
    employee_id int PRIMARY KEY, last_name varchar(20) NOT NULL, first_name varchar(20) NOT NULL, title varchar(30),
    reports_to int REFERENCES employee, birth_date date, hire_date date, address varchar(70), city varchar(40),
    state varchar(40), country varchar(40), postal_code varchar(10), phone varchar(24), email varchar(60) UNIQUE
);
CREATE TABLE people (
    id int PRIMARY KEY, full_name text NOT NULL, email varchar(60) NOT NULL, rep_id int REFERENCES employee,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE addresses (
    person_id int PRIMARY KEY REFERENCES people ON DELETE CASCADE, street varchar(70) NOT NULL, city text,
    country text, postal_code varchar(10)
);
CREATE TABLE invoice (
    invoice_id int PRIMARY KEY, person_id int NOT NULL REFERENCES people, at timestamptz NOT NULL,
    cents bigint NOT NULL, billing_address varchar(70), billing_city varchar(40), billing_country varchar(40),
    billing_postal_code varchar(10)
);
CREATE INDEX ON invoice USING brin (at);
CREATE TABLE labels (
    kind text NOT NULL CONSTRAINT kinds CHECK (kind IN ('genre', 'medium')), id int NOT NULL, name varchar(120),
    PRIMARY KEY (kind, id)
);
CREATE TABLE songs (
    track_id int PRIMARY KEY, name varchar(200) NOT NULL, album_id bigint REFERENCES albums, genre varchar(120),
    medium int NOT NULL, length interval NOT NULL, bytes bigint, unit_price numeric(12, 4) NOT NULL,
    rating smallint NOT NULL, search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED
);
CREATE INDEX ON songs USING gin (search);
CREATE TABLE invoice_line (
    invoice_line_id int PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice,
    song_id int NOT NULL REFERENCES songs DEFERRABLE INITIALLY DEFERRED, unit_price numeric(10, 2) NOT NULL,
    quantity int NOT NULL
);
CREATE INDEX ON invoice_line (song_id);
CREATE TABLE playlist (playlist_id int PRIMARY KEY, name varchar(120));
CREATE TABLE "Playlist.Songs" (
    "Playlist" int REFERENCES playlist, "Song" int REFERENCES songs, PRIMARY KEY ("Song", "Playlist")
);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.display_name := upper(NEW.display_name); RETURN NEW; END $$;
CREATE TRIGGER loud BEFORE INSERT OR UPDATE ON artists FOR EACH ROW EXECUTE FUNCTION shout();
CREATE VIEW sold AS SELECT s.track_id, sum(l.quantity) AS n
    FROM songs s JOIN invoice_line l ON l.song_id = s.track_id GROUP BY 1;
""",
    map="""
tables:
  artist:
    target: artists
    columns: {artist_id: id, name: display_name}
  album:
    target: albums
    columns: {album_id: id}
  employee:
    drop: [fax]
  customer:
    into:
      - target: people
        columns:
          customer_id: id
          first_name: {target: full_name, transform: "first_name || ' ' || last_name"}
          support_rep_id: rep_id
        defaults: {created_at: "'2020-01-01 00:00+00'::timestamptz"}
      - target: addresses
        filter: "address IS NOT NULL AND country <> 'Chile'"
        columns: {customer_id: person_id, address: street}
        drop: [company, state, phone, fax]
  invoice:
    columns:
      customer_id: person_id
      invoice_date: {target: at, transform: "invoice_date AT TIME ZONE 'Europe/Paris'"}
      total: {target: cents, transform: "total * 100"}
    drop: [billing_state]
  genre:
    target: labels
    columns: {genre_id: id}
    defaults: {kind: "'genre'"}
  media_type:
    target: labels
    columns: {media_type_id: id}
    defaults: {kind: "'medium'"}
  track:
    target: songs
    lookups:
      g: {table: genre, on: "g.genre_id = track.genre_id"}
    columns:
      genre_id: {target: genre, transform: "g.name"}
      media_type_id: medium
      milliseconds: {target: length, transform: "milliseconds * interval '1 ms'"}
      composer: null
    defaults: {rating: 3}
  invoice_line:
    columns: {track_id: song_id}
  playlist_track:
    custom_sql: |
      INSERT INTO production_new."Playlist.Songs" ("Playlist", "Song")
      SELECT playlist_id, track_id FROM old_schema.playlist_track WHERE playlist_id <> 1
""",
    expected={
        "artists": "SELECT artist_id, name FROM artist",
        "albums": "SELECT album_id, title, artist_id FROM album",
        "employee": """
            SELECT employee_id, last_name, first_name, title, reports_to, birth_date::date, hire_date::date, address,
                   city, state, country, postal_code, phone, email FROM employee""",
        "people": """
            SELECT customer_id, first_name || ' ' || last_name, email, support_rep_id,
                   '2020-01-01 00:00+00'::timestamptz FROM customer""",
        "addresses": """
            SELECT customer_id, address, city, country, postal_code FROM customer
             WHERE address IS NOT NULL AND country <> 'Chile'""",
        "invoice": """
            SELECT invoice_id, customer_id, invoice_date AT TIME ZONE 'Europe/Paris', (total * 100)::bigint,
                   billing_address, billing_city, billing_country, billing_postal_code FROM invoice""",
        "labels": "SELECT 'genre', * FROM genre UNION ALL SELECT 'medium', * FROM media_type",
        "songs": """
            SELECT track_id, t.name, album_id, g.name, media_type_id, milliseconds * interval '1 ms', bytes,
                   unit_price::numeric(12, 4), 3, to_tsvector('simple', t.name)
              FROM track t LEFT JOIN genre g USING (genre_id)""",
        "invoice_line": "SELECT invoice_line_id, invoice_id, track_id, unit_price, quantity FROM invoice_line",
        "playlist": "SELECT playlist_id, name FROM playlist",
        '"Playlist.Songs"': "SELECT playlist_id, track_id FROM playlist_track WHERE playlist_id <> 1",
    },
    harm=("public.songs", "UPDATE songs SET length = length + interval '1 us' WHERE track_id = 1234", '["1234"]'),
)

PAGILA = Sample(
    changes="""
ALTER TABLE film RENAME TO movies;
ALTER TABLE movies RENAME title TO name;
ALTER TABLE movies ADD decade int NOT NULL;
ALTER TABLE movies ALTER fulltext DROP NOT NULL;
ALTER TABLE rental RENAME TO hires;
ALTER TABLE inventory ALTER last_update TYPE date;
ALTER TABLE city ADD country_name text NOT NULL;
ALTER TABLE address DROP address2;
ALTER TABLE customer DROP email;
CREATE TABLE contacts (customer_id int PRIMARY KEY REFERENCES customer, email varchar(60) NOT NULL UNIQUE);
CREATE TABLE terms (kind text, id int, name text NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE "Staff" (id uuid PRIMARY KEY, "Name" text NOT NULL, picture bytea);
ALTER TABLE staff ALTER username TYPE varchar(40);
""",
    map="""
tables:
  film:
    target: movies
    columns: {title: name}
    defaults: {decade: "release_year / 10 * 10"}
  rental: {target: hires}
  city:
    lookups:
      c: {table: country, on: "c.country_id = city.country_id", join: inner}
    defaults: {country_name: "c.country"}
  address: {columns: {address2: null}}
  customer:
    into:
      - {target: customer}
      - target: contacts
        columns: {email: {target: email, transform: "lower(email)"}}
  category:
    into:
      - {target: category}
      - {target: terms, columns: {category_id: id}, defaults: {kind: "'category'"}, drop: [last_update]}
  language:
    into:
      - {target: language}
      - target: terms
        columns: {language_id: id, name: {transform: "trim(name)"}}
        defaults: {kind: "'language'"}
  staff:
    into:
      - {target: staff}
      - target: '"Staff"'
        columns:
          staff_id: {target: id, transform: "md5(staff_id::text)::uuid"}
          first_name: {target: '"Name"', transform: "concat_ws(' ', first_name, last_name)"}
  payment: {filter: "amount > 1"}
""",
    expected={
        "movies": """
            SELECT film_id, title, description, release_year, language_id, original_language_id, rental_duration,
                   rental_rate, length, replacement_cost, rating, last_update, special_features, fulltext,
                   release_year / 10 * 10 FROM film""",
        "hires": "SELECT * FROM rental",
        "inventory": "SELECT inventory_id, film_id, store_id, last_update::date FROM inventory",
        "city": "SELECT city.*, country FROM city JOIN country USING (country_id)",
        "address": """
            SELECT address_id, address, district, city_id, postal_code, phone, last_update FROM address""",
        "customer": """
            SELECT customer_id, store_id, first_name, last_name, address_id, activebool, create_date, last_update,
                   active FROM customer""",
        "contacts": "SELECT customer_id, lower(email) FROM customer",
        "terms": """
            SELECT 'category', category_id, name FROM category
            UNION ALL SELECT 'language', language_id, rtrim(name) FROM language""",
        '"Staff"': "SELECT md5(staff_id::text)::uuid, first_name || ' ' || last_name, picture FROM staff",
        "payment": """
            SELECT payment_id, customer_id, staff_id, rental_id, amount, payment_date FROM payment
             WHERE amount > 1""",
        **{
            name: f"SELECT * FROM {name}"
            for name in ("actor", "category", "country", "film_actor", "film_category", "language", "staff", "store")
        },
    },
    harm=(
        "public.terms",
        "UPDATE terms SET name = name || ' ' WHERE kind = 'language' AND id = 3",
        '["language", "3"]',
    ),
)

SAMPLES = {"pagila": PAGILA, "chinook": CHINOOK}
