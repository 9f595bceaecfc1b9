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
CREATE TABLE IF NOT EXISTS "lake"."raw"."phone_find" (
  "batch_id" text NOT NULL,
  "batch_custom" text,
  "index" bigint,
  "qualification" text,
  "number" text,
  "country" text,
  "params_linkedin_url" text,
  "params_firstname" text,
  "params_lastname" text,
  "params_company_domain" text,
  "params_company_name" text,
  "custom" text,
  "extra" text
);
CREATE INDEX IF NOT EXISTS "phone_find_key" ON "lake"."raw"."phone_find" ("batch_id", "index");
COMMENT ON TABLE "lake"."raw"."phone_find" IS 'One row for each search in a bulk phone search.';
COMMENT ON COLUMN "lake"."raw"."phone_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "lake"."raw"."phone_find"."batch_custom" IS 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch';
COMMENT ON COLUMN "lake"."raw"."phone_find"."index" IS 'position of the search in the batch; null when the result has no integer as its position';
COMMENT ON COLUMN "lake"."raw"."phone_find"."qualification" IS 'result of the search: found or not_found; null when the result has no qualification';
COMMENT ON COLUMN "lake"."raw"."phone_find"."number" IS 'phone number that was found; null when no number was found';
COMMENT ON COLUMN "lake"."raw"."phone_find"."country" IS 'country of the phone number; null when no number was found';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_linkedin_url" IS 'URL of the LinkedIn profile that was submitted for the search; null when no LinkedIn profile was submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_firstname" IS 'first name that was submitted for the search; null when no first name was submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_lastname" IS 'last name that was submitted for the search; null when no last name was submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_company_domain" IS 'company domain that was submitted for the search; null when no company domain was submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_company_name" IS 'company name that was submitted for the search; null when no company name was submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."custom" IS 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search';
COMMENT ON COLUMN "lake"."raw"."phone_find"."extra" IS 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column';
LOCK TABLE "lake"."raw"."phone_find" IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMP TABLE "enrow_export_staged_phone_find" ("batch_id" text, "batch_custom" text, "index" bigint, "qualification" text, "number" text, "country" text, "params_linkedin_url" text, "params_firstname" text, "params_lastname" text, "params_company_domain" text, "params_company_name" text, "custom" text, "extra" text) ON COMMIT DROP;
-- PostgreSQL cannot store the character U+0000 in text: it is replaced by U+001A (substitute).
CREATE TEMP TABLE "enrow_export_lines_phone_find" (line text) ON COMMIT DROP;
\copy "enrow_export_lines_phone_find" FROM PROGRAM 'cat < ''/data/en"row''\''''s $HOME/phone_find/a1.ndjson''' WITH (FORMAT csv, HEADER false, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', NULL '', ENCODING 'UTF8')
\copy "enrow_export_lines_phone_find" FROM PROGRAM 'cat < ''/data/en"row''\''''s $HOME/phone_find/b1.ndjson''' WITH (FORMAT csv, HEADER false, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', NULL '', ENCODING 'UTF8')
\copy "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") FROM PROGRAM 'gzip -dc < ''/data/en"row''\''''s $HOME/phone_find/a1.csv.gz'' | LC_ALL=C tr ''\000'' ''\032''' WITH (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULL '', ENCODING 'UTF8')
\copy "enrow_export_staged_phone_find" ("batch_id", "index", "number") FROM PROGRAM 'gzip -dc < ''/data/en"row''\''''s $HOME/phone_find/b1.csv.gz'' | LC_ALL=C tr ''\000'' ''\032''' WITH (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULL '', ENCODING 'UTF8')
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
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "lake"."raw"."phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
COMMIT;
