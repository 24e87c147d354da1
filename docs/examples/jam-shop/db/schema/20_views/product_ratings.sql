CREATE VIEW catalog.product_ratings AS
SELECT
    product_id,
    count(*)              AS reviews,
    round(avg(stars), 1)  AS stars
FROM sales.reviews
WHERE published
GROUP BY product_id;
