CREATE TABLE IF NOT EXISTS `email_find` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch'),
  `index` INT64 OPTIONS (description = 'position of the search in the batch, starting at 0; null when the result has no integer as its position'),
  `qualification` STRING OPTIONS (description = 'result of the search: valid, invalid or ongoing; null when the result has no qualification'),
  `email` STRING OPTIONS (description = 'email address that was found; null when no address was found'),
  `info_domain` STRING OPTIONS (description = 'domain of the email address; null when no address was found'),
  `info_fullname` STRING OPTIONS (description = 'full name of the person; null when no address was found or the full name is not known'),
  `info_firstname` STRING OPTIONS (description = 'first name of the person; null when no address was found or the first name is not known'),
  `info_lastname` STRING OPTIONS (description = 'last name of the person; null when no address was found or the last name is not known'),
  `info_gender` STRING OPTIONS (description = 'gender of the person: male or female; null when no address was found or the batch was started without retrieve_gender'),
  `info_company_domain` STRING OPTIONS (description = 'domain of the person\'s company; null when no address was found or the company domain is not known'),
  `info_company_info_name` STRING OPTIONS (description = 'name of the person\'s company; null when no address was found or the company name is not known'),
  `raw_params_fullname` STRING OPTIONS (description = 'full name that was submitted for the search; null when no full name was submitted'),
  `raw_params_company_domain` STRING OPTIONS (description = 'company domain that was submitted for the search; null when no company domain was submitted'),
  `raw_params_company_name` STRING OPTIONS (description = 'company name that was submitted for the search; null when no company name was submitted'),
  `custom` STRING OPTIONS (description = 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search'),
  `extra` STRING OPTIONS (description = 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each search in a bulk email search.');

CREATE TABLE IF NOT EXISTS `email_verify` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch'),
  `index` STRING OPTIONS (description = 'id of the verification in the batch; the id is not a number; null when the result has no id'),
  `email` STRING OPTIONS (description = 'email address that was verified; null when the result has no address'),
  `qualification` STRING OPTIONS (description = 'result of the verification: valid or invalid; null when the result has no qualification'),
  `extra` STRING OPTIONS (description = 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each address in a bulk email verification.');

CREATE TABLE IF NOT EXISTS `phone_find` (
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

CREATE TABLE IF NOT EXISTS `enrow_export_lock` (`loads` INT64)
OPTIONS (description = 'One row that every load updates before it replaces rows, so that no two loads replace rows at the same time.');
