package sources

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sources/fakeapi"
)

// exportConfig is a whole export of batches of the table, as NDJSON.
func exportConfig(t *testing.T, table *schema.Table, source pipeline.Source, store sinks.Store) export.Config {
	t.Helper()
	enc, err := sinks.NewEncoding("ndjson", "")
	if err != nil {
		t.Fatal(err)
	}
	layout, err := manifest.ParseLayout(manifest.DefaultLayout)
	if err != nil {
		t.Fatal(err)
	}
	return export.Config{
		Table: table, Source: source, Store: store, Layout: layout, Encodings: []sinks.Encoding{enc}, PollInterval: 1, ToolVersion: "test",
	}
}

// run exports batches and expects that all of them are.
func run(t *testing.T, cfg export.Config, ids ...string) export.Summary {
	t.Helper()
	s, err := export.Run(t.Context(), cfg, ids, func(r export.Result) {
		if r.Err != nil {
			t.Errorf("batch %s: %v", r.BatchID, r.Err)
		}
	})
	if err != nil || s.Exported != len(ids) {
		t.Fatalf("summary %+v, error %v", s, err)
	}
	return s
}

// objects returns what a store holds, the manifest aside.
func objects(t *testing.T, store sinks.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for info, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := store.Get(t.Context(), info.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = string(data)
	}
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, "_manifest/") })
	return all
}

// companies is a kind that the API does not have: to declare it is all that it
// takes to export it.
var companies = schema.Table{
	Name: "company_find", Kind: "company-find", Endpoint: "/company/bulk", Version: 1, Found: "matched",
	Columns: []schema.Column{
		{Name: "batch_id", Origin: schema.FromBatch, Paths: []string{"general.id"}, Required: true},
		{Name: "index", Type: schema.Int64, Paths: []string{"index"}},
		{Name: "qualification", Paths: []string{"qualification"}},
		{Name: "company_name", Paths: []string{"company.name", "company.title"}},
		{Name: "extra", Origin: schema.FromLeftovers},
	},
}

func TestAKindIsOneDeclaration(t *testing.T) {
	api := newAPI(t, "")
	api.Add(fakeapi.Batch{ID: "b", Table: &companies, OngoingPolls: 1, Body: []byte(`{
		"results":[{"index":0,"qualification":"matched","company":{"title":"Dunder Mifflin","size":12}},{"index":1}],
		"stats":{"requested":2,"matched":1,"credits_cost":1.5},"general":{"id":"b","status":"completed"}}`)})
	store := sinks.NewMemory()
	cfg := exportConfig(t, &companies, newClient(t, Config{BaseURL: serve(t, api)}), store)
	cfg.Wait = true
	s := run(t, cfg, "b")
	if s.Found != 1 || s.Credits.Spent != 1.5 {
		t.Errorf("summary %+v", s)
	}
	const want = `{"batch_id":"b","index":0,"qualification":"matched","company_name":"Dunder Mifflin","extra":"{\"company\":{\"size\":12}}"}
{"batch_id":"b","index":1,"qualification":null,"company_name":null,"extra":null}
`
	if diff := cmp.Diff(want, objects(t, store)["company_find/b.ndjson"]); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

// Every kind of the API goes all the way: ongoing with either status, then
// finished, with control totals that are right and nothing that is unknown.
func TestEveryKind(t *testing.T) {
	for _, table := range schema.Tables() {
		for _, status := range []int{200, 202} {
			t.Run(fmt.Sprintf("%s/%d", table.Kind, status), func(t *testing.T) {
				api := fakeapi.New(fakeapi.Options{OngoingStatus: status})
				t.Cleanup(api.Close)
				b := fakeapi.GenerateKind(table.Kind, "b", 40, 7)
				b.OngoingPolls = 2
				api.Add(b)
				store := sinks.NewMemory()
				cfg := exportConfig(t, table, newClient(t, Config{BaseURL: serve(t, api)}), store)
				cfg.Wait, cfg.RefuseUnknown = true, true
				s := run(t, cfg, "b")
				if s.Rows != 40 || s.Found == 0 || s.Found == 40 || s.Warned != 0 || s.Leftovers != nil || s.Credits.Spent == 0 {
					t.Errorf("summary %+v", s)
				}
				if api.Requests("b") != 3 {
					t.Errorf("%d requests, want 3", api.Requests("b"))
				}
				// Under the endpoint of another kind the batch is not known.
				for _, other := range schema.Tables() {
					if other == table {
						continue
					}
					_, err := cfg.Source.Fetch(t.Context(), other, "b", nil)
					var refused *pipeline.Error
					if !errors.As(err, &refused) || refused.Class != pipeline.Refused {
						t.Errorf("as %s: error %v", other.Kind, err)
					}
				}
			})
		}
	}
}
