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
  "batch_id" text NOT NULL,
  "batch_custom" text,
  "index" text,
  "email" text,
  "qualification" text,
  "extra" text
);
CREATE INDEX IF NOT EXISTS "email_verify_key" ON "email_verify" ("batch_id", "index");
COMMENT ON TABLE "email_verify" IS 'One row for each address of a bulk e-mail verification.';
COMMENT ON COLUMN "email_verify"."batch_id" IS 'id of the batch; never null';
COMMENT ON COLUMN "email_verify"."batch_custom" IS 'what was attached to the batch when it was started; JSON text when not a string; null when nothing was';
COMMENT ON COLUMN "email_verify"."index" IS 'id of the verification in the batch; not a number; null when it is absent';
COMMENT ON COLUMN "email_verify"."email" IS 'the address that was verified; null when it is absent';
COMMENT ON COLUMN "email_verify"."qualification" IS 'valid or invalid; null when it is absent';
COMMENT ON COLUMN "email_verify"."extra" IS 'JSON object of all that no column holds; null when nothing is left over';

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

