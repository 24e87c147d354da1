CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE FUNCTION current_tenant() RETURNS int LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant', true)::int $$;
CREATE TABLE docs (id int PRIMARY KEY, body text, tenant_id int DEFAULT current_tenant() REFERENCES tenants);
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON docs USING (tenant_id = current_tenant());
GRANT SELECT, INSERT ON docs TO writer;
CREATE INDEX docs_tenant ON docs (tenant_id);
