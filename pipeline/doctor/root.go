package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
)

// Writers and rounds of the race. A store that lets two writers win does so at once as a
// rule, but not each time.
const (
	writers = 32
	rounds  = 3
)

// littleSpace is the free space that a directory should have.
const littleSpace = 1 << 30

// Names of the checks of a root, in their order.
const (
	rootCheck       = "root"
	networkCheck    = "network"
	fileSystemCheck = "file-system"
	spaceCheck      = "free-space"
	listCheck       = "list"
	writeCheck      = "write"
	readCheck       = "read"
	freshListCheck  = "fresh-list"
	replaceCheck    = "replace"
	deleteCheck     = "delete"
	conditionsCheck = "conditions"
	raceCheck       = "race"
	staleCheck      = "stale-delete"
	locksCheck      = "locks"
	clockCheck      = "clock"
	leftoversCheck  = "leftovers"
	cleanUpCheck    = "clean-up"
)

// examination is the checks of one root.
type examination struct {
	Root
	cfg     Config
	report  *reporter
	scratch probe.Scratch
	folder  directory // nil for a bucket
	// canWrite says that an object was created.
	canWrite bool
}

func (e *examination) all(ctx context.Context) {
	if e.Service != "" {
		e.network(ctx)
	}
	if e.OpenErr != nil {
		e.report.fail(ctx, rootCheck, e.OpenErr, e.OpenHint)
		e.report.skip("the root cannot be used", e.rest()...)
		return
	}
	e.folder, _ = as[directory](e.Store)
	e.scratch = probe.Scratch{Store: e.Store, Rival: e.Rival}
	usable := e.objects(ctx)
	if left := e.scratch.Clean(ctx); !usable {
		return // what could not be put is not there
	} else if left != nil && !e.canWrite {
		e.report.skip("no object is known to have been created", cleanUpCheck)
	} else if left != nil {
		e.report.tell(Check{Name: cleanUpCheck, Status: Failed, Err: left, Hint: "delete the objects that are named: nothing needs them"})
	} else {
		e.report.ok(cleanUpCheck, "the objects of the checks are removed")
	}
	if ctx.Err() == nil {
		e.entries(ctx)
	}
}

// network reports how requests to the service leave this machine.
func (e *examination) network(ctx context.Context) {
	if store, ok := as[connected](e.Store); ok {
		limited, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
		defer cancel()
		// What keeps it from a client is told by the checks that need one.
		if url, certificates, err := store.Connection(limited); err == nil {
			e.report.net(networkCheck, url, certificates)
			return
		}
	}
	e.report.net(networkCheck, e.Service, nil)
}

// rest returns the names of the checks after the first one, for a root on which none of
// them can be made.
func (e *examination) rest() []string {
	names := []string{listCheck, writeCheck, readCheck, freshListCheck, replaceCheck, deleteCheck, conditionsCheck, raceCheck, staleCheck}
	if e.Service == "" {
		names = append([]string{fileSystemCheck, spaceCheck}, append(names, locksCheck)...)
	}
	return append(names, clockCheck, leftoversCheck, cleanUpCheck, entriesCheck, batchesCheck, attentionCheck, pendingCheck, claimsCheck)
}

// objects checks all that concerns objects. It reports whether the root can be used at all.
func (e *examination) objects(ctx context.Context) bool {
	left, listErr := e.count(ctx, probe.ScratchPrefix)
	if lost(listErr) {
		return e.unusable(ctx, listErr)
	}
	name, data := e.scratch.Name(), []byte("enrow-export check\n")
	before := e.cfg.Now()
	info, writeErr := e.scratch.Put(ctx, name, data, sinks.IfAbsent())
	if sameForAll(listErr, writeErr) {
		return e.unusable(ctx, listErr)
	}
	switch {
	case listErr != nil && writeErr != nil:
		e.report.skip("objects can neither be listed nor created", rootCheck)
	case e.Missing:
		e.report.ok(rootCheck, "%s has no manifest yet: it was checked in a temporary directory in its place", e.At)
	case e.folder == nil:
		e.report.ok(rootCheck, "%s can be reached", e.At)
	default:
		e.report.ok(rootCheck, "%s exists", e.At)
	}
	if e.folder != nil {
		e.fileSystem(ctx)
	}
	e.did(ctx, listCheck, "objects can be listed", listErr)
	e.canWrite = e.did(ctx, writeCheck, "an object can be created", writeErr)
	if !e.canWrite {
		e.report.skip("no object could be created", readCheck, freshListCheck, replaceCheck, deleteCheck, conditionsCheck, raceCheck, staleCheck)
		if e.folder != nil {
			e.report.skip("no object could be created", locksCheck)
		}
		e.report.skip("no object could be created", clockCheck)
	} else {
		e.written(ctx, name, data, info, listErr == nil)
		e.clock(ctx, name, before)
	}
	e.leftovers(ctx, left, listErr)
	return true
}

