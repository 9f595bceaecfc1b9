package fakeapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// batchAnswer is the answer for a finished batch, every key that it may have.
type batchAnswer struct {
	General struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Custom any    `json:"custom"`
	} `json:"general"`
	Stats struct {
		Finished  int `json:"finished"`
		Requested int `json:"requested"`
		Valid     int `json:"valid"`
		Cost      struct {
			Initial  int `json:"initial"`
			Refunded int `json:"refunded"`
			Final    int `json:"final"`
		} `json:"credits_cost"`
	} `json:"stats"`
	Results []struct {
		Index         string  `json:"index"`
		Qualification string  `json:"qualification"`
		Email         *string `json:"email"`
		Info          *struct {
			Domain        string `json:"domain"`
			FullName      string `json:"fullname"`
			FirstName     string `json:"firstname"`
			LastName      string `json:"lastname"`
			Gender        string `json:"gender"`
			CompanyDomain string `json:"company_domain"`
			Company       struct {
				Name string `json:"name"`
			} `json:"companyInfo"`
		} `json:"info"`
		RawParams struct {
			FullName      string `json:"fullname"`
			CompanyDomain string `json:"company_domain"`
			CompanyName   string `json:"company_name"`
		} `json:"raw_params"`
		Custom any `json:"custom"`
	} `json:"results"`
}

