package schema

// Tables returns the tables of every kind that can be exported, the default
// first.
func Tables() []*Table { return []*Table{&EmailFind, &EmailVerify, &PhoneFind} }

// Columns that every table has.
var (
	batchIDColumn = Column{
		Name: "batch_id", Origin: FromBatch, Paths: []string{"general.id"}, Repeats: true, Required: true,
		Doc: "id of the batch", Example: `"3d4cb64e-i64d-41e8-a686-736751004a32"`,
	}
	batchCustomColumn = Column{
		Name: "batch_custom", Type: Text, Origin: FromBatch, Paths: []string{"general.custom"}, Repeats: true,
		Doc: "value that was attached to the batch when it was started; a value that is not a string is stored as JSON text", Null: "no value was attached to the batch", Example: `"campaign_q2"`,
	}
	extraColumn = Column{
		Name: "extra", Origin: FromLeftovers,
		Doc: "JSON object of the fields of the result that have no column, and of the values that do not fit their column", Null: "every field of the result is stored in a column", Example: `"{\"info\":{\"seniority\":\"manager\"}}"`,
	}
)

// EmailFind is the table of bulk e-mail searches, GET /email/find/bulk.
// Treat it as a constant.
var EmailFind = Table{
	Name:     "email_find",
	Kind:     "email-find",
	Endpoint: "/email/find/bulk",
	Event:    "bulk_search_finished",
	Version:  1,
	Doc:      "One row for each search in a bulk email search.",
	Found:    "valid",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Type: Int64, Paths: []string{"index"}, Doc: "position of the search in the batch, starting at 0", Null: "the result has no integer as its position", Example: `0`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "result of the search: valid, invalid or ongoing", Null: "the result has no qualification", Example: `"valid"`, Repeats: true},
		{Name: "email", Paths: []string{"email"}, Doc: "email address that was found", Null: "no address was found", Example: `"dwight.schrute@dundermifflin.com"`},
		{Name: "info_domain", Paths: []string{"info.domain"}, Doc: "domain of the email address", Null: "no address was found", Example: `"dundermifflin.com"`},
		{Name: "info_fullname", Paths: []string{"info.fullname"}, Doc: "full name of the person", Null: "no address was found or the full name is not known", Example: `"Dwight Schrute"`},
		{Name: "info_firstname", Paths: []string{"info.firstname"}, Doc: "first name of the person", Null: "no address was found or the first name is not known", Example: `"Dwight"`},
		{Name: "info_lastname", Paths: []string{"info.lastname"}, Doc: "last name of the person", Null: "no address was found or the last name is not known", Example: `"Schrute"`},
		{Name: "info_gender", Paths: []string{"info.gender"}, Doc: "gender of the person: male or female", Null: "no address was found or the batch was started without retrieve_gender", Example: `"male"`, Repeats: true},
		{Name: "info_company_domain", Paths: []string{"info.company_domain"}, Doc: "domain of the person's company", Null: "no address was found or the company domain is not known", Example: `"dundermifflin.com"`},
		{Name: "info_company_info_name", Paths: []string{"info.companyInfo.name"}, Doc: "name of the person's company", Null: "no address was found or the company name is not known", Example: `"Dunder Mifflin"`},
		{Name: "raw_params_fullname", Paths: []string{"raw_params.fullname"}, Doc: "full name that was submitted for the search", Null: "no full name was submitted", Example: `"Dwight Schrute"`},
		{Name: "raw_params_company_domain", Paths: []string{"raw_params.company_domain"}, Doc: "company domain that was submitted for the search", Null: "no company domain was submitted", Example: `"dundermifflin.com"`},
		{Name: "raw_params_company_name", Paths: []string{"raw_params.company_name"}, Doc: "company name that was submitted for the search", Null: "no company name was submitted", Example: `"Dunder Mifflin"`},
		{Name: "custom", Type: Text, Paths: []string{"custom"}, Doc: "value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text", Null: "no value was attached to the search", Example: `"lead_001"`},
		extraColumn,
	},
}

// EmailVerify is the table of bulk e-mail verifications, GET /email/verify/bulk.
// Treat it as a constant.
var EmailVerify = Table{
	Name:     "email_verify",
	Kind:     "email-verify",
	Endpoint: "/email/verify/bulk",
	Event:    "bulk_verification_finished",
	Version:  1,
	Doc:      "One row for each address in a bulk email verification.",
	Found:    "valid",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Paths: []string{"index"}, Doc: "id of the verification in the batch; the id is not a number", Null: "the result has no id", Example: `"8f14e45f-ceea-467f-ab3c-5d2b9c7d1a20"`},
		{Name: "email", Paths: []string{"email"}, Doc: "email address that was verified", Null: "the result has no address", Example: `"dwight.schrute@dundermifflin.com"`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "result of the verification: valid or invalid", Null: "the result has no qualification", Example: `"valid"`, Repeats: true},
		extraColumn,
	},
}

// PhoneFind is the table of bulk phone searches, GET /phone/bulk. Names come in
// two spellings there. Treat it as a constant.
var PhoneFind = Table{
	Name:     "phone_find",
	Kind:     "phone-find",
	Endpoint: "/phone/bulk",
	Event:    "bulk_phone_search_finished",
	Version:  1,
	Doc:      "One row for each search in a bulk phone search.",
	Found:    "found",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Type: Int64, Paths: []string{"index"}, Doc: "position of the search in the batch", Null: "the result has no integer as its position", Example: `0`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "result of the search: found or not_found", Null: "the result has no qualification", Example: `"found"`, Repeats: true},
		{Name: "number", Paths: []string{"number"}, Doc: "phone number that was found", Null: "no number was found", Example: `"+15705550123"`},
		{Name: "country", Paths: []string{"country"}, Doc: "country of the phone number", Null: "no number was found", Example: `"US"`, Repeats: true},
		{Name: "params_linkedin_url", Paths: []string{"params.linkedin_url"}, Doc: "URL of the LinkedIn profile that was submitted for the search", Null: "no LinkedIn profile was submitted", Example: `"https://www.linkedin.com/in/dwight-schrute"`},
		{Name: "params_firstname", Paths: []string{"params.firstname", "params.first_name"}, Doc: "first name that was submitted for the search", Null: "no first name was submitted", Example: `"Dwight"`},
		{Name: "params_lastname", Paths: []string{"params.lastname", "params.last_name"}, Doc: "last name that was submitted for the search", Null: "no last name was submitted", Example: `"Schrute"`},
		{Name: "params_company_domain", Paths: []string{"params.company_domain"}, Doc: "company domain that was submitted for the search", Null: "no company domain was submitted", Example: `"dundermifflin.com"`},
		{Name: "params_company_name", Paths: []string{"params.company_name"}, Doc: "company name that was submitted for the search", Null: "no company name was submitted", Example: `"Dunder Mifflin"`},
		{Name: "custom", Type: Text, Paths: []string{"custom"}, Doc: "value that was attached to the search when it was submitted; a value that is not a string is stored as JSON text", Null: "no value was attached to the search", Example: `"lead_001"`},
		extraColumn,
	},
}
