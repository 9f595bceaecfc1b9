CREATE TABLE IF NOT EXISTS "email_find" (
  "batch_id" VARCHAR(65535) NOT NULL,
  "batch_custom" VARCHAR(65535),
  "index" BIGINT,
  "qualification" VARCHAR(65535),
  "email" VARCHAR(65535),
  "info_domain" VARCHAR(65535),
  "info_fullname" VARCHAR(65535),
  "info_firstname" VARCHAR(65535),
  "info_lastname" VARCHAR(65535),
  "info_gender" VARCHAR(65535),
  "info_company_domain" VARCHAR(65535),
  "info_company_info_name" VARCHAR(65535),
  "raw_params_fullname" VARCHAR(65535),
  "raw_params_company_domain" VARCHAR(65535),
  "raw_params_company_name" VARCHAR(65535),
  "custom" VARCHAR(65535),
  "extra" VARCHAR(65535)
)
COMPOUND SORTKEY ("batch_id", "index");
COMMENT ON TABLE "email_find" IS 'One row for each search of a bulk e-mail search.';
COMMENT ON COLUMN "email_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "email_find"."batch_custom" IS 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "email_find"."index" IS 'position of the search in the batch, from 0; null when it is no integer';
COMMENT ON COLUMN "email_find"."qualification" IS 'valid, invalid or ongoing; null when it is absent';
COMMENT ON COLUMN "email_find"."email" IS 'the address found; null when none was found';
COMMENT ON COLUMN "email_find"."info_domain" IS 'domain of the address; null when none was found';
COMMENT ON COLUMN "email_find"."info_fullname" IS 'the person''s full name; null when none was found, or it is not known';
COMMENT ON COLUMN "email_find"."info_firstname" IS 'the person''s first name; null when none was found, or it is not known';
COMMENT ON COLUMN "email_find"."info_lastname" IS 'the person''s last name; null when none was found, or it is not known';
COMMENT ON COLUMN "email_find"."info_gender" IS 'male or female; null when the batch was started without retrieve_gender, or none was found';
COMMENT ON COLUMN "email_find"."info_company_domain" IS 'domain of the person''s company; null when none was found, or it is not known';
COMMENT ON COLUMN "email_find"."info_company_info_name" IS 'name of the person''s company; null when none was found, or it is not known';
COMMENT ON COLUMN "email_find"."raw_params_fullname" IS 'full name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "email_find"."raw_params_company_domain" IS 'company domain, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "email_find"."raw_params_company_name" IS 'company name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "email_find"."custom" IS 'what was attached to the search; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "email_find"."extra" IS 'JSON object of all that no column holds; null when nothing is left over';

CREATE TABLE IF NOT EXISTS "email_verify" (
  "batch_id" VARCHAR(65535) NOT NULL,
  "batch_custom" VARCHAR(65535),
  "index" VARCHAR(65535),
  "email" VARCHAR(65535),
  "qualification" VARCHAR(65535),
  "extra" VARCHAR(65535)
)
COMPOUND SORTKEY ("batch_id", "index");
COMMENT ON TABLE "email_verify" IS 'One row for each address of a bulk e-mail verification.';
COMMENT ON COLUMN "email_verify"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "email_verify"."batch_custom" IS 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "email_verify"."index" IS 'id of the verification in the batch; not a number; null when it is absent';
COMMENT ON COLUMN "email_verify"."email" IS 'the address that was verified; null when it is absent';
COMMENT ON COLUMN "email_verify"."qualification" IS 'valid or invalid; null when it is absent';
COMMENT ON COLUMN "email_verify"."extra" IS 'JSON object of all that no column holds; null when nothing is left over';

CREATE TABLE IF NOT EXISTS "phone_find" (
  "batch_id" VARCHAR(65535) NOT NULL,
  "batch_custom" VARCHAR(65535),
  "index" BIGINT,
  "qualification" VARCHAR(65535),
  "number" VARCHAR(65535),
  "country" VARCHAR(65535),
  "params_linkedin_url" VARCHAR(65535),
  "params_firstname" VARCHAR(65535),
  "params_lastname" VARCHAR(65535),
  "params_company_domain" VARCHAR(65535),
  "params_company_name" VARCHAR(65535),
  "custom" VARCHAR(65535),
  "extra" VARCHAR(65535)
)
COMPOUND SORTKEY ("batch_id", "index");
COMMENT ON TABLE "phone_find" IS 'One row for each search of a bulk phone search.';
COMMENT ON COLUMN "phone_find"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "phone_find"."batch_custom" IS 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "phone_find"."index" IS 'position of the search in the batch; null when it is no integer';
COMMENT ON COLUMN "phone_find"."qualification" IS 'found or not_found; null when it is absent';
COMMENT ON COLUMN "phone_find"."number" IS 'the phone number found; null when none was found';
COMMENT ON COLUMN "phone_find"."country" IS 'country of the number; null when none was found';
COMMENT ON COLUMN "phone_find"."params_linkedin_url" IS 'LinkedIn profile, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "phone_find"."params_firstname" IS 'first name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "phone_find"."params_lastname" IS 'last name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "phone_find"."params_company_domain" IS 'company domain, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "phone_find"."params_company_name" IS 'company name, as it was submitted; null when it was not submitted';
COMMENT ON COLUMN "phone_find"."custom" IS 'what was attached to the search; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "phone_find"."extra" IS 'JSON object of all that no column holds; null when nothing is left over';

