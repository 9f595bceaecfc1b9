package s3gateway

import (
	"net/http"
	"path/filepath"
	"testing"
)

// A server answers, has the buckets, and leaves nothing behind.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	directories := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "enrow-export-gateway*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	t.Run("server", func(t *testing.T) {
		url := Start(t, "bucket-1", "bucket-2")
		for path, status := range map[string]int{"/bucket-2/x": http.StatusForbidden, "/bucket-3/x": http.StatusNotFound} {
			resp, err := http.Get(url + path) // not signed
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != status {
				t.Errorf("%s: status %d, want %d", path, resp.StatusCode, status)
			}
		}
		if got := directories(); len(got) != 1 {
			t.Errorf("the server has %q", got)
		}
	})
	if got := directories(); len(got) > 0 {
		t.Errorf("%q are left", got)
	}
}
