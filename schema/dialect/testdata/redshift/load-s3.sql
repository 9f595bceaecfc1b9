-- phone_find: 4 batches, 15 rows, 4 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
BEGIN;
-- One load at a time: the second waits here and then sees the rows of the first.
LOCK "phone_find";
CREATE TEMP TABLE "enrow_export_staged_phone_find" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/custom=acme/it''s/_loads/phone_find-d445e7464358a9c6.manifest'
IAM_ROLE default MANIFEST FORMAT AS PARQUET;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "index" BIGINT, "number" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/custom=acme/it''s/_loads/phone_find-78ff141de9534053.manifest'
IAM_ROLE default MANIFEST FORMAT AS PARQUET;
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "index", "number") SELECT "batch_id", "index", "number" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "batch_custom" VARCHAR(65535), "index" BIGINT, "qualification" VARCHAR(65535), "number" VARCHAR(65535), "country" VARCHAR(65535), "params_linkedin_url" VARCHAR(65535), "params_firstname" VARCHAR(65535), "params_lastname" VARCHAR(65535), "params_company_domain" VARCHAR(65535), "params_company_name" VARCHAR(65535), "custom" VARCHAR(65535), "extra" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/custom=acme/it''s/_loads/phone_find-e4c250897da69903.manifest'
IAM_ROLE default MANIFEST FORMAT AS JSON 'auto' MAXERROR 0 COMPUPDATE OFF GZIP REGION 'it''s';
INSERT INTO "enrow_export_staged_phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra") SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find_part";
DROP TABLE "enrow_export_staged_phone_find_part";
CREATE TEMP TABLE "enrow_export_staged_phone_find_part" ("batch_id" VARCHAR(65535), "index" BIGINT, "number" VARCHAR(65535));
COPY "enrow_export_staged_phone_find_part" FROM 's3://bucket/custom=acme/it''s/_loads/phone_find-02a1953f35c04823.manifest'
IAM_ROLE default MANIFEST FORMAT AS JSON 'auto' MAXERROR 0 COMPUPDATE OFF GZIP REGION 'it''s';
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
DELETE FROM "phone_find" WHERE "batch_id" IN (SELECT "batch_id" FROM "enrow_export_staged_phone_find");
DELETE FROM "phone_find" WHERE "batch_id" IN (
  'a2'
);
INSERT INTO "phone_find" ("batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra")
SELECT "batch_id", "batch_custom", "index", "qualification", "number", "country", "params_linkedin_url", "params_firstname", "params_lastname", "params_company_domain", "params_company_name", "custom", "extra" FROM "enrow_export_staged_phone_find";
DROP TABLE "enrow_export_staged_phone_find";
COMMIT;
