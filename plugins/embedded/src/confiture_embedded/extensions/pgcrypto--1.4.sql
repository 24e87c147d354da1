-- A stand-in for pgcrypto: the same names and signatures, computed by what pg_catalog has.

CREATE FUNCTION digest(bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN
    CASE pg_catalog.lower($2)
        WHEN 'md5' THEN RETURN pg_catalog.decode(pg_catalog.md5($1), 'hex');
        WHEN 'sha224' THEN RETURN pg_catalog.sha224($1);
        WHEN 'sha256' THEN RETURN pg_catalog.sha256($1);
        WHEN 'sha384' THEN RETURN pg_catalog.sha384($1);
        WHEN 'sha512' THEN RETURN pg_catalog.sha512($1);
        ELSE RAISE feature_not_supported USING
            MESSAGE = pg_catalog.format('the stand-in of pgcrypto cannot compute %L', $2),
            HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml';
    END CASE;
END$$;

CREATE FUNCTION digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN digest(pg_catalog.convert_to($1, 'UTF8'), $2);

-- RFC 2104.
CREATE FUNCTION hmac(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$DECLARE
    hash text := pg_catalog.lower($3);
    size integer := CASE WHEN hash IN ('sha384', 'sha512') THEN 128 ELSE 64 END;
    secret bytea := $2;
    inner_key bytea;
    outer_key bytea;
    inner_text bytea;
    outer_text bytea;
BEGIN
    IF hash NOT IN ('md5', 'sha224', 'sha256', 'sha384', 'sha512') THEN
        RAISE feature_not_supported USING
            MESSAGE = pg_catalog.format('the stand-in of pgcrypto cannot compute %L', $3),
            HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml';
    END IF;
    IF pg_catalog.length(secret) > size THEN
        secret := CASE hash WHEN 'md5' THEN pg_catalog.decode(pg_catalog.md5(secret), 'hex')
            WHEN 'sha224' THEN pg_catalog.sha224(secret) WHEN 'sha256' THEN pg_catalog.sha256(secret)
            WHEN 'sha384' THEN pg_catalog.sha384(secret) ELSE pg_catalog.sha512(secret) END;
    END IF;
    secret := secret || pg_catalog.decode(pg_catalog.repeat('00', size - pg_catalog.length(secret)), 'hex');
    inner_key := secret;
    outer_key := secret;
    FOR i IN 0 .. size - 1 LOOP
        inner_key := pg_catalog.set_byte(inner_key, i, pg_catalog.get_byte(secret, i) # 54);
        outer_key := pg_catalog.set_byte(outer_key, i, pg_catalog.get_byte(secret, i) # 92);
    END LOOP;
    inner_text := inner_key || $1;
    outer_text := outer_key || CASE hash WHEN 'md5' THEN pg_catalog.decode(pg_catalog.md5(inner_text), 'hex')
        WHEN 'sha224' THEN pg_catalog.sha224(inner_text) WHEN 'sha256' THEN pg_catalog.sha256(inner_text)
        WHEN 'sha384' THEN pg_catalog.sha384(inner_text) ELSE pg_catalog.sha512(inner_text) END;
    RETURN CASE hash WHEN 'md5' THEN pg_catalog.decode(pg_catalog.md5(outer_text), 'hex')
        WHEN 'sha224' THEN pg_catalog.sha224(outer_text) WHEN 'sha256' THEN pg_catalog.sha256(outer_text)
        WHEN 'sha384' THEN pg_catalog.sha384(outer_text) ELSE pg_catalog.sha512(outer_text) END;
END$$;

CREATE FUNCTION hmac(text, text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN hmac(pg_catalog.convert_to($1, 'UTF8'), pg_catalog.convert_to($2, 'UTF8'), $3);

CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$SELECT pg_catalog.gen_random_uuid()$$;

CREATE FUNCTION gen_random_bytes(integer) RETURNS bytea LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS
$$SELECT pg_catalog.substr(pg_catalog.string_agg(pg_catalog.sha256(pg_catalog.uuid_send(pg_catalog.gen_random_uuid())), ''), 1, $1)
    FROM pg_catalog.generate_series(1, $1 / 32 + 1)$$;

CREATE FUNCTION fips_mode() RETURNS boolean LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS $$SELECT false$$;

CREATE FUNCTION armor(bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute armor()'; END$$;

CREATE FUNCTION crypt(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute crypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION gen_salt(text) RETURNS text LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute gen_salt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION gen_salt(text, integer) RETURNS text LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute gen_salt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION encrypt(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute encrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION decrypt(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION encrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute encrypt_iv()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute decrypt_iv()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_encrypt(text, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_encrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_encrypt(text, text, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_encrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_encrypt_bytea(bytea, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_encrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_encrypt_bytea(bytea, text, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_encrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_decrypt(bytea, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_decrypt(bytea, text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_decrypt_bytea(bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_decrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_sym_decrypt_bytea(bytea, text, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_sym_decrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_encrypt(text, bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_encrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_encrypt(text, bytea, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_encrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_encrypt_bytea(bytea, bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_encrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_encrypt_bytea(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_encrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt(bytea, bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt(bytea, bytea, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt(bytea, bytea, text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt_bytea(bytea, bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt_bytea(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_pub_decrypt_bytea(bytea, bytea, text, text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_pub_decrypt_bytea()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_key_id(bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_key_id()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION armor(bytea, text[], text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute armor()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION dearmor(text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute dearmor()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;

CREATE FUNCTION pgp_armor_headers(text, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$BEGIN RAISE feature_not_supported USING MESSAGE = 'the stand-in of pgcrypto cannot compute pgp_armor_headers()',
    HINT = 'use a scratch server that has the extension: [scratch] url in confiture.toml'; END$$;
