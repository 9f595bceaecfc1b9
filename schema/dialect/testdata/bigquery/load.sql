-- phone_find: 4 batches, 15 rows, 4 files
-- A batch is replaced as a whole, so that this can be run again. Rows are keyed on
-- batch_id and index; an index may be absent or come twice, so no constraint says so.
CREATE TABLE IF NOT EXISTS `lake`.`raw`.`phone_find` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was'),
  `index` INT64 OPTIONS (description = 'position of the search in the batch; null when it is no integer'),
  `qualification` STRING OPTIONS (description = 'found or not_found; null when it is absent'),
  `number` STRING OPTIONS (description = 'the phone number found; null when none was found'),
  `country` STRING OPTIONS (description = 'country of the number; null when none was found'),
  `params_linkedin_url` STRING OPTIONS (description = 'LinkedIn profile, as it was submitted; null when it was not submitted'),
  `params_firstname` STRING OPTIONS (description = 'first name, as it was submitted; null when it was not submitted'),
  `params_lastname` STRING OPTIONS (description = 'last name, as it was submitted; null when it was not submitted'),
  `params_company_domain` STRING OPTIONS (description = 'company domain, as it was submitted; null when it was not submitted'),
  `params_company_name` STRING OPTIONS (description = 'company name, as it was submitted; null when it was not submitted'),
  `custom` STRING OPTIONS (description = 'what was attached to the search; JSON text when not a string; null when nothing was'),
  `extra` STRING OPTIONS (description = 'JSON object of all that no column holds; null when nothing is left over')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each search of a bulk phone search.');
CREATE TABLE IF NOT EXISTS `lake`.`raw`.`enrow_export_lock` (`loads` INT64)
OPTIONS (description = 'One row, which every load of the tables beside it writes before it replaces batches, so that no two do at once.');
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
ASSERT (SELECT COUNT(*) FROM `enrow_export_staged_phone_find`) = 15 AS 'phone_find: the files have not the 15 rows that the manifest says';
BEGIN TRANSACTION;
-- Of two loads at once BigQuery cancels one here: it changes nothing, and can be run again.
UPDATE `lake`.`raw`.`enrow_export_lock` SET `loads` = `loads` + 1 WHERE TRUE;
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (SELECT `batch_id` FROM `enrow_export_staged_phone_find`);
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (
  'a2'
);
INSERT INTO `lake`.`raw`.`phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`)
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `enrow_export_staged_phone_find`;
COMMIT TRANSACTION;
DROP TABLE `enrow_export_staged_phone_find`;
