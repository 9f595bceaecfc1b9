// Package probe finds out whether a store keeps its conditions, by trying them.
//
// All that the pipeline promises about several runs at once rests on conditional puts, and
// there are services that accept a condition and ignore it. Nothing but a try tells them
// apart. Both doctor, which shows what a store does, and the commands that write, which
// must not begin on a store that ignores conditions, make the try: so it is a package of
// its own, below both, and knows nothing but sinks.Store.
//
// Objects that are put for a try have random names that begin with ScratchPrefix. No
// manifest entry, no data file and no lock has such a name.
package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"enrow-export/sinks"
)

// ScratchPrefix begins the name of every object that is put for a try. The object lies
// where manifests do, since it has to meet the same permissions.
const ScratchPrefix = "_manifest/.check-"

// cleanLimit bounds the removal of objects after a try, which a cancelled try does, too.
const cleanLimit = 30 * time.Second

// BrokenError says that a store did not keep a condition. No error of an operation, such as
// a lost connection, is one.
type BrokenError struct{ Text string }

func (e *BrokenError) Error() string { return e.Text }

func brokenf(format string, args ...any) error {
	return &BrokenError{fmt.Sprintf(format, args...)}
}

// LeftError says that objects of a try could not be removed.
type LeftError struct {
	Names []string
	Err   error // of the first
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("remove %s: %v", strings.Join(e.Names, ", "), e.Err)
}

// Unwrap returns the cause.
func (e *LeftError) Unwrap() error { return e.Err }

// Scratch is a store with names that nobody else has. It is used by one goroutine at a time.
type Scratch struct {
	Store sinks.Store
	// Rival is another client of the same root, nil for none. Half of the writers of a race
	// use it, so that locks between processes are tried as well.
	Rival sinks.Store
	names []string
	// versions are what the objects had when they were last put, as far as is known.
	versions map[string]string
}

// Name returns a new name. Clean removes what is there.
func (s *Scratch) Name() string {
	name := ScratchPrefix + rand.Text()
	s.names = append(s.names, name)
	return name
}

// Put puts an object of a name that Name has given.
func (s *Scratch) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	info, err := s.Store.Put(ctx, name, data, cond)
	if err == nil {
		s.note(info)
	}
	return info, err
}

// note remembers the version of an object, which so can be removed by those who may not
// read it.
func (s *Scratch) note(info sinks.Info) {
	if s.versions == nil {
		s.versions = make(map[string]string)
	}
	s.versions[info.Name] = info.Version
}

// Delete deletes an object of a name that Name has given. It is not looked for again: where
// listing is not allowed, a service does not tell an object that is gone from another one.
func (s *Scratch) Delete(ctx context.Context, info sinks.Info) error {
	err := s.Store.Delete(ctx, info.Name, sinks.IfVersion(info.Version))
	if err == nil {
		s.names = slices.DeleteFunc(s.names, func(name string) bool { return name == info.Name })
	}
	return err
}

// Clean removes the objects of all names, also when ctx is cancelled: what a user has
// interrupted is to leave nothing behind. The error is a *LeftError.
func (s *Scratch) Clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	var left *LeftError
	for _, name := range s.names {
		if err := s.remove(ctx, name); err != nil {
			if left == nil {
				left = &LeftError{Err: err}
			}
			left.Names = append(left.Names, name)
		}
	}
	s.names, s.versions = nil, nil
	if left != nil {
		return left
	}
	return nil
}

// remove deletes an object, whatever its version is by now.
func (s *Scratch) remove(ctx context.Context, name string) error {
	if version, known := s.versions[name]; known {
		if err := s.Store.Delete(ctx, name, sinks.IfVersion(version)); err == nil || errors.Is(err, sinks.ErrNotExist) {
			return nil
		}
	}
	return sinks.RetryConflicts(ctx, func(int) error {
		info, err := s.Store.Stat(ctx, name)
		if err == nil {
			err = s.Store.Delete(ctx, name, sinks.IfVersion(info.Version))
		}
		if errors.Is(err, sinks.ErrNotExist) {
			return nil
		}
		return err
	})
}

// Conditions is the cheap try: five requests and those that clean up. It returns nil, a
// *BrokenError, the error of an operation, or else a *LeftError.
func Conditions(ctx context.Context, store sinks.Store) (err error) {
	s := &Scratch{Store: store}
	defer func() {
		if left := s.Clean(ctx); err == nil {
			err = left
		}
	}()
	return s.Conditions(ctx)
}

