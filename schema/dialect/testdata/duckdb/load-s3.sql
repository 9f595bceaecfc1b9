-- phone_find: 4 batches, 15 rows, 6 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
-- DuckDB takes the keys of S3 from the environment, or from a secret, such as this one in ~/.duckdbrc:
-- CREATE SECRET enrow_export (TYPE s3, PROVIDER credential_chain, REGION 'it''s', ENDPOINT 'minio:9000', USE_SSL false, URL_STYLE 'path', SCOPE 's3://bucket/custom=acme/it''s/');
SET s3_region = 'it''s';
SET s3_endpoint = 'minio:9000';
SET s3_use_ssl = false;
SET s3_url_style = 'path';
BEGIN TRANSACTION;
-- DuckDB has no locks, but it fails one of two transactions that alter the same table.
-- That one has changed nothing: run it again. batch_id has no default, so nothing is altered.
ALTER TABLE "phone_find" ALTER COLUMN "batch_id" DROP DEFAULT;
CREATE TEMP TABLE "enrow_export_staged_phone_find" ("batch_id" VARCHAR, "batch_custom" VARCHAR, "index" BIGINT, "qualification" VARCHAR, "number" VARCHAR, "country" VARCHAR, "params_linkedin_url" VARCHAR, "params_firstname" VARCHAR, "params_lastname" VARCHAR, "params_company_domain" VARCHAR, "params_company_name" VARCHAR, "custom" VARCHAR, "extra" VARCHAR);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM read_parquet([
  's3://bucket/custom=acme/it''s/phone_find/a1.parquet'
], hive_partitioning = false, union_by_name = false, filename = false, binary_as_string = false, file_row_number = false);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number")
SELECT "batch_id", "index", "number" FROM read_parquet([
  's3://bucket/custom=acme/it''s/phone_find/b1.parquet'
], hive_partitioning = false, union_by_name = false, filename = false, binary_as_string = false, file_row_number = false);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM read_json([
  's3://bucket/custom=acme/it''s/phone_find/a1.ndjson'
], columns = {'batch_id': 'VARCHAR', 'batch_custom': 'VARCHAR', 'index': 'BIGINT', 'qualification': 'VARCHAR', 'number': 'VARCHAR', 'country': 'VARCHAR', 'params_linkedin_url': 'VARCHAR', 'params_firstname': 'VARCHAR', 'params_lastname': 'VARCHAR', 'params_company_domain': 'VARCHAR', 'params_company_name': 'VARCHAR', 'custom': 'VARCHAR', 'extra': 'VARCHAR'}, compression = 'uncompressed', hive_partitioning = false, union_by_name = false, filename = false, auto_detect = false, format = 'newline_delimited', records = 'true', ignore_errors = false);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number")
SELECT "batch_id", "index", "number" FROM read_json([
  's3://bucket/custom=acme/it''s/phone_find/b1.ndjson'
], columns = {'batch_id': 'VARCHAR', 'index': 'BIGINT', 'number': 'VARCHAR'}, compression = 'uncompressed', hive_partitioning = false, union_by_name = false, filename = false, auto_detect = false, format = 'newline_delimited', records = 'true', ignore_errors = false);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM read_csv([
  's3://bucket/custom=acme/it''s/phone_find/a1.csv.gz'
], columns = {'batch_id': 'VARCHAR', 'batch_custom': 'VARCHAR', 'index': 'BIGINT', 'qualification': 'VARCHAR', 'number': 'VARCHAR', 'country': 'VARCHAR', 'params_linkedin_url': 'VARCHAR', 'params_firstname': 'VARCHAR', 'params_lastname': 'VARCHAR', 'params_company_domain': 'VARCHAR', 'params_company_name': 'VARCHAR', 'custom': 'VARCHAR', 'extra': 'VARCHAR'}, compression = 'gzip', hive_partitioning = false, union_by_name = false, filename = false, auto_detect = false, header = true, skip = 0, delim = ',', quote = '"', escape = '"', new_line = '\n', comment = '', nullstr = '', allow_quoted_nulls = false, all_varchar = false, normalize_names = false, encoding = 'utf-8', strict_mode = true, null_padding = false, ignore_errors = false, store_rejects = false);
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number")
SELECT "batch_id", "index", "number" FROM read_csv([
  's3://bucket/custom=acme/it''s/phone_find/b1.csv.gz'
], columns = {'batch_id': 'VARCHAR', 'index': 'BIGINT', 'number': 'VARCHAR'}, compression = 'gzip', hive_partitioning = false, union_by_name = false, filename = false, auto_detect = false, header = true, skip = 0, delim = ',', quote = '"', escape = '"', new_line = '\n', comment = '', nullstr = '', allow_quoted_nulls = false, all_varchar = false, normalize_names = false, encoding = 'utf-8', strict_mode = true, null_padding = false, ignore_errors = false, store_rejects = false, max_line_size = 128000000, buffer_size = 128000000);
DELETE FROM "enrow_export_staged_phone_find" WHERE "batch_id" NOT IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
SELECT CASE WHEN count(*) = 15 THEN count(*) ELSE error('phone_find: the files do not have the 15 rows that the manifest records') END AS staged_rows FROM "enrow_export_staged_phone_find";
DELETE FROM "phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
DROP TABLE "enrow_export_staged_phone_find";
COMMIT;
