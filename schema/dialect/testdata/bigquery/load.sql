-- phone_find: 4 batches, 15 rows, 4 files
-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id
-- and index. No constraint enforces this, because an index may be missing or repeated.
CREATE TABLE IF NOT EXISTS `lake`.`raw`.`phone_find` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch'),
  `index` INT64 OPTIONS (description = 'position of the search in the batch; null when the result has no integer as its position'),
  `qualification` STRING OPTIONS (description = 'result of the search: found or not_found; null when the result has no qualification'),
  `number` STRING OPTIONS (description = 'phone number that was found; null when no number was found'),
  `country` STRING OPTIONS (description = 'country of the phone number; null when no number was found'),
  `params_linkedin_url` STRING OPTIONS (description = 'URL of the LinkedIn profile that was submitted for the search; null when no LinkedIn profile was submitted'),
  `params_firstname` STRING OPTIONS (description = 'first name that was submitted for the search; null when no first name was submitted'),
  `params_lastname` STRING OPTIONS (description = 'last name that was submitted for the search; null when no last name was submitted'),
  `params_company_domain` STRING OPTIONS (description = 'company domain that was submitted for the search; null when no company domain was submitted'),
  `params_company_name` STRING OPTIONS (description = 'company name that was submitted for the search; null when no company name was submitted'),
  `custom` STRING OPTIONS (description = 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search'),
  `extra` STRING OPTIONS (description = 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each search in a bulk phone search.');
CREATE TABLE IF NOT EXISTS `lake`.`raw`.`enrow_export_lock` (`loads` INT64)
OPTIONS (description = 'One row that every load updates before it replaces rows, so that no two loads replace rows at the same time.');
INSERT INTO `lake`.`raw`.`enrow_export_lock` (`loads`) SELECT 0 FROM (SELECT 1) WHERE NOT EXISTS (SELECT 1 FROM `lake`.`raw`.`enrow_export_lock`);
LOAD DATA OVERWRITE TEMP TABLE `enrow_export_staged_phone_find` (`batch_id` STRING, `batch_custom` STRING, `index` INT64, `qualification` STRING, `number` STRING, `country` STRING, `params_linkedin_url` STRING, `params_firstname` STRING, `params_lastname` STRING, `params_company_domain` STRING, `params_company_name` STRING, `custom` STRING, `extra` STRING)
FROM FILES (format = 'PARQUET', file_set_spec_type = 'FILE_SYSTEM_MATCH', column_name_character_map = 'STRICT', enum_as_string = FALSE, enable_list_inference = FALSE, uris = [
  'gs://bucket/en`row\'s \\/phone_find/a1.parquet'
]);
LOAD DATA INTO TEMP TABLE `enrow_export_staged_phone_find` (`batch_id` STRING, `batch_custom` STRING, `index` INT64, `qualification` STRING, `number` STRING, `country` STRING, `params_linkedin_url` STRING, `params_firstname` STRING, `params_lastname` STRING, `params_company_domain` STRING, `params_company_name` STRING, `custom` STRING, `extra` STRING)
FROM FILES (format = 'PARQUET', file_set_spec_type = 'FILE_SYSTEM_MATCH', column_name_character_map = 'STRICT', enum_as_string = FALSE, enable_list_inference = FALSE, uris = [
  'gs://bucket/en`row\'s \\/phone_find/b1.parquet'
]);
LOAD DATA INTO TEMP TABLE `enrow_export_staged_phone_find` (`batch_id` STRING, `batch_custom` STRING, `index` INT64, `qualification` STRING, `number` STRING, `country` STRING, `params_linkedin_url` STRING, `params_firstname` STRING, `params_lastname` STRING, `params_company_domain` STRING, `params_company_name` STRING, `custom` STRING, `extra` STRING)
FROM FILES (format = 'NEWLINE_DELIMITED_JSON', file_set_spec_type = 'FILE_SYSTEM_MATCH', max_bad_records = 0, ignore_unknown_values = FALSE, encoding = 'UTF8', uris = [
  'gs://bucket/en`row\'s \\/phone_find/a1.ndjson.gz'
]);
LOAD DATA INTO TEMP TABLE `enrow_export_staged_phone_find` (`batch_id` STRING, `batch_custom` STRING, `index` INT64, `qualification` STRING, `number` STRING, `country` STRING, `params_linkedin_url` STRING, `params_firstname` STRING, `params_lastname` STRING, `params_company_domain` STRING, `params_company_name` STRING, `custom` STRING, `extra` STRING)
FROM FILES (format = 'NEWLINE_DELIMITED_JSON', file_set_spec_type = 'FILE_SYSTEM_MATCH', max_bad_records = 0, ignore_unknown_values = FALSE, encoding = 'UTF8', uris = [
  'gs://bucket/en`row\'s \\/phone_find/b1.ndjson.gz'
]);
DELETE FROM `enrow_export_staged_phone_find` WHERE `batch_id` NOT IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
ASSERT (SELECT COUNT(*) FROM `enrow_export_staged_phone_find`) = 15 AS 'phone_find: the files do not have the 15 rows that the manifest records';
BEGIN TRANSACTION;
-- When two loads run at once, BigQuery cancels one here. It has changed nothing: run it again.
UPDATE `lake`.`raw`.`enrow_export_lock` SET `loads` = `loads` + 1 WHERE TRUE;
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (SELECT `batch_id` FROM `enrow_export_staged_phone_find`);
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (
  'a2'
);
INSERT INTO `lake`.`raw`.`phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`)
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `enrow_export_staged_phone_find`;
COMMIT TRANSACTION;
DROP TABLE `enrow_export_staged_phone_find`;
