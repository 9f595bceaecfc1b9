CREATE TABLE IF NOT EXISTS `email_find` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  `index` Nullable(Int64) COMMENT 'position of the search in the batch, starting at 0; null when the result has no integer as its position',
  `qualification` Nullable(String) COMMENT 'result of the search: valid, invalid or ongoing; null when the result has no qualification',
  `email` Nullable(String) COMMENT 'email address that was found; null when no address was found',
  `info_domain` Nullable(String) COMMENT 'domain of the email address; null when no address was found',
  `info_fullname` Nullable(String) COMMENT 'full name of the person; null when no address was found or the full name is not known',
  `info_firstname` Nullable(String) COMMENT 'first name of the person; null when no address was found or the first name is not known',
  `info_lastname` Nullable(String) COMMENT 'last name of the person; null when no address was found or the last name is not known',
  `info_gender` Nullable(String) COMMENT 'gender of the person: male or female; null when no address was found or the batch was started without retrieve_gender',
  `info_company_domain` Nullable(String) COMMENT 'domain of the person\'s company; null when no address was found or the company domain is not known',
  `info_company_info_name` Nullable(String) COMMENT 'name of the person\'s company; null when no address was found or the company name is not known',
  `raw_params_fullname` Nullable(String) COMMENT 'full name that was submitted for the search; null when no full name was submitted',
  `raw_params_company_domain` Nullable(String) COMMENT 'company domain that was submitted for the search; null when no company domain was submitted',
  `raw_params_company_name` Nullable(String) COMMENT 'company name that was submitted for the search; null when no company name was submitted',
  `custom` Nullable(String) COMMENT 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search',
  `extra` Nullable(String) COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each search in a bulk email search.';

CREATE TABLE IF NOT EXISTS `email_verify` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  `index` Nullable(String) COMMENT 'id of the verification in the batch; the id is not a number; null when the result has no id',
  `email` Nullable(String) COMMENT 'email address that was verified; null when the result has no address',
  `qualification` Nullable(String) COMMENT 'result of the verification: valid or invalid; null when the result has no qualification',
  `extra` Nullable(String) COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each address in a bulk email verification.';

CREATE TABLE IF NOT EXISTS `phone_find` (
  `batch_id` String COMMENT 'id of the batch; never null',
  `batch_custom` Nullable(String) COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  `index` Nullable(Int64) COMMENT 'position of the search in the batch; null when the result has no integer as its position',
  `qualification` Nullable(String) COMMENT 'result of the search: found or not_found; null when the result has no qualification',
  `number` Nullable(String) COMMENT 'phone number that was found; null when no number was found',
  `country` Nullable(String) COMMENT 'country of the phone number; null when no number was found',
  `params_linkedin_url` Nullable(String) COMMENT 'URL of the LinkedIn profile that was submitted for the search; null when no LinkedIn profile was submitted',
  `params_firstname` Nullable(String) COMMENT 'first name that was submitted for the search; null when no first name was submitted',
  `params_lastname` Nullable(String) COMMENT 'last name that was submitted for the search; null when no last name was submitted',
  `params_company_domain` Nullable(String) COMMENT 'company domain that was submitted for the search; null when no company domain was submitted',
  `params_company_name` Nullable(String) COMMENT 'company name that was submitted for the search; null when no company name was submitted',
  `custom` Nullable(String) COMMENT 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search',
  `extra` Nullable(String) COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
ENGINE = MergeTree
ORDER BY `batch_id`
COMMENT 'One row for each search in a bulk phone search.';

