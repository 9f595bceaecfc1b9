-- phone_find: 4 batches, 15 rows, 4 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
CREATE TABLE IF NOT EXISTS "lake"."raw"."phone_find" (
  "batch_id" VARCHAR(65535) NOT NULL,
  "batch_custom" VARCHAR(65535),
  "index" BIGINT,
  "qualification" VARCHAR(65535),
  "number" VARCHAR(65535),
  "country" VARCHAR(65535),
  "params_linkedin_url" VARCHAR(65535),
  "params_firstname" VARCHAR(65535),
  "params_lastname" VARCHAR(65535),
  "params_company_domain" VARCHAR(65535),
  "params_company_name" VARCHAR(65535),
  "custom" VARCHAR(65535),
  "extra" VARCHAR(65535)
)
COMPOUND SORTKEY ("batch_id", "index");
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
BEGIN;
-- One load at a time: the second waits here and then sees the rows of the first.
LOCK "lake"."raw"."phone_find";
CREATE TEMP TABLE "enrow_export_staged_phone_find" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/en"row''s/_loads/phone_find-d4fb53e85b9072e9.manifest'
IAM_ROLE default MANIFEST FORMAT AS PARQUET;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "index" BIGINT, "number" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/en"row''s/_loads/phone_find-6fe4ecbd0b653141.manifest'
IAM_ROLE default MANIFEST FORMAT AS PARQUET;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number") SELECT "batch_id", "index", "number" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/en"row''s/_loads/phone_find-c30fa98f8fb2c4d7.manifest'
IAM_ROLE default MANIFEST FORMAT AS JSON 'auto' MAXERROR 0 COMPUPDATE OFF GZIP;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "index" BIGINT, "number" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/en"row''s/_loads/phone_find-db87c96a3ec5b850.manifest'
IAM_ROLE default MANIFEST FORMAT AS JSON 'auto' MAXERROR 0 COMPUPDATE OFF GZIP;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number") SELECT "batch_id", "index", "number" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
DELETE FROM "enrow_export_staged_phone_find" WHERE "batch_id" NOT IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
-- A division by zero here means: phone_find: the files do not have the 15 rows that the manifest records.
SELECT 1 / CASE WHEN COUNT(*) = 15 THEN 1 ELSE 0 END FROM "enrow_export_staged_phone_find";
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "lake"."raw"."phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
DROP TABLE "enrow_export_staged_phone_find";
COMMIT;
