-- phone_find: 4 batches, 15 rows, 4 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
-- Only this session sees its temporary tables, so a second load has its own.
DROP TEMPORARY TABLE IF EXISTS `enrow_export_staged_phone_find`;
CREATE TEMPORARY TABLE `enrow_export_staged_phone_find` (`batch_id` String, `batch_custom` Nullable(String), `index` Nullable(Int64), `qualification` Nullable(String), `number` Nullable(String), `country` Nullable(String), `params_linkedin_url` Nullable(String), `params_firstname` Nullable(String), `params_lastname` Nullable(String), `params_company_domain` Nullable(String), `params_company_name` Nullable(String), `custom` Nullable(String), `extra` Nullable(String)) ENGINE = Memory;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`)
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM s3('http://minio:9000/bucket/custom=acme/it\'s/phone_find/a1.parquet', 'Parquet', '`batch_id` String, `batch_custom` Nullable(String), `index` Nullable(Int64), `qualification` Nullable(String), `number` Nullable(String), `country` Nullable(String), `params_linkedin_url` Nullable(String), `params_firstname` Nullable(String), `params_lastname` Nullable(String), `params_company_domain` Nullable(String), `params_company_name` Nullable(String), `custom` Nullable(String), `extra` Nullable(String)', 'none')
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_parquet_allow_missing_columns = 0, input_format_parquet_case_insensitive_column_matching = 0;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `index`, `number`)
SELECT `batch_id`, `index`, `number` FROM s3('http://minio:9000/bucket/custom=acme/it\'s/phone_find/b1.parquet', 'Parquet', '`batch_id` String, `index` Nullable(Int64), `number` Nullable(String)', 'none')
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_parquet_allow_missing_columns = 0, input_format_parquet_case_insensitive_column_matching = 0;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`)
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM s3('http://minio:9000/bucket/custom=acme/it\'s/phone_find/a1.ndjson.gz', 'JSONEachRow', '`batch_id` String, `batch_custom` Nullable(String), `index` Nullable(Int64), `qualification` Nullable(String), `number` Nullable(String), `country` Nullable(String), `params_linkedin_url` Nullable(String), `params_firstname` Nullable(String), `params_lastname` Nullable(String), `params_company_domain` Nullable(String), `params_company_name` Nullable(String), `custom` Nullable(String), `extra` Nullable(String)', 'gzip')
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_skip_unknown_fields = 0;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `index`, `number`)
SELECT `batch_id`, `index`, `number` FROM s3('http://minio:9000/bucket/custom=acme/it\'s/phone_find/b1.ndjson.gz', 'JSONEachRow', '`batch_id` String, `index` Nullable(Int64), `number` Nullable(String)', 'gzip')
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_skip_unknown_fields = 0;
DROP TEMPORARY TABLE IF EXISTS `enrow_export_staged_phone_find_kept`;
CREATE TEMPORARY TABLE `enrow_export_staged_phone_find_kept` (`batch_id` String, `batch_custom` Nullable(String), `index` Nullable(Int64), `qualification` Nullable(String), `number` Nullable(String), `country` Nullable(String), `params_linkedin_url` Nullable(String), `params_firstname` Nullable(String), `params_lastname` Nullable(String), `params_company_domain` Nullable(String), `params_company_name` Nullable(String), `custom` Nullable(String), `extra` Nullable(String)) ENGINE = Memory;
INSERT INTO `enrow_export_staged_phone_find_kept` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`)
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `enrow_export_staged_phone_find` WHERE `batch_id` IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
DROP TEMPORARY TABLE `enrow_export_staged_phone_find`;
SELECT throwIf(count() != 15, 'phone_find: the files do not have the 15 rows that the manifest records') FROM `enrow_export_staged_phone_find_kept`;
-- ClickHouse has no transactions: the rows of the batches are missing until the INSERT below is done.
-- When two loads run at once, the second fails here. It has changed nothing: run it again.
-- A load that is killed after this line leaves this table. When no load is running, drop it and load again.
CREATE TABLE `enrow_export_lock_phone_find` (`since` DateTime) ENGINE = Memory
COMMENT 'A load is running. If no load is running, one was killed: drop this table and load again.';
DELETE FROM `phone_find` WHERE `batch_id` IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
-- By default a replicated table skips rows that it has inserted before.
INSERT INTO `phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) SETTINGS insert_deduplicate = 0
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `enrow_export_staged_phone_find_kept`;
DROP TABLE `enrow_export_lock_phone_find`;
DROP TEMPORARY TABLE `enrow_export_staged_phone_find_kept`;
