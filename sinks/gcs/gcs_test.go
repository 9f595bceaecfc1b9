package gcs

import (
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestStore(t *testing.T) {
	for name, prefix := range map[string]string{"bucket": "", "folder": "some/folder of it"} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) sinks.Store {
				serve(t, newServer(t))
				return open(t, prefix)
			})
		})
	}
}
