package pipeline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// A batch is done under the settings that it was exported with, and under no
// other; each change rewrites what it concerns, and all files tell one story.
func TestSettingsDecideWhatIsDone(t *testing.T) {
	safe := func(c *Config) { c.Encodings[0].Neutralised = true }
	few := func(c *Config) { c.Columns = []string{"batch_id", "index", "email"} }
	raw := func(c *Config) { c.KeepRaw = true }
	cases := []struct {
		name, reason string
		change       func(*Config)
	}{
		{"columns", "has other columns", few},
		{"csv-safe", "has its csv with another setting of --csv-safe", safe},
		{"keep-raw", "has no copy of the answer yet", raw},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), newAnswers()
			source.set("b", strings.ReplaceAll(finished("b", "=x", 3), `"new":`, `"n":`))
			plain := config(t, source, store, "csv", "ndjson")
			export(t, plain, "b", Exported)
			original := files(t, store)

			changed := config(t, source, store, "csv")
			c.change(&changed)
			err := Plan(t.Context(), changed, []string{"b"}, func(p Planned) {
				if !p.Export || p.Reason != c.reason {
					t.Errorf("plan %+v, want %s", p, c.reason)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			export(t, changed, "b", Exported)
			export(t, changed, "b", Done)
			if cmp.Equal(original, files(t, store)) {
				t.Error("nothing has changed")
			}
			sound(t, store, "b")
			if c.name == "keep-raw" {
				export(t, plain, "b", Done) // the copy is more than was asked for
				return
			}
			export(t, plain, "b", Exported)
			export(t, plain, "b", Done)
			if diff := cmp.Diff(original, files(t, store)); diff != "" {
				t.Errorf("files after changing back (-before +after):\n%s", diff)
			}
		})
	}
}

// sound fails the test unless verification at full depth finds nothing.
func sound(t *testing.T, store sinks.Store, id string) {
	t.Helper()
	checked, err := NewVerifier(store, DepthFull, 1).Verify(t.Context(), &schema.EmailFind, id)
	if err != nil || len(checked.Differences) > 0 {
		t.Errorf("differences %v, error %v", checked.Differences, err)
	}
}

func TestColumnsAreChosen(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "x", 2))
	cfg := config(t, source, store, "csv", "ndjson", "parquet")
	cfg.Columns = []string{"batch_id", "index", "email"}
	res := export(t, cfg, "b", Exported)
	if got, want := files(t, store)["email_find/b.csv"], "batch_id,index,email\nb,0,x0@example.com\nb,1,x1@example.com\n"; got != want {
		t.Errorf("csv %q, want %q", got, want)
	}
	if diff := cmp.Diff(cfg.Columns, res.Entry.Schema.Columns); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if cells := parquetCells(t, []byte(files(t, store)["email_find/b.parquet"])); len(cells) != 3 || cells["email"][1] != "x1@example.com" {
		t.Errorf("parquet %v", cells)
	}
	sound(t, store, "b")
	for name, columns := range map[string][]string{
		"unknown": {"batch_id", "nope"}, "order": {"batch_id", "email", "index"}, "batch_id": {"email"}, "none": {},
	} {
		cfg.Columns = columns
		if err := cfg.Validate(); err == nil {
			t.Errorf("%s: %v is accepted", name, columns)
		}
	}
}
