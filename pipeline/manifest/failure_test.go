package manifest_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// A failure names the operation that failed, and how far it reaches.
func TestFailureNamesTheOperation(t *testing.T) {
	entry := &manifest.EntryError{Name: "_manifest/email_find/b.json", Err: errors.New("is cut")}
	fetch := &pipeline.Error{Op: "fetch", Batch: "b", Class: pipeline.Permanent, Err: errors.New("no such batch")}
	for _, test := range []struct {
		err   error
		want  string
		class pipeline.Class
		hint  string
	}{
		{fmt.Errorf("list files: %w", sinks.ErrUnreachable), "prune: list files: destination cannot be used", pipeline.Fatal, "run again"},
		{fmt.Errorf("list files: %w", syscall.EMFILE), "prune: list files: too many open files", pipeline.Fatal, "ulimit -n"},
		{fmt.Errorf("%w: %w", sinks.ErrUnreachable, syscall.ENFILE), "prune: destination cannot be used: too many open files in system", pipeline.Fatal, "ulimit -n"},
		{fmt.Errorf("fork: %w", syscall.ENOMEM), "prune: fork: cannot allocate memory", pipeline.Fatal, "memory"},
		{&net.DNSError{Name: "host", Err: "socket: too many open files"}, "prune: lookup host: socket: too many open files", pipeline.Fatal, "ulimit -n"},
		{errors.New("odd"), "prune batch b: odd", pipeline.Transient, ""},
		{fmt.Errorf("look: %w", entry), "read batch b: look: manifest entry _manifest/email_find/b.json: is cut", pipeline.Transient, "nothing was changed"},
		{fmt.Errorf("wrapped: %w", fetch), "fetch batch b: no such batch", pipeline.Permanent, ""},
		{&pipeline.Error{Op: "fetch", Class: pipeline.Fatal, Err: sinks.ErrUnreachable}, "fetch: destination cannot be used", pipeline.Fatal, ""},
	} {
		got := manifest.Failure("prune", "b", test.err)
		if got.Error() != test.want || got.Class != test.class || !strings.Contains(got.Hint, test.hint) {
			t.Errorf("%v: %q of class %d, hint %q; want %q of class %d", test.err, got, got.Class, got.Hint, test.want, test.class)
		}
	}
}
