package overview_test

import (
	"fmt"
	"testing"

	"enrow-export/pipeline/overview"
	"enrow-export/schema"
	"enrow-export/sinks/local"
)

// BenchmarkOf reads the manifest of 10,000 exported batches in a directory.
func BenchmarkOf(b *testing.B) {
	store, err := local.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	for i := range 10_000 {
		put(b, store, &schema.EmailFind, fmt.Sprintf("batch-%05d", i), noon, exported(50, 1<<12, `{"requested":50,"valid":40}`))
	}
	for b.Loop() {
		o, err := overview.Of(b.Context(), store, schema.Tables(), noon)
		if err != nil || o.Total().Exported != 10_000 {
			b.Fatalf("error %v, overview %+v", err, o)
		}
	}
}
