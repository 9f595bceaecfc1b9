package manifest

import (
	"context"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// KnowsAny reports whether any of the tables has an entry. A root without one is more
// often another than was meant, such as a volume that is not mounted, than one in which
// there is nothing to do.
func KnowsAny(ctx context.Context, store sinks.Store, tables []*schema.Table) (bool, error) {
	for _, table := range tables {
		for _, err := range (Manifest{Store: store, Table: table}).List(ctx) {
			return err == nil, err
		}
	}
	return false, nil
}
