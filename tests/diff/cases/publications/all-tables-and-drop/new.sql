CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_generated_columns = stored);