func decode(t *testing.T, body []byte) batchAnswer {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var a batchAnswer
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSample(t *testing.T) {
	b := fakeapi.Sample()
	a := decode(t, b.Body)
	if a.General.ID != b.ID || a.Stats.Requested != b.Requested || len(a.Results) != 3 || a.General.Custom != "campaign_q2" {
		t.Errorf("sample is %s, %d requested, %d results", a.General.ID, a.Stats.Requested, len(a.Results))
	}
	b.Body[0] = 'x'
	if fakeapi.Sample().Body[0] != '{' {
		t.Error("a change of one sample shows in the next")
	}
}

func TestGenerateIsConsistent(t *testing.T) {
	for _, rows := range []int{0, 1, 5000} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			b := fakeapi.Generate("an-id", rows, 7)
			if b.ID != "an-id" || b.Requested != rows {
				t.Errorf("batch is %s with %d requested", b.ID, b.Requested)
			}
			if !utf8.Valid(b.Body) || !json.Valid(b.Body) {
				t.Fatal("body is not JSON in UTF-8")
			}
			a := decode(t, b.Body)
			if a.General.ID != "an-id" || a.General.Status != "completed" {
				t.Errorf("general is %+v", a.General)
			}
			if len(a.Results) != rows {
				t.Fatalf("%d results, want %d", len(a.Results), rows)
			}
			valid := 0
			for i, r := range a.Results {
				if r.Index != strconv.Itoa(i) || r.RawParams.FullName == "" || (r.RawParams.CompanyDomain == "") == (r.RawParams.CompanyName == "") {
					t.Fatalf("result %d is %+v", i, r)
				}
				switch {
				case r.Qualification == "valid" && r.Info != nil && r.Email != nil:
					valid++
					_, domain, _ := strings.Cut(*r.Email, "@")
					if domain != r.Info.Domain || !reserved(domain) || r.RawParams.FullName != r.Info.FirstName+" "+r.Info.LastName || r.Info.Company.Name == "" {
						t.Fatalf("result %d is %+v, %+v", i, r, *r.Info)
					}
				case r.Qualification == "invalid" && r.Info == nil && r.Email == nil:
				default:
					t.Fatalf("result %d is %+v", i, r)
				}
			}
			stats := a.Stats
			want := stats
			want.Finished, want.Requested, want.Valid = rows, rows, valid
			want.Cost.Initial, want.Cost.Refunded, want.Cost.Final = rows, rows-valid, valid
			if diff := cmp.Diff(want, stats); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

// reserved reports whether a domain is one that nobody can have (RFC 2606).
func reserved(domain string) bool {
	for _, tail := range []string{".test", ".example", ".example.com", ".example.net", ".example.org"} {
		if strings.HasSuffix(domain, tail) {
			return true
		}
	}
	return false
}

func TestGenerateIsRealistic(t *testing.T) {
	const rows = 5000
	b := fakeapi.Generate("an-id", rows, 1)
	if n := len(b.Body); n < 1_200_000 || n > 1_400_000 {
		t.Errorf("%d rows are %d bytes", rows, n)
	}
	seen := map[string]int{}
	for _, r := range decode(t, b.Body).Results {
		seen[r.Qualification]++
		switch r.Custom.(type) {
		case string:
			seen["custom string"]++
		case map[string]any:
			seen["custom object"]++
		case nil:
			seen["custom absent"]++
		}
		if r.RawParams.CompanyName != "" {
			seen["company name"]++
		}
		if strings.ContainsFunc(r.RawParams.FullName, func(c rune) bool { return c >= utf8.RuneSelf }) {
			seen["unicode"]++
		}
		if r.Info == nil {
			continue
		}
		if r.Info.Gender != "" {
			seen[r.Info.Gender]++
		}
		if r.Info.FullName != "" {
			seen["fullname"]++
		}
		if r.Info.CompanyDomain != "" {
			seen["company domain"]++
		}
	}
	for _, want := range []struct {
		what     string
		min, max int
	}{
		{"valid", 3000, 3700},
		{"invalid", 1300, 2000},
		{"custom string", 3000, 4000},
		{"custom object", 800, 1200},
		{"custom absent", 300, 700},
		{"company name", 1000, 1500},
		{"unicode", 2000, 4000},
		{"male", 300, 900},
		{"female", 300, 900},
		{"fullname", 400, 700},
		{"company domain", 400, 700},
	} {
		if n := seen[want.what]; n < want.min || n > want.max {
			t.Errorf("%s: %d of %d rows, want %d to %d", want.what, n, rows, want.min, want.max)
		}
	}
}

func TestGenerateIsDeterministic(t *testing.T) {
	a := fakeapi.Generate("an-id", 100, 3)
	if diff := cmp.Diff(string(a.Body), string(fakeapi.Generate("an-id", 100, 3).Body)); diff != "" {
		t.Errorf("two batches of one seed differ:\n%s", diff)
	}
	if bytes.Equal(a.Body, fakeapi.Generate("an-id", 100, 4).Body) {
		t.Error("two seeds give the same batch")
	}
}

func TestGenerateID(t *testing.T) {
	seen := map[string]bool{}
	odd := 0
	for seed := range uint64(20) {
		for n := range 20 {
			id := fakeapi.GenerateID(seed, n)
			if id != fakeapi.GenerateID(seed, n) {
				t.Fatalf("id %d of seed %d changes", n, seed)
			}
			if seen[id] || len(id) != 36 || !schema.ValidBatchID(id) {
				t.Errorf("id %d of seed %d is %s", n, seed, id)
			}
			seen[id] = true
			if strings.ContainsAny(id, "ijr") {
				odd++
			}
		}
	}
	if odd < 100 || odd > 300 {
		t.Errorf("%d of %d ids are no UUIDs", odd, len(seen))
	}
}

func TestLoadDir(t *testing.T) {
	dir := t.TempDir()
	b := fakeapi.Generate("b", 3, 1)
	odd := `{"results":null,"general":{"id":"a_1-x","custom":1e999},"stats":7}`
	files := map[string]string{
		"b.json": string(b.Body), "a_1-x.json": odd, "README": "not a batch", "c.json.zst": "neither",
	}
	for name, content := range files {
		write(t, dir, name, content)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := fakeapi.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []fakeapi.Batch{{ID: "a_1-x", Body: []byte(odd)}, {ID: "b", Body: b.Body, Requested: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestLoadDirErrors(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"not an id.json", `{"general":{"id":"not an id"}}`, "the name is not a batch id"},
		{"-a.json", `{"general":{"id":"-a"}}`, "the name is not a batch id"},
		{".json", `{}`, "the name is not a batch id"},
		{strings.Repeat("a", 129) + ".json", `{}`, "the name is not a batch id"},
		{"a.json", `{"general":{"id":"b"}}`, "general.id is not the id of the name"},
		{"a.json", `{"general":{"id":1}}`, "general.id is not the id of the name"},
		{"a.json", `{"results":[]}`, "general.id is not the id of the name"},
		{"a.json", `["a"]`, "general.id is not the id of the name"},
		{"a.json", `{"general":{"id":"a"}`, "not JSON"},
		{"a.json", ``, "not JSON"},
		{"a.json", `{"general":{"id":"a"}} {}`, "not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tt.name, tt.content)
			want := filepath.Join(dir, tt.name) + ": " + tt.want
			if got, err := fakeapi.LoadDir(dir); err == nil || err.Error() != want {
				t.Errorf("%s: %d batches, %v; want %s", tt.content, len(got), err, want)
			}
		})
	}
	t.Run("no folder", func(t *testing.T) {
		if _, err := fakeapi.LoadDir(filepath.Join(t.TempDir(), "missing")); !os.IsNotExist(err) {
			t.Errorf("error is %v", err)
		}
	})
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
