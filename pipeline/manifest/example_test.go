package manifest_test

import (
	"context"
	"fmt"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// An entry is changed in one step, however many others change it meanwhile, and all
// entries are listed in the order of their ids.
func Example() {
	ctx := context.Background()
	m := manifest.Manifest{Store: sinks.NewMemory(), Table: &schema.EmailFind, ToolVersion: "1.0"}
	for _, id := range []string{"b2", "b1"} {
		err := m.Change(ctx, id, func(e *manifest.Entry) { e.Attempts++ })
		if err != nil {
			fmt.Println(err)
		}
	}
	for k, err := range manifest.Entries(ctx, m.Store, []*schema.Table{m.Table}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(m.Name(k.BatchID), k.Entry.State, k.Entry.Attempts)
	}
	// Output:
	// _manifest/email_find/b1.json pending 1
	// _manifest/email_find/b2.json pending 1
}
