CREATE TABLE IF NOT EXISTS "EMAIL_FIND" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  "INDEX" NUMBER(19, 0) COMMENT 'position of the search in the batch, starting at 0; null when the result has no integer as its position',
  "QUALIFICATION" VARCHAR COMMENT 'result of the search: valid, invalid or ongoing; null when the result has no qualification',
  "EMAIL" VARCHAR COMMENT 'email address that was found; null when no address was found',
  "INFO_DOMAIN" VARCHAR COMMENT 'domain of the email address; null when no address was found',
  "INFO_FULLNAME" VARCHAR COMMENT 'full name of the person; null when no address was found or the full name is not known',
  "INFO_FIRSTNAME" VARCHAR COMMENT 'first name of the person; null when no address was found or the first name is not known',
  "INFO_LASTNAME" VARCHAR COMMENT 'last name of the person; null when no address was found or the last name is not known',
  "INFO_GENDER" VARCHAR COMMENT 'gender of the person: male or female; null when no address was found or the batch was started without retrieve_gender',
  "INFO_COMPANY_DOMAIN" VARCHAR COMMENT 'domain of the person\'s company; null when no address was found or the company domain is not known',
  "INFO_COMPANY_INFO_NAME" VARCHAR COMMENT 'name of the person\'s company; null when no address was found or the company name is not known',
  "RAW_PARAMS_FULLNAME" VARCHAR COMMENT 'full name that was submitted for the search; null when no full name was submitted',
  "RAW_PARAMS_COMPANY_DOMAIN" VARCHAR COMMENT 'company domain that was submitted for the search; null when no company domain was submitted',
  "RAW_PARAMS_COMPANY_NAME" VARCHAR COMMENT 'company name that was submitted for the search; null when no company name was submitted',
  "CUSTOM" VARCHAR COMMENT 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search',
  "EXTRA" VARCHAR COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each search in a bulk email search.';

CREATE TABLE IF NOT EXISTS "EMAIL_VERIFY" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  "INDEX" VARCHAR COMMENT 'id of the verification in the batch; the id is not a number; null when the result has no id',
  "EMAIL" VARCHAR COMMENT 'email address that was verified; null when the result has no address',
  "QUALIFICATION" VARCHAR COMMENT 'result of the verification: valid or invalid; null when the result has no qualification',
  "EXTRA" VARCHAR COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each address in a bulk email verification.';

CREATE TABLE IF NOT EXISTS "PHONE_FIND" (
  "BATCH_ID" VARCHAR NOT NULL COMMENT 'id of the batch; never null',
  "BATCH_CUSTOM" VARCHAR COMMENT 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch',
  "INDEX" NUMBER(19, 0) COMMENT 'position of the search in the batch; null when the result has no integer as its position',
  "QUALIFICATION" VARCHAR COMMENT 'result of the search: found or not_found; null when the result has no qualification',
  "NUMBER" VARCHAR COMMENT 'phone number that was found; null when no number was found',
  "COUNTRY" VARCHAR COMMENT 'country of the phone number; null when no number was found',
  "PARAMS_LINKEDIN_URL" VARCHAR COMMENT 'URL of the LinkedIn profile that was submitted for the search; null when no LinkedIn profile was submitted',
  "PARAMS_FIRSTNAME" VARCHAR COMMENT 'first name that was submitted for the search; null when no first name was submitted',
  "PARAMS_LASTNAME" VARCHAR COMMENT 'last name that was submitted for the search; null when no last name was submitted',
  "PARAMS_COMPANY_DOMAIN" VARCHAR COMMENT 'company domain that was submitted for the search; null when no company domain was submitted',
  "PARAMS_COMPANY_NAME" VARCHAR COMMENT 'company name that was submitted for the search; null when no company name was submitted',
  "CUSTOM" VARCHAR COMMENT 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search',
  "EXTRA" VARCHAR COMMENT 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column'
)
CLUSTER BY ("BATCH_ID", "INDEX")
COMMENT = 'One row for each search in a bulk phone search.';

CREATE TABLE IF NOT EXISTS "ENROW_EXPORT_LOCK" ("LOADS" NUMBER(19, 0))
COMMENT = 'One row that every load updates before it replaces rows, so that no two loads replace rows at the same time.';
