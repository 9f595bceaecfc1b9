-- phone_find: 4 batches, 15 rows, 4 files
-- A batch is replaced as a whole, so that this can be run again. Rows are keyed on
-- batch_id and index; an index may be absent or come twice, so no constraint says so.
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
-- Temporary tables are of this session alone: loads at once do not meet in them.
DROP TEMPORARY TABLE IF EXISTS `enrow_export_staged_phone_find`;
CREATE TEMPORARY TABLE `enrow_export_staged_phone_find` (`batch_id` String, `batch_custom` Nullable(String), `index` Nullable(Int64), `qualification` Nullable(String), `number` Nullable(String), `country` Nullable(String), `params_linkedin_url` Nullable(String), `params_firstname` Nullable(String), `params_lastname` Nullable(String), `params_company_domain` Nullable(String), `params_company_name` Nullable(String), `custom` Nullable(String), `extra` Nullable(String)) ENGINE = Memory;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) FROM INFILE '/data/en`row\'s \\/phone_find/a1.parquet' COMPRESSION 'none'
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_parquet_allow_missing_columns = 0, input_format_parquet_case_insensitive_column_matching = 0 FORMAT Parquet;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `index`, `number`) FROM INFILE '/data/en`row\'s \\/phone_find/b1.parquet' COMPRESSION 'none'
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_parquet_allow_missing_columns = 0, input_format_parquet_case_insensitive_column_matching = 0 FORMAT Parquet;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) FROM INFILE '/data/en`row\'s \\/phone_find/a1.ndjson.gz' COMPRESSION 'gzip'
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_skip_unknown_fields = 0 FORMAT JSONEachRow;
INSERT INTO `enrow_export_staged_phone_find` (`batch_id`, `index`, `number`) FROM INFILE '/data/en`row\'s \\/phone_find/b1.ndjson.gz' COMPRESSION 'gzip'
SETTINGS use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, input_format_skip_unknown_fields = 0 FORMAT JSONEachRow;
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
SELECT throwIf(count() != 15, 'phone_find: the files have not the 15 rows that the manifest says') FROM `enrow_export_staged_phone_find_kept`;
-- ClickHouse has no transaction: for a moment the rows of the batches are missing. Of two
-- loads at once the second fails here, with nothing changed: run it again. A load that was
-- killed further down leaves this table: when none is under way, drop it, and load again.
CREATE TABLE `lake`.`raw`.`enrow_export_lock_phone_find` (`since` DateTime) ENGINE = Memory
COMMENT 'A load is under way. When none is, one was killed: drop this table, and load again.';
DELETE FROM `lake`.`raw`.`phone_find` WHERE `batch_id` IN (
  'a1',
  'a2',
  'b1',
  'b2'
);
-- A replicated table would take the same rows for a repeated insert.
INSERT INTO `lake`.`raw`.`phone_find` (`batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra`) SETTINGS insert_deduplicate = 0
SELECT `batch_id`, `batch_custom`, `index`, `qualification`, `number`, `country`, `params_linkedin_url`, `params_firstname`, `params_lastname`, `params_company_domain`, `params_company_name`, `custom`, `extra` FROM `enrow_export_staged_phone_find_kept`;
DROP TABLE `lake`.`raw`.`enrow_export_lock_phone_find`;
DROP TEMPORARY TABLE `enrow_export_staged_phone_find_kept`;
