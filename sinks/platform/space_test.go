package platform_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"enrow-export/sinks/platform"
)

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	if n, err := platform.Space(dir); err != nil || n == 0 {
		t.Errorf("%d, error %v", n, err)
	}
	if _, err := platform.Network(dir); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(dir, "missing")
	if _, err := platform.Space(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := platform.Network(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
