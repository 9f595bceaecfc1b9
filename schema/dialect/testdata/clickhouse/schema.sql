CREATE TABLE IF NOT EXISTS `email_find` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  `index` Nullable(Int64) COMMENT 'position of the search in the batch, from 0; null when it is no integer',
  `qualification` Nullable(String) COMMENT 'valid, invalid or ongoing; null when it is absent',
  `email` Nullable(String) COMMENT 'the address found; null when none was found',
  `info_domain` Nullable(String) COMMENT 'domain of the address; null when none was found',
  `info_fullname` Nullable(String) COMMENT 'the person\'s full name; null when none was found, or it is not known',
  `info_firstname` Nullable(String) COMMENT 'the person\'s first name; null when none was found, or it is not known',
  `info_lastname` Nullable(String) COMMENT 'the person\'s last name; null when none was found, or it is not known',
  `info_gender` Nullable(String) COMMENT 'male or female; null when the batch was started without retrieve_gender, or none was found',
  `info_company_domain` Nullable(String) COMMENT 'domain of the person\'s company; null when none was found, or it is not known',
  `info_company_info_name` Nullable(String) COMMENT 'name of the person\'s company; null when none was found, or it is not known',
  `raw_params_fullname` Nullable(String) COMMENT 'full name, as it was submitted; null when it was not submitted',
  `raw_params_company_domain` Nullable(String) COMMENT 'company domain, as it was submitted; null when it was not submitted',
  `raw_params_company_name` Nullable(String) COMMENT 'company name, as it was submitted; null when it was not submitted',
  `custom` Nullable(String) COMMENT 'what was attached to the search; JSON text when not a string; null when nothing was',
  `extra` Nullable(String) COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each search of a bulk e-mail search.';

CREATE TABLE IF NOT EXISTS `email_verify` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  `index` Nullable(String) COMMENT 'id of the verification in the batch; not a number; null when it is absent',
  `email` Nullable(String) COMMENT 'the address that was verified; null when it is absent',
  `qualification` Nullable(String) COMMENT 'valid or invalid; null when it is absent',
  `extra` Nullable(String) COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each address of a bulk e-mail verification.';

CREATE TABLE IF NOT EXISTS `phone_find` (
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

