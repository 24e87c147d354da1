-- A stand-in for uuid-ossp: the same names and signatures, computed by what pg_catalog has.

CREATE FUNCTION uuid_nil() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '00000000-0000-0000-0000-000000000000'::pg_catalog.uuid$$;

CREATE FUNCTION uuid_ns_dns() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid$$;

CREATE FUNCTION uuid_ns_url() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid$$;

CREATE FUNCTION uuid_ns_oid() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid$$;

CREATE FUNCTION uuid_ns_x500() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid$$;

-- Unique as they should be, and without the time that they should hold.

CREATE FUNCTION uuid_generate_v1() RETURNS uuid LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS
$$SELECT pg_catalog.gen_random_uuid()$$;

CREATE FUNCTION uuid_generate_v1mc() RETURNS uuid LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS
$$SELECT pg_catalog.gen_random_uuid()$$;

CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS
$$SELECT pg_catalog.gen_random_uuid()$$;

-- RFC 4122, 4.3: the hash with the version and the variant put in.
CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT pg_catalog.encode(pg_catalog.set_byte(pg_catalog.set_byte(h, 6, pg_catalog.get_byte(h, 6) & 15 | 48),
        8, pg_catalog.get_byte(h, 8) & 63 | 128), 'hex')::pg_catalog.uuid
    FROM (SELECT pg_catalog.decode(pg_catalog.md5(
        pg_catalog.uuid_send($1) || pg_catalog.convert_to($2, 'UTF8')), 'hex') AS h) AS hashed$$;

CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of uuid-ossp cannot compute uuid_generate_v5()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;
