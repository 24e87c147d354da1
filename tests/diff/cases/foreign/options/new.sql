CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER far VERSION '2' FOREIGN DATA WRAPPER nothing OPTIONS (host 'other', port '1', fresh 'it''s');
CREATE FOREIGN TABLE r (id int OPTIONS (b '2'), n text) SERVER far OPTIONS (t 'y');
