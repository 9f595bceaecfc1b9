package sinks

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ErrNotExist is what Get, Stat and Delete report (by errors.Is) for a name
// that the store does not hold.
var ErrNotExist = errors.New("object does not exist")

// ErrUnreachable is what a store reports (by errors.Is) when its root cannot be
// used at all: it is a file, it may not be read or written, it is full, it is
// gone. No other object of the store will fare better.
var ErrUnreachable = errors.New("destination cannot be used")

// AdvisedError says what is wrong with a root, or with the service behind it, and what
// to do about it. Where the root cannot be used at all, a store reports it together with
// ErrUnreachable. Else another object, or another time, may fare better.
type AdvisedError struct {
	Text string
	Hint string // one line
}

func (e *AdvisedError) Error() string { return e.Text }

// Advice returns what to do.
func (e *AdvisedError) Advice() string { return e.Hint }

// Info describes a stored object.
type Info struct {
	// Name is the object's name: relative to the store's root, segments
	// separated by "/".
	Name string
	// Size is the object's length in bytes.
	Size int64
	// CRC32C is the Castagnoli checksum of the content. List leaves it 0
	// when the store would have to read the object to know it.
	CRC32C uint32
	// Version identifies this very writing of the object to a Condition: the
	// same content put again is another version, unless Traits.ContentVersions. It is
	// opaque, never empty, and only good within the store it came from.
	// List leaves it empty unless Traits.ListedVersions.
	Version string
}

// Condition is what must hold of an object at the very moment it is replaced or
// deleted. The zero Condition is not valid: whoever writes says what is there.
type Condition struct {
	absent  bool
	version string
}

// IfAbsent holds when there is no object of that name.
func IfAbsent() Condition { return Condition{absent: true} }

// IfVersion holds when the object is there and has the version given.
func IfVersion(version string) Condition { return Condition{version: version} }

// Absent reports whether the condition is IfAbsent.
func (c Condition) Absent() bool { return c.absent }

// Version returns the version asked for, empty for IfAbsent.
func (c Condition) Version() string { return c.version }

// Valid reports whether the condition was made by IfAbsent, or by IfVersion
// with a version.
func (c Condition) Valid() bool { return c.absent != (c.version != "") }

// ConflictError says that a condition did not hold: nothing was changed.
type ConflictError struct {
	Name string
	// Current is what is there instead, nil when there is no object. It was
	// read after the condition had failed and may be out of date again.
	Current *Info
}

func (e *ConflictError) Error() string {
	if e.Current == nil {
		return fmt.Sprintf("%s: object no longer exists", e.Name)
	}
	return fmt.Sprintf("%s: object was changed by another process", e.Name)
}

// Store keeps whole objects under names: a folder, a bucket, a map. Every
// implementation passes storetest.Run. All methods may be called at once from
// any number of goroutines, and other processes may work on the same objects.
//
// Names are relative, separated by "/", with no empty, "." or ".." segment;
// anything else is an error before anything is touched. No name may be the
// folder of another ("a" and "a/b" do not go together).
//
// A cancelled context means that nothing more is changed, except that an
// operation which is already taking effect may still do so.
//
// An error that is neither a *ConflictError nor ErrNotExist says nothing about
// whether the operation took effect: look before acting again.
type Store interface {
	// Put stores data under name, whole, if cond holds, and returns what is
	// then there. No reader ever sees a part of it, not even after a crash;
	// when Put has returned, the object survives one. When cond does not hold
	// nothing is changed and the error is a *ConflictError. Put does not keep
	// data after it has returned.
	Put(ctx context.Context, name string, data []byte, cond Condition) (Info, error)

	// Get returns the content of the object and what it was read from. The
	// caller owns the content. A missing name is ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, Info, error)

	// Stat returns the object's Info, every field set; it may have to read
	// the object. A missing name is ErrNotExist.
	Stat(ctx context.Context, name string) (Info, error)

	// List yields every object whose name begins with prefix, in the order of
	// the names as bytes, and stops after yielding an error. It is cheap: it
	// reads no object, and leaves fields of Info unset that would need it.
	// A prefix that matches nothing, in a store without objects or without a
	// root too, yields nothing. What appears or goes during a listing may or
	// may not be in it. Temporaries and locks are not objects.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes the object if it has the version of cond, which must be
	// an IfVersion. A missing name is ErrNotExist, another version a
	// *ConflictError.
	Delete(ctx context.Context, name string, cond Condition) error

	// Traits returns what is special about the store, the same each time.
	Traits() Traits
}

// Sweeper is a Store that may find temporaries of crashed processes under its
// root. Sweep removes those, never one of a process that lives, and returns how
// many went.
type Sweeper interface {
	Sweep(ctx context.Context) (int, error)
}

// Checker is a Store that can tell, without changing anything, whether objects
// can be put at all. Check reports what stands against it as ErrUnreachable, so
// that nobody fetches what cannot be kept. It cannot foresee everything: a disk
// may fill up later.
type Checker interface {
	Check(ctx context.Context) error
}

// CheckName reports an error unless name is a valid object name.
func CheckName(name string) error {
	if !validName(name) {
		return fmt.Errorf("%q is not a valid object name", name)
	}
	return nil
}

func validName(name string) bool {
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			if name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\' {
				return false
			}
			continue
		}
		switch name[start:i] {
		case "", ".", "..":
			return false
		}
		start = i + 1
	}
	return true
}