// unusable reports that no check of the root can be made.
func (e *examination) unusable(ctx context.Context, err error) bool {
	e.report.fail(ctx, rootCheck, err, "")
	e.report.skip("the root cannot be used", e.rest()...)
	return false
}

// lost reports whether the error of a list says what is wrong with all of the root, and
// that no other operation would fare better. A store out of reach would be tried for long.
func lost(list error) bool {
	var advised *sinks.AdvisedError
	return errors.Is(list, sinks.ErrUnreachable) && errors.As(list, &advised)
}

// sameForAll reports whether the errors of a list and of a put say the same, or if they
// differ, whether the list says what is wrong with all of the root: that a permission is
// missing is no AdvisedError.
func sameForAll(list, put error) bool {
	if list == nil || put == nil {
		return false
	}
	var advised *sinks.AdvisedError
	return list.Error() == put.Error() || errors.As(list, &advised)
}

// did reports an operation that succeeded, or failed with err.
func (e *examination) did(ctx context.Context, name, what string, err error) bool {
	if err != nil {
		e.report.fail(ctx, name, err, "")
		return false
	}
	e.report.ok(name, "%s", what)
	return true
}

// count returns the number of objects whose names begin so.
func (e *examination) count(ctx context.Context, prefix string) (n int, err error) {
	for _, err := range e.Store.List(ctx, prefix) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// written makes the checks that need an object. canList says that listings work.
func (e *examination) written(ctx context.Context, name string, data []byte, info sinks.Info, canList bool) {
	read, _, err := e.Store.Get(ctx, name)
	if err == nil && !bytes.Equal(read, data) {
		err = errors.New("an object that was just created has other bytes")
	}
	canRead := e.did(ctx, readCheck, "an object can be read", err)
	if canList {
		e.freshList(ctx, name)
	} else {
		e.report.skip("objects cannot be listed", freshListCheck)
	}
	_, err = e.scratch.Put(ctx, name, append(data, "replaced\n"...), sinks.IfVersion(info.Version))
	canReplace := e.did(ctx, replaceCheck, "an object can be replaced", err)

	canDelete := e.did(ctx, deleteCheck, "an object can be deleted", e.deletes(ctx))
	if !canRead || !canReplace || !canDelete {
		e.report.skip("it needs an object that can be read, replaced and deleted", conditionsCheck, raceCheck, staleCheck)
	} else {
		e.conditions(ctx)
	}
	if e.folder != nil {
		e.did(ctx, locksCheck, "a lock on a file keeps other open files from having it", e.folder.Locks(ctx))
	}
}

// deletes creates an object and deletes it.
func (e *examination) deletes(ctx context.Context) error {
	name := e.scratch.Name()
	info, err := e.scratch.Put(ctx, name, []byte("enrow-export check\n"), sinks.IfAbsent())
	if err != nil {
		return err
	}
	return e.scratch.Delete(ctx, info)
}

// freshList checks that a list shows an object that was just created.
func (e *examination) freshList(ctx context.Context, name string) {
	switch n, err := e.count(ctx, name); {
	case err != nil:
		e.report.fail(ctx, freshListCheck, err, "")
	case n == 0:
		e.report.warn(freshListCheck, "use a store whose lists are consistent: load-sql, files and prune would miss new batches here",
			"a list does not show an object that was just created")
	default:
		e.report.ok(freshListCheck, "a list shows an object that was just created")
	}
}

// conditionsHint is what to do about a store that ignores conditions.
const conditionsHint = "use another store; with --single-writer this one can be used by one process at a time"

// conditions checks what the promises about several runs at once rest on.
func (e *examination) conditions(ctx context.Context) {
	if e.SingleWriter && e.Store.Traits().ContentVersions { // other stores do not know the flag
		e.report.skip("with --single-writer the store is not asked to keep conditions", conditionsCheck, raceCheck, staleCheck)
		return
	}
	if err := e.scratch.Conditions(ctx); err != nil {
		e.report.fail(ctx, conditionsCheck, err, ifBroken(err, conditionsHint))
	} else {
		e.report.ok(conditionsCheck, "a put under a condition that does not hold is refused")
	}
	if err := e.scratch.Race(ctx, writers, rounds); err != nil {
		e.report.fail(ctx, raceCheck, err, ifBroken(err, conditionsHint))
	} else {
		e.report.ok(raceCheck, "of %d writers of one object exactly one wins, %d times", writers, 2*rounds)
	}
	switch refused, err := e.scratch.StaleDelete(ctx); {
	case err != nil:
		e.report.fail(ctx, staleCheck, err, "")
	case refused:
		e.report.ok(staleCheck, "a delete under a version that the object no longer has is refused")
	default:
		e.report.ok(staleCheck, "a delete ignores the version of the object; nothing depends on it")
	}
}

// ifBroken returns the hint if err says that a condition was not kept.
func ifBroken(err error, hint string) string {
	if broken := (*probe.BrokenError)(nil); errors.As(err, &broken) {
		return hint
	}
	return ""
}

// fileSystem reports facts of the file system that a directory is on.
func (e *examination) fileSystem(ctx context.Context) {
	switch name, err := e.folder.Network(); {
	case err != nil:
		e.report.fail(ctx, fileSystemCheck, err, "")
	case name != "":
		e.report.ok(fileSystemCheck, "a file system that other machines may share (%s): the checks of locks tell whether it can be used", name)
	default:
		e.report.ok(fileSystemCheck, "a file system of this machine")
	}
	switch free, err := e.folder.Space(); {
	case err != nil:
		e.report.fail(ctx, spaceCheck, err, "")
	case free < littleSpace:
		e.report.warn(spaceCheck, "free some space, or export to another file system", "only %s are free", humanize.IBytes(free))
	default:
		e.report.ok(spaceCheck, "%s are free", humanize.IBytes(free))
	}
}

// clock compares this machine's clock with that of the machine that keeps the objects. The
// object was not put before that time.
func (e *examination) clock(ctx context.Context, name string, before time.Time) {
	var at time.Time
	var err error
	whose := "that of the file system"
	if e.folder != nil {
		before = e.cfg.Now()
		at, err = e.folder.Clock(ctx)
	} else if store, ok := as[written](e.Store); ok {
		whose = "that of the store"
		limited, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
		defer cancel()
		at, err = store.Written(limited, name)
	} else {
		e.report.skip("the store does not tell its time", clockCheck)
		return
	}
	if err != nil {
		e.report.fail(ctx, clockCheck, err, "")
		return
	}
	e.report.clock(clockCheck, whose, at, before, e.cfg.Now(), e.Service != "")
}

// leftovers reports what runs and checks that were killed have left. scratch is the number
// of objects of checks that were there before this one.
func (e *examination) leftovers(ctx context.Context, scratch int, listErr error) {
	temporary := 0
	if e.folder != nil {
		var err error
		if temporary, err = e.folder.Leftovers(ctx); err != nil {
			e.report.fail(ctx, leftoversCheck, err, "")
			return
		}
	}
	switch {
	case listErr != nil:
		e.report.skip("objects cannot be listed", leftoversCheck)
	case scratch > 0:
		e.report.warn(leftoversCheck, fmt.Sprintf("delete the objects below %s whose names begin with %s when no other doctor runs", e.At, probe.ScratchPrefix),
			"%s of an interrupted check", count(scratch, "object"))
	case temporary > 0:
		e.report.ok(leftoversCheck, "%s of runs that were killed; the next run removes them", count(temporary, "temporary file"))
	default:
		e.report.ok(leftoversCheck, "nothing is left of runs that were killed")
	}
}
