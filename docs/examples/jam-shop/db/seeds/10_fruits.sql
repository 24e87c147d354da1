-- As pg_dump --data-only writes it: columns are separated by tabs.
COPY catalog.fruits (slug, name, pectin, season, latin_name) FROM stdin;
strawberry	Strawberry	0.80	[5,8)	Fragaria × ananassa
raspberry	Raspberry	0.60	[6,10)	Rubus idaeus
apricot	Apricot	1.00	[6,9)	Prunus armeniaca
blackcurrant	Blackcurrant	1.60	[7,9)	Ribes nigrum
bitter-orange	Bitter orange	2.40	[1,3)	Citrus × aurantium
quince	Quince	2.10	[9,12)	Cydonia oblonga
mirabelle	Mirabelle	0.70	[8,10)	\N
fig	Fig	0.40	[8,11)	Ficus carica
rhubarb	Rhubarb	0.50	[4,7)	Rheum rhabarbarum
wild-blueberry	Wild blueberry	0.40	[7,10)	Vaccinium myrtillus
\.
