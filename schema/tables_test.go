package schema

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// snake turns a key into snake_case: companyInfo becomes company_info.
func snake(key string) string {
	var b strings.Builder
	for i, r := range key {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Every table obeys the flattening rule: columns are named by their paths.
func TestTablesFollowTheFlatteningRule(t *testing.T) {
	for _, table := range Tables() {
		seen := make(map[string]bool)
		for i, c := range table.Columns {
			if seen[c.Name] {
				t.Errorf("%s: column %s is declared twice", table.Name, c.Name)
			}
			seen[c.Name] = true
			if c.Doc == "" || (c.Null == "") != c.Required {
				t.Errorf("%s.%s has no meaning or no rule of nulls", table.Name, c.Name)
			}
			if kind := jsontext.Value(c.Example).Kind(); kind != '"' && (kind != '0' || c.Type != Int64) {
				t.Errorf("%s.%s has the example %s", table.Name, c.Name, c.Example)
			}
			want := c.Name
			switch c.Origin {
			case FromResult:
				want = snake(strings.ReplaceAll(c.Paths[0], ".", "_"))
			case FromBatch:
				want = strings.Replace(c.Paths[0], "general.", "batch_", 1)
			case FromLeftovers:
				if c.Name != "extra" || i != len(table.Columns)-1 {
					t.Errorf("%s: leftovers go to %s at %d, want extra at the end", table.Name, c.Name, i)
				}
			}
			if c.Name != want {
				t.Errorf("%s: column %s comes from %s, which makes %s", table.Name, c.Name, c.Paths[0], want)
			}
		}
		if first := table.Columns[0]; first.Name != "batch_id" || !first.Required {
			t.Errorf("%s: first column is %s, want batch_id, required", table.Name, first.Name)
		}
		if snake(strings.ReplaceAll(table.Kind, "-", "_")) != table.Name {
			t.Errorf("table %s is of kind %s", table.Name, table.Kind)
		}
	}
}

// The columns are the contract with whoever loads the files: a change must be
// made here too, and the table's version raised.
func TestColumns(t *testing.T) {
	want := map[string]string{
		"email_find": `batch_id batch_custom index:int64 qualification email info_domain info_fullname
			info_firstname info_lastname info_gender info_company_domain info_company_info_name
			raw_params_fullname raw_params_company_domain raw_params_company_name custom extra`,
		"email_verify": `batch_id batch_custom index email qualification extra`,
		"phone_find": `batch_id batch_custom index:int64 qualification number country params_linkedin_url params_firstname
			params_lastname params_company_domain params_company_name custom extra`,
	}
	for _, table := range Tables() {
		var got []string
		for _, c := range table.Columns {
			name := c.Name
			if c.Type == Int64 {
				name += ":int64"
			}
			got = append(got, name)
		}
		if !slices.Equal(got, strings.Fields(want[table.Name])) {
			t.Errorf("%s: columns %v, want %v", table.Name, got, strings.Fields(want[table.Name]))
		}
		if table.Version != 1 {
			t.Errorf("%s: version %d, want 1", table.Name, table.Version)
		}
	}
}

// A notice that is taken for another kind's would be asked for where nobody knows it.
func TestEvents(t *testing.T) {
	want := map[string]string{
		"email-find": "bulk_search_finished", "email-verify": "bulk_verification_finished", "phone-find": "bulk_phone_search_finished",
	}
	for _, table := range Tables() {
		if table.Event == "" || table.Event != want[table.Kind] {
			t.Errorf("%s: event %q, want %q", table.Kind, table.Event, want[table.Kind])
		}
	}
}

func TestFingerprint(t *testing.T) {
	base := EmailFind.Fingerprint()
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(base) {
		t.Fatalf("fingerprint %q is not a sha256 in hex", base)
	}
	change := func(f func(*Table)) string {
		c := EmailFind
		c.Columns = slices.Clone(EmailFind.Columns)
		f(&c)
		return c.Fingerprint()
	}
	differing := map[string]func(*Table){
		"version": func(t *Table) { t.Version++ },
		"name":    func(t *Table) { t.Name = "x" },
		"type":    func(t *Table) { t.Columns[2].Type = String },
		"order":   func(t *Table) { t.Columns[3], t.Columns[4] = t.Columns[4], t.Columns[3] },
		"column":  func(t *Table) { t.Columns = t.Columns[:5] },
	}
	for what, f := range differing {
		if change(f) == base {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
	if change(func(t *Table) { t.Doc, t.Columns[3].Doc = "x", "y" }) != base {
		t.Error("another wording has another fingerprint")
	}
}
