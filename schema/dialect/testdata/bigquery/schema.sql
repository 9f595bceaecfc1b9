CREATE TABLE IF NOT EXISTS `email_find` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was'),
  `index` INT64 OPTIONS (description = 'position of the search in the batch, from 0; null when it is no integer'),
  `qualification` STRING OPTIONS (description = 'valid, invalid or ongoing; null when it is absent'),
  `email` STRING OPTIONS (description = 'the address found; null when none was found'),
  `info_domain` STRING OPTIONS (description = 'domain of the address; null when none was found'),
  `info_fullname` STRING OPTIONS (description = 'the person\'s full name; null when none was found, or it is not known'),
  `info_firstname` STRING OPTIONS (description = 'the person\'s first name; null when none was found, or it is not known'),
  `info_lastname` STRING OPTIONS (description = 'the person\'s last name; null when none was found, or it is not known'),
  `info_gender` STRING OPTIONS (description = 'male or female; null when the batch was started without retrieve_gender, or none was found'),
  `info_company_domain` STRING OPTIONS (description = 'domain of the person\'s company; null when none was found, or it is not known'),
  `info_company_info_name` STRING OPTIONS (description = 'name of the person\'s company; null when none was found, or it is not known'),
  `raw_params_fullname` STRING OPTIONS (description = 'full name, as it was submitted; null when it was not submitted'),
  `raw_params_company_domain` STRING OPTIONS (description = 'company domain, as it was submitted; null when it was not submitted'),
  `raw_params_company_name` STRING OPTIONS (description = 'company name, as it was submitted; null when it was not submitted'),
  `custom` STRING OPTIONS (description = 'what was attached to the search; JSON text when not a string; null when nothing was'),
  `extra` STRING OPTIONS (description = 'JSON object of all that no column holds; null when nothing is left over')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each search of a bulk e-mail search.');

CREATE TABLE IF NOT EXISTS `email_verify` (
  `batch_id` STRING OPTIONS (description = 'id of the batch; never null'),
  `batch_custom` STRING OPTIONS (description = 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was'),
  `index` STRING OPTIONS (description = 'id of the verification in the batch; not a number; null when it is absent'),
  `email` STRING OPTIONS (description = 'the address that was verified; null when it is absent'),
  `qualification` STRING OPTIONS (description = 'valid or invalid; null when it is absent'),
  `extra` STRING OPTIONS (description = 'JSON object of all that no column holds; null when nothing is left over')
)
CLUSTER BY `batch_id`, `index`
OPTIONS (description = 'One row for each address of a bulk e-mail verification.');

CREATE TABLE IF NOT EXISTS `phone_find` (
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

CREATE TABLE IF NOT EXISTS `enrow_export_lock` (`loads` INT64)
OPTIONS (description = 'One row, which every load of the tables beside it writes before it replaces batches, so that no two do at once.');
