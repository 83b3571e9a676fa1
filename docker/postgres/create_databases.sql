-- Two databases, each with an owner who is no superuser and may not enter the other one.
-- The postgres image runs this once, when its data volume is empty.

\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv hubspot_deals_password HUBSPOT_DEALS_DB_PASSWORD

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE airflow FROM PUBLIC;

CREATE ROLE hubspot_deals LOGIN PASSWORD :'hubspot_deals_password';
CREATE DATABASE hubspot_deals OWNER hubspot_deals TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE hubspot_deals FROM PUBLIC;
