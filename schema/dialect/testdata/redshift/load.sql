-- phone_find: 4 batches, 15 rows, 4 files
-- A batch is replaced as a whole, so that this can be run again. Rows are keyed on
-- batch_id and index; an index may be absent or come twice, so no constraint says so.
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
COMMENT ON TABLE "lake"."raw"."phone_find" IS 'One row for each search of a bulk phone search.';
COMMENT ON COLUMN "lake"."raw"."phone_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "lake"."raw"."phone_find"."batch_custom" IS 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "lake"."raw"."phone_find"."index" IS 'position of the search in the batch; null when it is no integer';
COMMENT ON COLUMN "lake"."raw"."phone_find"."qualification" IS 'found or not_found; null when it is absent';
COMMENT ON COLUMN "lake"."raw"."phone_find"."number" IS 'the phone number found; null when none was found';
COMMENT ON COLUMN "lake"."raw"."phone_find"."country" IS 'country of the number; null when none was found';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_linkedin_url" IS 'LinkedIn profile, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_firstname" IS 'first name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_lastname" IS 'last name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_company_domain" IS 'company domain, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."params_company_name" IS 'company name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "lake"."raw"."phone_find"."custom" IS 'what was attached to the search; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "lake"."raw"."phone_find"."extra" IS 'JSON object of all that no column holds; null when nothing is left over';
BEGIN;
-- One load at a time: the second waits, and then sees what the first has done.
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
-- Division by zero: phone_find: the files have not the 15 rows that the manifest says.
SELECT 1 / CASE WHEN COUNT(*) = 15 THEN 1 ELSE 0 END FROM "enrow_export_staged_phone_find";
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "lake"."raw"."phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "lake"."raw"."phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
DROP TABLE "enrow_export_staged_phone_find";
COMMIT;
