//go:build unix

package platform

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Space returns how many bytes this process may still write to the file system of a path.
func Space(path string) (uint64, error) {
	var s unix.Statfs_t
	if err := statfs(path, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert // the types differ by system
}

func statfs(path string, s *unix.Statfs_t) error {
	if err := unix.Statfs(path, s); err != nil {
		return &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return nil
}
