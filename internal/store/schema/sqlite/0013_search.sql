-- What is needed on PostgreSQL only: see the file of the same name there.
SELECT 1;
