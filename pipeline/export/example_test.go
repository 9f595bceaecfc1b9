package export_test

import (
	"context"
	"fmt"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// oneAnswer is a Source that has the answer for one batch.
type oneAnswer string

func (a oneAnswer) Fetch(_ context.Context, _ *schema.Table, _ string, buf []byte) ([]byte, error) {
	return append(buf[:0], a...), nil
}

// A run exports a batch, and finds it done the next time.
func ExampleRun() {
	csv, _ := sinks.NewEncoding("csv", "")
	layout, _ := manifest.ParseLayout(manifest.DefaultLayout)
	cfg := export.Config{
		Table: &schema.EmailFind,
		Source: oneAnswer(`{"general":{"id":"b1","status":"completed"},"stats":{"requested":1},
			"results":[{"index":"0","qualification":"valid","email":"jim@example.com"}]}`),
		Store:     sinks.NewMemory(),
		Encodings: []sinks.Encoding{csv},
		Layout:    layout,
	}
	for range 2 {
		summary, err := export.Run(context.Background(), cfg, []string{"b1"}, func(r export.Result) {
			fmt.Println(r.BatchID, "is", r.Outcome, "in", r.Entry.Files["csv"].Path)
		})
		fmt.Println(summary.Exported, "exported,", summary.Done, "done,", err)
	}
	// Output:
	// b1 is exported in email_find/b1.csv
	// 1 exported, 0 done, <nil>
	// b1 is done in email_find/b1.csv
	// 0 exported, 1 done, <nil>
}
