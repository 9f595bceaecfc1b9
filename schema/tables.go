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
		Doc: "what was attached to the batch when it was started; JSON text when not a string", Null: "nothing was", Example: `"campaign_q2"`,
	}
	extraColumn = Column{
		Name: "extra", Origin: FromLeftovers,
		Doc: "JSON object of all that no column holds", Null: "nothing is left over", Example: `"{\"info\":{\"seniority\":\"manager\"}}"`,
	}
)

// EmailFind is the table of bulk e-mail searches, GET /email/find/bulk.
// Treat it as a constant.
var EmailFind = Table{
	Name:     "email_find",
	Kind:     "email-find",
	Endpoint: "/email/find/bulk",
	Version:  1,
	Doc:      "One row for each search of a bulk e-mail search.",
	Found:    "valid",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Type: Int64, Paths: []string{"index"}, Doc: "position of the search in the batch, from 0", Null: "it is no integer", Example: `0`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "valid, invalid or ongoing", Null: "it is absent", Example: `"valid"`, Repeats: true},
		{Name: "email", Paths: []string{"email"}, Doc: "the address found", Null: "none was found", Example: `"dwight.schrute@dundermifflin.com"`},
		{Name: "info_domain", Paths: []string{"info.domain"}, Doc: "domain of the address", Null: "none was found", Example: `"dundermifflin.com"`},
		{Name: "info_fullname", Paths: []string{"info.fullname"}, Doc: "the person's full name", Null: "none was found, or it is not known", Example: `"Dwight Schrute"`},
		{Name: "info_firstname", Paths: []string{"info.firstname"}, Doc: "the person's first name", Null: "none was found, or it is not known", Example: `"Dwight"`},
		{Name: "info_lastname", Paths: []string{"info.lastname"}, Doc: "the person's last name", Null: "none was found, or it is not known", Example: `"Schrute"`},
		{Name: "info_gender", Paths: []string{"info.gender"}, Doc: "male or female", Null: "the batch was started without retrieve_gender, or none was found", Example: `"male"`, Repeats: true},
		{Name: "info_company_domain", Paths: []string{"info.company_domain"}, Doc: "domain of the person's company", Null: "none was found, or it is not known", Example: `"dundermifflin.com"`},
		{Name: "info_company_info_name", Paths: []string{"info.companyInfo.name"}, Doc: "name of the person's company", Null: "none was found, or it is not known", Example: `"Dunder Mifflin"`},
		{Name: "raw_params_fullname", Paths: []string{"raw_params.fullname"}, Doc: "full name, as it was submitted", Null: "it was not submitted", Example: `"Dwight Schrute"`},
		{Name: "raw_params_company_domain", Paths: []string{"raw_params.company_domain"}, Doc: "company domain, as it was submitted", Null: "it was not submitted", Example: `"dundermifflin.com"`},
		{Name: "raw_params_company_name", Paths: []string{"raw_params.company_name"}, Doc: "company name, as it was submitted", Null: "it was not submitted", Example: `"Dunder Mifflin"`},
		{Name: "custom", Type: Text, Paths: []string{"custom"}, Doc: "what was attached to the search; JSON text when not a string", Null: "nothing was", Example: `"lead_001"`},
		extraColumn,
	},
}

// EmailVerify is the table of bulk e-mail verifications, GET /email/verify/bulk.
// Treat it as a constant.
var EmailVerify = Table{
	Name:     "email_verify",
	Kind:     "email-verify",
	Endpoint: "/email/verify/bulk",
	Version:  1,
	Doc:      "One row for each address of a bulk e-mail verification.",
	Found:    "valid",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Paths: []string{"index"}, Doc: "id of the verification in the batch; not a number", Null: "it is absent", Example: `"8f14e45f-ceea-467f-ab3c-5d2b9c7d1a20"`},
		{Name: "email", Paths: []string{"email"}, Doc: "the address that was verified", Null: "it is absent", Example: `"dwight.schrute@dundermifflin.com"`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "valid or invalid", Null: "it is absent", Example: `"valid"`, Repeats: true},
		extraColumn,
	},
}

// PhoneFind is the table of bulk phone searches, GET /phone/bulk. Names come in
// two spellings there. Treat it as a constant.
var PhoneFind = Table{
	Name:     "phone_find",
	Kind:     "phone-find",
	Endpoint: "/phone/bulk",
	Version:  1,
	Doc:      "One row for each search of a bulk phone search.",
	Found:    "found",
	Columns: []Column{
		batchIDColumn,
		batchCustomColumn,
		{Name: "index", Type: Int64, Paths: []string{"index"}, Doc: "position of the search in the batch", Null: "it is no integer", Example: `0`},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "found or not_found", Null: "it is absent", Example: `"found"`, Repeats: true},
		{Name: "number", Paths: []string{"number"}, Doc: "the phone number found", Null: "none was found", Example: `"+15705550123"`},
		{Name: "country", Paths: []string{"country"}, Doc: "country of the number", Null: "none was found", Example: `"US"`, Repeats: true},
		{Name: "params_linkedin_url", Paths: []string{"params.linkedin_url"}, Doc: "LinkedIn profile, as it was submitted", Null: "it was not submitted", Example: `"https://www.linkedin.com/in/dwight-schrute"`},
		{Name: "params_firstname", Paths: []string{"params.firstname", "params.first_name"}, Doc: "first name, as it was submitted", Null: "it was not submitted", Example: `"Dwight"`},
		{Name: "params_lastname", Paths: []string{"params.lastname", "params.last_name"}, Doc: "last name, as it was submitted", Null: "it was not submitted", Example: `"Schrute"`},
		{Name: "params_company_domain", Paths: []string{"params.company_domain"}, Doc: "company domain, as it was submitted", Null: "it was not submitted", Example: `"dundermifflin.com"`},
		{Name: "params_company_name", Paths: []string{"params.company_name"}, Doc: "company name, as it was submitted", Null: "it was not submitted", Example: `"Dunder Mifflin"`},
		{Name: "custom", Type: Text, Paths: []string{"custom"}, Doc: "what was attached to the search; JSON text when not a string", Null: "nothing was", Example: `"lead_001"`},
		extraColumn,
	},
}