// Conditions tries both conditions of a put, when they hold and when they do not.
func (s *Scratch) Conditions(ctx context.Context) error {
	name := s.Name()
	first, err := s.Put(ctx, name, content("first"), sinks.IfAbsent())
	if err != nil {
		return unlessConflict(err, "the first put of a new object was refused, as if the object existed")
	}
	if _, err = s.Put(ctx, name, content("second"), sinks.IfAbsent()); err == nil {
		return brokenf("an object was replaced by a put that must fail because the object exists")
	} else if _, refused := sinks.Conflict(err); !refused {
		return err
	}
	if _, err = s.Put(ctx, name, content("third"), sinks.IfVersion(first.Version)); err != nil {
		return unlessConflict(err, "a put under the version of the object was refused")
	}
	if _, err = s.Put(ctx, name, content("fourth"), sinks.IfVersion(first.Version)); err == nil {
		return brokenf("an object was replaced by a put under a version that the object no longer had")
	} else if _, refused := sinks.Conflict(err); !refused {
		return err
	}
	return nil
}

// unlessConflict returns a *BrokenError for a conflict, and any other error as it is.
func unlessConflict(err error, text string) error {
	if _, refused := sinks.Conflict(err); refused {
		return brokenf("%s", text)
	}
	return err
}

// content returns bytes that no other put has: equal bytes may have equal versions, and a
// client that has lost the response to a put takes equal bytes for its own.
func content(of string) []byte { return []byte("enrow-export check, " + of + " " + rand.Text() + "\n") }

// StaleDelete reports whether a delete under a version that the object no longer has is
// refused. Nothing depends on it.
func (s *Scratch) StaleDelete(ctx context.Context) (refused bool, err error) {
	name := s.Name()
	first, err := s.Put(ctx, name, content("first"), sinks.IfAbsent())
	if err != nil {
		return false, err
	}
	if _, err := s.Put(ctx, name, content("second"), sinks.IfVersion(first.Version)); err != nil {
		return false, err
	}
	err = s.Store.Delete(ctx, name, sinks.IfVersion(first.Version))
	if _, refused := sinks.Conflict(err); refused {
		return true, nil
	}
	return false, err
}

// Race has writers put one object at the same time, once under each condition in each
// round. It returns a *BrokenError unless exactly one of the writers wins each time and the
// object is the winner's.
func (s *Scratch) Race(ctx context.Context, writers, rounds int) error {
	for range rounds {
		name := s.Name()
		if err := s.race(ctx, name, writers, sinks.IfAbsent(), "created one object"); err != nil {
			return err
		}
		info, err := s.Store.Stat(ctx, name)
		if err != nil {
			return err
		}
		if err := s.race(ctx, name, writers, sinks.IfVersion(info.Version), "replaced one version of an object"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scratch) race(ctx context.Context, name string, writers int, cond sinks.Condition, did string) error {
	contents, infos, errs := make([][]byte, writers), make([]sinks.Info, writers), make([]error, writers)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range writers {
		store := s.Store
		if s.Rival != nil && i%2 == 1 {
			store = s.Rival
		}
		contents[i] = content(fmt.Sprint("writer ", i))
		all.Go(func() {
			<-begin
			infos[i], errs[i] = store.Put(ctx, name, contents[i], cond)
		})
	}
	close(begin)
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	winner, won := 0, 0
	var unclear error
	for i, err := range errs {
		_, refused := sinks.Conflict(err)
		switch {
		case err == nil:
			winner, won = i, won+1
			s.note(infos[i])
		case !refused && unclear == nil:
			unclear = err
		}
	}
	switch {
	case won > 1:
		return brokenf("%d of %d writers %s at the same time: exactly one must succeed", won, writers, did)
	case unclear != nil:
		return fmt.Errorf("a writer of a race got no clear response: %w", unclear)
	case won == 0:
		return brokenf("none of %d writers %s: exactly one must succeed", writers, did)
	}
	data, _, err := s.Store.Get(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, contents[winner]) {
		return brokenf("a writer %s, and the object has the bytes of another writer, whose put was refused", did)
	}
	return nil
}
