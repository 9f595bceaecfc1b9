package schema

// Tables returns the tables of every kind that can be exported.
func Tables() []*Table { return []*Table{&EmailFind} }

// EmailFind is the table of bulk e-mail searches, GET /email/find/bulk.
// Treat it as a constant.
var EmailFind = Table{
	Name:     "email_find",
	Kind:     "email-find",
	Endpoint: "/email/find/bulk",
	Version:  1,
	Doc:      "One row for each search of a bulk e-mail search.",
	Columns: []Column{
		{Name: "batch_id", Origin: FromBatch, Paths: []string{"general.id"}, Doc: "id of the batch; never null", Repeats: true, Required: true},
		{Name: "batch_custom", Type: Text, Origin: FromBatch, Paths: []string{"general.custom"}, Doc: "what was attached to the batch when it was started", Repeats: true},
		{Name: "index", Type: Int64, Paths: []string{"index"}, Doc: "position of the search in the batch, from 0"},
		{Name: "qualification", Paths: []string{"qualification"}, Doc: "valid, invalid or ongoing", Repeats: true},
		{Name: "email", Paths: []string{"email"}, Doc: "the address found; null when none was"},
		{Name: "info_domain", Paths: []string{"info.domain"}, Doc: "domain of the address"},
		{Name: "info_fullname", Paths: []string{"info.fullname"}, Doc: "the person's full name"},
		{Name: "info_firstname", Paths: []string{"info.firstname"}, Doc: "the person's first name"},
		{Name: "info_lastname", Paths: []string{"info.lastname"}, Doc: "the person's last name"},
		{Name: "info_gender", Paths: []string{"info.gender"}, Doc: "male or female; only when the batch was started with retrieve_gender", Repeats: true},
		{Name: "info_company_domain", Paths: []string{"info.company_domain"}, Doc: "domain of the person's company"},
		{Name: "info_company_info_name", Paths: []string{"info.companyInfo.name"}, Doc: "name of the person's company"},
		{Name: "raw_params_fullname", Paths: []string{"raw_params.fullname"}, Doc: "full name, as it was submitted"},
		{Name: "raw_params_company_domain", Paths: []string{"raw_params.company_domain"}, Doc: "company domain, as it was submitted"},
		{Name: "raw_params_company_name", Paths: []string{"raw_params.company_name"}, Doc: "company name, as it was submitted"},
		{Name: "custom", Type: Text, Paths: []string{"custom"}, Doc: "what was attached to the search; JSON text when not a string"},
		{Name: "extra", Origin: FromLeftovers, Doc: "JSON object of all that no column holds; null when nothing is left over"},
	},
}
