-- phone_find: 4 batches, 15 rows, 4 files
-- A batch is replaced as a whole, so that this can be run again. Rows are keyed on
-- batch_id and index; an index may be absent or come twice, so no constraint says so.
-- ClickHouse has no transaction: for a moment the rows of the batches are missing.
CREATE TABLE IF NOT EXISTS `lake`.`raw`.`phone_find` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  `index` Nullable(Int64) COMMENT 'position of the search in the batch; null when it is no integer',
  `qualification` Nullable(String) COMMENT 'found or not_found; null when it is absent',
  `number` Nullable(String) COMMENT 'the phone number found; null when none was found',
  `country` Nullable(String) COMMENT 'country of the number; null when none was found',
  `params_linkedin_url` Nullable(String) COMMENT 'LinkedIn profile, as it was submitted; null when it was not submitted',
  `params_firstname` Nullable(String) COMMENT 'first name, as it was submitted; null when it was not submitted',
  `params_lastname` Nullable(String) COMMENT 'last name, as it was submitted; null when it was not submitted',
  `params_company_domain` Nullable(String) COMMENT 'company domain, as it was submitted; null when it was not submitted',
  `params_company_name` Nullable(String) COMMENT 'company name, as it was submitted; null when it was not submitted',
  `custom` Nullable(String) COMMENT 'what was attached to the search; JSON text when not a string; null when nothing was',
  `extra` Nullable(String) COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each search of a bulk phone search.';
DROP TABLE IF EXISTS `lake`.`raw`.`enrow_export_staged_phone_find`;
CREATE TABLE `lake`.`raw`.`enrow_export_staged_phone_find` AS `lake`.`raw`.`phone_find` ENGINE = MergeTree ORDER BY `batch_id`;
INSERT INTO `lake`.`raw`.`enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) FROM INFILE '/data/en`row\'s \\/phone_find/a1.parquet' FORMAT Parquet;
INSERT INTO `lake`.`raw`.`enrow_export_staged_phone_find` (`batch_id`, `index`, `number`) FROM INFILE '/data/en`row\'s \\/phone_find/b1.parquet' FORMAT Parquet;
INSERT INTO `lake`.`raw`.`enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) FROM INFILE '/data/en`row\'s \\/phone_find/a1.ndjson.gz' COMPRESSION 'gzip' FORMAT JSONEachRow;
INSERT INTO `lake`.`raw`.`enrow_export_staged_phone_find` (`batch_id`, `index`, `number`) FROM INFILE '/data/en`row\'s \\/phone_find/b1.ndjson.gz' COMPRESSION 'gzip' FORMAT JSONEachRow;
DELETE FROM `lake`.`raw`.`enrow_export_staged_phone_find` WHERE `batch_id` NOT IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
SELECT throwIf(count() != 15, 'phone_find: the files have not the 15 rows that the manifest says') FROM `lake`.`raw`.`enrow_export_staged_phone_find`;
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
-- A replicated table would take the same rows for a repeated insert.
INSERT INTO `lake`.`raw`.`phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) SETTINGS insert_deduplicate = 0
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `lake`.`raw`.`enrow_export_staged_phone_find`;
DROP TABLE `lake`.`raw`.`enrow_export_staged_phone_find`;
