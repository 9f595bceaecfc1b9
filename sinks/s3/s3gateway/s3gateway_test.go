package s3gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// A server answers, has the buckets, and leaves nothing behind.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
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
		if dirs, err := filepath.Glob(filepath.Join(dir, "*")); len(dirs) != 1 || err != nil {
			t.Errorf("the server has %q, error %v", dirs, err)
		}
	})
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, error %v", left, err)
	}
}
