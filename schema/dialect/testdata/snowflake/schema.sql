CREATE TABLE IF NOT EXISTS "EMAIL_FIND" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  "INDEX" NUMBER(19, 0) COMMENT 'position of the search in the batch, from 0; null when it is no integer',
  "QUALIFICATION" VARCHAR COMMENT 'valid, invalid or ongoing; null when it is absent',
  "EMAIL" VARCHAR COMMENT 'the address found; null when none was found',
  "INFO_DOMAIN" VARCHAR COMMENT 'domain of the address; null when none was found',
  "INFO_FULLNAME" VARCHAR COMMENT 'the person\'s full name; null when none was found, or it is not known',
  "INFO_FIRSTNAME" VARCHAR COMMENT 'the person\'s first name; null when none was found, or it is not known',
  "INFO_LASTNAME" VARCHAR COMMENT 'the person\'s last name; null when none was found, or it is not known',
  "INFO_GENDER" VARCHAR COMMENT 'male or female; null when the batch was started without retrieve_gender, or none was found',
  "INFO_COMPANY_DOMAIN" VARCHAR COMMENT 'domain of the person\'s company; null when none was found, or it is not known',
  "INFO_COMPANY_INFO_NAME" VARCHAR COMMENT 'name of the person\'s company; null when none was found, or it is not known',
  "RAW_PARAMS_FULLNAME" VARCHAR COMMENT 'full name, as it was submitted; null when it was not submitted',
  "RAW_PARAMS_COMPANY_DOMAIN" VARCHAR COMMENT 'company domain, as it was submitted; null when it was not submitted',
  "RAW_PARAMS_COMPANY_NAME" VARCHAR COMMENT 'company name, as it was submitted; null when it was not submitted',
  "CUSTOM" VARCHAR COMMENT 'what was attached to the search; JSON text when not a string; null when nothing was',
  "EXTRA" VARCHAR COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each search of a bulk e-mail search.';

CREATE TABLE IF NOT EXISTS "EMAIL_VERIFY" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  "INDEX" VARCHAR COMMENT 'id of the verification in the batch; not a number; null when it is absent',
  "EMAIL" VARCHAR COMMENT 'the address that was verified; null when it is absent',
  "QUALIFICATION" VARCHAR COMMENT 'valid or invalid; null when it is absent',
  "EXTRA" VARCHAR COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each address of a bulk e-mail verification.';

CREATE TABLE IF NOT EXISTS "PHONE_FIND" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was',
  "INDEX" NUMBER(19, 0) COMMENT 'position of the search in the batch; null when it is no integer',
  "QUALIFICATION" VARCHAR COMMENT 'found or not_found; null when it is absent',
  "NUMBER" VARCHAR COMMENT 'the phone number found; null when none was found',
  "COUNTRY" VARCHAR COMMENT 'country of the number; null when none was found',
  "PARAMS_LINKEDIN_URL" VARCHAR COMMENT 'LinkedIn profile, as it was submitted; null when it was not submitted',
  "PARAMS_FIRSTNAME" VARCHAR COMMENT 'first name, as it was submitted; null when it was not submitted',
  "PARAMS_LASTNAME" VARCHAR COMMENT 'last name, as it was submitted; null when it was not submitted',
  "PARAMS_COMPANY_DOMAIN" VARCHAR COMMENT 'company domain, as it was submitted; null when it was not submitted',
  "PARAMS_COMPANY_NAME" VARCHAR COMMENT 'company name, as it was submitted; null when it was not submitted',
  "CUSTOM" VARCHAR COMMENT 'what was attached to the search; JSON text when not a string; null when nothing was',
  "EXTRA" VARCHAR COMMENT 'JSON object of all that no column holds; null when nothing is left over'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each search of a bulk phone search.';

CREATE TABLE IF NOT EXISTS "ENROW_EXPORT_LOCK" ("LOADS" NUMBER(19, 0))
COMMENT = 'One row, which every load of the tables beside it writes before it replaces batches, so that no two do at once.';
