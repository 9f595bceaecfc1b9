CREATE TABLE IF NOT EXISTS "email_find" (
  "batch_id" text NOT NULL,
  "batch_custom" text,
  "index" bigint,
  "qualification" text,
  "email" text,
  "info_domain" text,
  "info_fullname" text,
  "info_firstname" text,
  "info_lastname" text,
  "info_gender" text,
  "info_company_domain" text,
  "info_company_info_name" text,
  "raw_params_fullname" text,
  "raw_params_company_domain" text,
  "raw_params_company_name" text,
  "custom" text,
  "extra" text
);
CREATE INDEX IF NOT EXISTS "email_find_key" ON "email_find" ("batch_id", "index");
COMMENT ON TABLE "email_find" IS 'One row for each search in a bulk email search.';
COMMENT ON COLUMN "email_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "email_find"."batch_custom" IS 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch';
COMMENT ON COLUMN "email_find"."index" IS 'position of the search in the batch, starting at 0; null when the result has no integer as its position';
COMMENT ON COLUMN "email_find"."qualification" IS 'result of the search: valid, invalid or ongoing; null when the result has no qualification';
COMMENT ON COLUMN "email_find"."email" IS 'email address that was found; null when no address was found';
COMMENT ON COLUMN "email_find"."info_domain" IS 'domain of the email address; null when no address was found';
COMMENT ON COLUMN "email_find"."info_fullname" IS 'full name of the person; null when no address was found or the full name is not known';
COMMENT ON COLUMN "email_find"."info_firstname" IS 'first name of the person; null when no address was found or the first name is not known';
COMMENT ON COLUMN "email_find"."info_lastname" IS 'last name of the person; null when no address was found or the last name is not known';
COMMENT ON COLUMN "email_find"."info_gender" IS 'gender of the person: male or female; null when no address was found or the batch was started without retrieve_gender';
COMMENT ON COLUMN "email_find"."info_company_domain" IS 'domain of the person''s company; null when no address was found or the company domain is not known';
COMMENT ON COLUMN "email_find"."info_company_info_name" IS 'name of the person''s company; null when no address was found or the company name is not known';
COMMENT ON COLUMN "email_find"."raw_params_fullname" IS 'full name that was submitted for the search; null when no full name was submitted';
COMMENT ON COLUMN "email_find"."raw_params_company_domain" IS 'company domain that was submitted for the search; null when no company domain was submitted';
COMMENT ON COLUMN "email_find"."raw_params_company_name" IS 'company name that was submitted for the search; null when no company name was submitted';
COMMENT ON COLUMN "email_find"."custom" IS 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search';
COMMENT ON COLUMN "email_find"."extra" IS 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column';

CREATE TABLE IF NOT EXISTS "email_verify" (
  "batch_id" text NOT NULL,
  "batch_custom" text,
  "index" text,
  "email" text,
  "qualification" text,
  "extra" text
);
CREATE INDEX IF NOT EXISTS "email_verify_key" ON "email_verify" ("batch_id", "index");
COMMENT ON TABLE "email_verify" IS 'One row for each address in a bulk email verification.';
COMMENT ON COLUMN "email_verify"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "email_verify"."batch_custom" IS 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch';
COMMENT ON COLUMN "email_verify"."index" IS 'id of the verification in the batch; the id is not a number; null when the result has no id';
COMMENT ON COLUMN "email_verify"."email" IS 'email address that was verified; null when the result has no address';
COMMENT ON COLUMN "email_verify"."qualification" IS 'result of the verification: valid or invalid; null when the result has no qualification';
COMMENT ON COLUMN "email_verify"."extra" IS 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column';

CREATE TABLE IF NOT EXISTS "phone_find" (
  "batch_id" text NOT NULL,
  "batch_custom" text,
  "index" bigint,
  "qualification" text,
  "number" text,
  "country" text,
  "params_linkedin_url" text,
  "params_firstname" text,
  "params_lastname" text,
  "params_company_domain" text,
  "params_company_name" text,
  "custom" text,
  "extra" text
);
CREATE INDEX IF NOT EXISTS "phone_find_key" ON "phone_find" ("batch_id", "index");
COMMENT ON TABLE "phone_find" IS 'One row for each search in a bulk phone search.';
COMMENT ON COLUMN "phone_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "phone_find"."batch_custom" IS 'value that was attached to the batch when it was started; a value that is not a string is stored as JSON text; null when no value was attached to the batch';
COMMENT ON COLUMN "phone_find"."index" IS 'position of the search in the batch; null when the result has no integer as its position';
COMMENT ON COLUMN "phone_find"."qualification" IS 'result of the search: found or not_found; null when the result has no qualification';
COMMENT ON COLUMN "phone_find"."number" IS 'phone number that was found; null when no number was found';
COMMENT ON COLUMN "phone_find"."country" IS 'country of the phone number; null when no number was found';
COMMENT ON COLUMN "phone_find"."params_linkedin_url" IS 'URL of the LinkedIn profile that was submitted for the search; null when no LinkedIn profile was submitted';
COMMENT ON COLUMN "phone_find"."params_firstname" IS 'first name that was submitted for the search; null when no first name was submitted';
COMMENT ON COLUMN "phone_find"."params_lastname" IS 'last name that was submitted for the search; null when no last name was submitted';
COMMENT ON COLUMN "phone_find"."params_company_domain" IS 'company domain that was submitted for the search; null when no company domain was submitted';
COMMENT ON COLUMN "phone_find"."params_company_name" IS 'company name that was submitted for the search; null when no company name was submitted';
COMMENT ON COLUMN "phone_find"."custom" IS 'value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text; null when no value was attached to the search';
COMMENT ON COLUMN "phone_find"."extra" IS 'JSON object of the fields of the result that have no column, and of the values that do not fit their column; null when every field of the result is stored in a column';

