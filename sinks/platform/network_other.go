//go:build unix && !linux

package platform

import "golang.org/x/sys/unix"

// Network returns the name of the file system of a path if other machines may share it.
// Else the name is empty.
func Network(path string) (string, error) {
	var s unix.Statfs_t
	if err := statfs(path, &s); err != nil {
		return "", err
	}
	if s.Flags&unix.MNT_LOCAL != 0 {
		return "", nil
	}
	return unix.ByteSliceToString(s.Fstypename[:]), nil
}
