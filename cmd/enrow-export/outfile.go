package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"enrow-export/sinks/local"
)

// replaceFile writes a file that appears whole, in the place of one that is there, or
// not at all. A new file has the mode that the umask leaves, a replaced one keeps its
// own. What is no file, such as a pipe, is written to; a link is followed.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	replaced, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if link, err := os.Lstat(name); err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return errors.New("is a link to nothing")
		}
	case err != nil:
		return err
	case !replaced.Mode().IsRegular():
		return writeTo(name, write)
	default:
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	f, err := newPartial(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if replaced != nil {
		err = local.KeepMode(f, replaced) // before it has anything that somebody might read
	}
	if err == nil {
		err = errors.Join(write(f), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// newPartial makes a file in dir that is yet to be written and renamed. dir may be a
// root, or in one: a sweep would remove the name of a temporary, and a glob of data files
// would meet the name of one.
func newPartial(dir string) (*os.File, error) {
	name := filepath.Join(dir, fmt.Sprintf(".enrow-export-%s.part", rand.Text()))
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// writeTo writes to what is there.
func writeTo(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
