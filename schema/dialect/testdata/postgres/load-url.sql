-- phone_find: 4 batches, 15 rows, 4 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
\set ON_ERROR_STOP on
-- A higher isolation level would hide the rows that another load committed while this one waited.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL standard_conforming_strings = on;
SET LOCAL client_min_messages = warning;
-- One load of this table at a time, in any schema, even before the table exists.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('enrow-export phone_find')); END $$;
LOCK TABLE "phone_find" IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMP TABLE "enrow_export_staged_phone_find" ("batch_id" text, "batch_custom" text, "index" bigint, "qualification" text, "number" text, "country" text, "params_linkedin_url" text, "params_firstname" text, "params_lastname" text, "params_company_domain" text, "params_company_name" text, "custom" text, "extra" text) ON COMMIT DROP;
-- PostgreSQL cannot store the character U+0000 in text: it is replaced by U+001A (substitute).
CREATE TEMP TABLE "enrow_export_lines_phone_find" (line text) ON COMMIT DROP;
\copy "enrow_export_lines_phone_find" FROM PROGRAM 'gcloud storage cat ''gs://bucket/custom=acme/it''\''''s/phone_find/a1.ndjson''' WITH (FORMAT csv, HEADER false, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', NULL '', ENCODING 'UTF8')
\copy "enrow_export_lines_phone_find" FROM PROGRAM 'gcloud storage cat ''gs://bucket/custom=acme/it''\''''s/phone_find/b1.ndjson''' WITH (FORMAT csv, HEADER false, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', NULL '', ENCODING 'UTF8')
\copy "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") FROM PROGRAM 'gcloud storage cat ''gs://bucket/custom=acme/it''\''''s/phone_find/a1.csv.gz'' | gzip -dc | LC_ALL=C tr ''\000'' ''\032''' WITH (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULL '', ENCODING 'UTF8')
\copy "enrow_export_staged_phone_find" ("batch_id", "index", "number") FROM PROGRAM 'gcloud storage cat ''gs://bucket/custom=acme/it''\''''s/phone_find/b1.csv.gz'' | gzip -dc | LC_ALL=C tr ''\000'' ''\032''' WITH (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULL '', ENCODING 'UTF8')
INSERT INTO "enrow_export_staged_phone_find"
SELECT r.* FROM "enrow_export_lines_phone_find", json_populate_record(NULL::"enrow_export_staged_phone_find", CASE
  WHEN strpos(line, '\u0000') > 0 THEN regexp_replace(line, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\u001a', 'g')
  ELSE line END::json) AS r;
DELETE FROM "enrow_export_staged_phone_find" WHERE "batch_id" NOT IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
DO $$ BEGIN IF (SELECT count(*) FROM "enrow_export_staged_phone_find") <> 15 THEN RAISE EXCEPTION 'phone_find: the files do not have the 15 rows that the manifest records'; END IF; END $$;
DELETE FROM "phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
COMMIT;
