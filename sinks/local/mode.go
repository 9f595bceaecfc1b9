package local

import (
	"io/fs"
	"os"
	"syscall"
)

// KeepMode gives f, which is new and shall take the place of a regular file, who may
// read and write that one: its permissions, and its owner and group where this process
// may give a file away. Without that group, those whom f belongs to get no more than
// everybody has. What makes a program run as somebody else (setuid, setgid) is not
// taken over. Call it before f has any content.
func KeepMode(f *os.File, replaced fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	mode := replaced.Mode().Perm()
	if !keepOwner(f, now, replaced) {
		mode = mode&^0o070 | mode&0o007<<3
	}
	if mode == now.Mode().Perm() {
		return nil // there are file systems that refuse even this
	}
	return f.Chmod(mode)
}

// keepOwner reports whether f, which is now as described, has the group of the file
// that it replaces.
func keepOwner(f *os.File, now, replaced fs.FileInfo) bool {
	has, ok := now.Sys().(*syscall.Stat_t)
	wants, also := replaced.Sys().(*syscall.Stat_t)
	if !ok || !also || has.Uid == wants.Uid && has.Gid == wants.Gid {
		return true
	}
	if f.Chown(int(wants.Uid), int(wants.Gid)) == nil {
		return true
	}
	return has.Gid == wants.Gid || f.Chown(-1, int(wants.Gid)) == nil
}
