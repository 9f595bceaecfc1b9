package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// flushes flushes folders to the disk, each once for all who want that at the
// time: of all that publishing costs this is the most.
type flushes struct {
	sync func(dir string) error
	// parallel is how many flushes of one folder are under way at most.
	parallel int

	mu      sync.Mutex
	folders map[string]*flushing // those that somebody wants flushed
}

// parallelFlushes is more than one, so that few writers, who have little to share,
// need not wait for each other.
const parallelFlushes = 2

func newFlushes(sync func(dir string) error) flushes {
	return flushes{sync: sync, parallel: parallelFlushes, folders: make(map[string]*flushing)}
}

// flushing is one folder of flushes.
type flushing struct {
	turn  chan struct{} // holds one for each goroutine that flushes the folder
	next  *flush        // one that has not begun, nil when there is none
	users int
}

// flush is one flush of a folder.
type flush struct {
	done chan struct{} // closed when err says how it went
	err  error
}

// flush returns when the names that the folder dir had at the time of the call
// are on the disk. A flush that is under way may have missed them, so it takes
// another one; whoever has to wait for that to begin shares it with all who do.
func (f *flushes) flush(dir string) error {
	f.mu.Lock()
	folder := f.folders[dir]
	if folder == nil {
		folder = &flushing{turn: make(chan struct{}, f.parallel)}
		f.folders[dir] = folder
	}
	folder.users++
	mine := folder.next
	first := mine == nil
	if first {
		mine = &flush{done: make(chan struct{})}
		folder.next = mine
	}
	f.mu.Unlock()

	if first {
		folder.turn <- struct{}{}
		f.mu.Lock()
		folder.next = nil // whoever comes from here on may come too late for this one
		f.mu.Unlock()
		mine.err = f.sync(dir)
		<-folder.turn
		close(mine.done)
	}
	<-mine.done

	f.mu.Lock()
	defer f.mu.Unlock()
	if folder.users--; folder.users == 0 {
		delete(f.folders, dir)
	}
	return mine.err
}

// flushFolder flushes the names in the folder dir to the disk. It fails when that
// may have been a folder of another root than the one that has the objects.
func (s *Store) flushFolder(dir string) error {
	if err := syncFolder(dir); err != nil {
		return err
	}
	return s.checkRoot()
}

// syncFolder flushes the names in the folder dir to the disk.
func syncFolder(dir string) error {
	f, err := openFile(dir, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	// There are file systems that refuse because they keep no folder in a
	// cache that could be flushed.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("flush directory: %w", err)
	}
	return nil
}
