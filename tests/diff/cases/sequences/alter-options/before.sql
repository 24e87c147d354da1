SELECT setval('ids', 41);
