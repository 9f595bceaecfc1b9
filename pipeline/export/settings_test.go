package export_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

// A batch is done under the settings that it was exported with, and under no
// other; each change rewrites what it concerns, and all files tell one story.
func TestSettingsDecideWhatIsDone(t *testing.T) {
	safe := func(c *export.Config) { c.Encodings[0].CSVSafe = true }
	few := func(c *export.Config) { c.Columns = []string{"batch_id", "index", "email"} }
	raw := func(c *export.Config) { c.KeepRaw = true }
	cases := []struct {
		name, reason string
		change       func(*export.Config)
	}{
		{"columns", "has other columns", few},
		{"csv-safe", "has its csv file with another setting of --csv-safe", safe},
		{"keep-raw", "has no raw copy yet", raw},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
			source.Set("b", strings.ReplaceAll(pipelinetest.Finished("b", "=x", 3), `"new":`, `"n":`))
			plain := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
			pipelinetest.Export(t, plain, "b", export.Exported)
			original := pipelinetest.Files(t, store)

			changed := pipelinetest.NewConfig(t, source, store, "csv")
			c.change(&changed)
			err := export.Plan(t.Context(), changed, []string{"b"}, func(p export.Planned) {
				if !p.Export || p.Reason != c.reason {
					t.Errorf("plan %+v, want %s", p, c.reason)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			pipelinetest.Export(t, changed, "b", export.Exported)
			pipelinetest.Export(t, changed, "b", export.Done)
			if cmp.Equal(original, pipelinetest.Files(t, store)) {
				t.Error("nothing has changed")
			}
			pipelinetest.Sound(t, store, "b")
			if c.name == "keep-raw" {
				pipelinetest.Export(t, plain, "b", export.Done) // the copy is more than was asked for
				return
			}
			pipelinetest.Export(t, plain, "b", export.Exported)
			pipelinetest.Export(t, plain, "b", export.Done)
			if diff := cmp.Diff(original, pipelinetest.Files(t, store)); diff != "" {
				t.Errorf("files after changing back (-before +after):\n%s", diff)
			}
		})
	}
}

func TestColumnsAreChosen(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 2))
	cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson", "parquet")
	cfg.Columns = []string{"batch_id", "index", "email"}
	res := pipelinetest.Export(t, cfg, "b", export.Exported)
	if got, want := pipelinetest.Files(t, store)["email_find/b.csv"], "batch_id,index,email\nb,0,x0@example.com\nb,1,x1@example.com\n"; got != want {
		t.Errorf("csv %q, want %q", got, want)
	}
	if diff := cmp.Diff(cfg.Columns, res.Entry.Schema.Columns); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	parquet, err := sinks.Encoding{Format: sinks.Formats()[0], Compression: "zstd"}.Inspect([]byte(pipelinetest.Files(t, store)["email_find/b.parquet"]))
	if diff := cmp.Diff(cfg.Columns, parquet.Columns); diff != "" || err != nil || parquet.SHA256 != res.Entry.ContentSHA256 {
		t.Errorf("parquet %+v, error %v, columns (-want +got):\n%s", parquet, err, diff)
	}
	pipelinetest.Sound(t, store, "b")
	for name, columns := range map[string][]string{
		"unknown": {"batch_id", "nope"}, "order": {"batch_id", "email", "index"}, "batch_id": {"email"}, "none": {},
	} {
		cfg.Columns = columns
		if err := cfg.Validate(); err == nil {
			t.Errorf("%s: %v is accepted", name, columns)
		}
	}
}
