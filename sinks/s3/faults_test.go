package s3

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3test"
)

// faults are what may happen to a change that comes about in the end.
var faults = map[string]s3test.Fault{
	"conflict of another request": {Times: 1, Action: s3test.Refuse(409, "ConditionalRequestConflict")},
	"slow down":                   {Times: 2, Action: s3test.Refuse(503, "SlowDown")},
	"internal error":              {Times: 1, Action: s3test.Refuse(500, "InternalError")},
	"request timeout":             {Times: 1, Action: s3test.Refuse(400, "RequestTimeout")},
	"changed on its way":          {Times: 1, Action: s3test.Refuse(400, "XAmzContentChecksumMismatch")},
	"cut before the request":      {Times: 1, Action: s3test.CutBefore},
	"cut in the request":          {Times: 1, Action: s3test.CutInRequest},
	"cut after it took effect":    {Times: 1, Action: s3test.CutAfter},
	"cut in the response":         {Times: 1, Action: s3test.CutInResponse},
	"no response in time":         {Times: 1, Action: s3test.Hang},
}

// stores are kinds of stores whose changes meet faults.
var stores = map[string]s3test.Options{
	"S3":                         {},
	"no checksums":               {NoChecksums: true},
	"unique ETags":               {UniqueETags: true},
	"unique ETags, no checksums": {UniqueETags: true, NoChecksums: true},
	"no conditions of deletes":   {NoDeleteConditions: true},
}

// impatient returns a store that soon takes a request for lost.
func impatient(t *testing.T, server *s3test.Server) *Store {
	t.Helper()
	s := open(t, testConfig(server.URL()))
	s.responseTimeout = 200 * time.Millisecond
	return s
}

// A change that met a fault comes about once, and reports what is there.
func TestChangesSurviveFaults(t *testing.T) {
	for kind, options := range stores {
		for name, fault := range faults {
			t.Run(kind+"/"+name, func(t *testing.T) {
				server := newServer(t, options)
				s := impatient(t, server)
				fault.Kind = s3test.Put
				server.Inject(fault)
				first, err := s.Put(t.Context(), "a", []byte("first"), sinks.IfAbsent())
				if err != nil {
					t.Fatalf("put of a new object: %v", err)
				}
				server.Inject(fault)
				second, err := s.Put(t.Context(), "a", []byte("second"), sinks.IfVersion(first.Version))
				if err != nil {
					t.Fatalf("put of an old object: %v", err)
				}
				content, info, err := s.Get(t.Context(), "a")
				if err != nil || string(content) != "second" || cmp.Diff(info, second) != "" {
					t.Errorf("get: %q, %+v, error %v; want what put returned: %+v", content, info, err, second)
				}
				fault.Kind = s3test.Delete
				server.Inject(fault)
				if err := s.Delete(t.Context(), "a", sinks.IfVersion(second.Version)); err != nil {
					t.Fatalf("delete: %v", err)
				}
				if keys := server.Keys(testBucket); len(keys) > 0 {
					t.Errorf("objects that are left: %q", keys)
				}
			})
		}
	}
}

// A read or a listing that met a fault is made again.
func TestReadsSurviveFaults(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, s3test.Options{PageSize: 2})
			for _, key := range []string{"a", "b", "c"} {
				server.Store(testBucket, key, []byte("content of "+key))
			}
			s := impatient(t, server)
			for _, kind := range []s3test.Kind{s3test.Head, s3test.Get} {
				fault.Kind = kind
				server.Inject(fault)
			}
			if _, err := s.Stat(t.Context(), "a"); err != nil {
				t.Errorf("stat: %v", err)
			}
			if content, _, err := s.Get(t.Context(), "a"); err != nil || string(content) != "content of a" {
				t.Errorf("get: %q, error %v", content, err)
			}
			fault.Kind, fault.Skip = s3test.List, 1
			server.Inject(fault)
			var names []string
			for info, err := range s.List(t.Context(), "") {
				if err != nil {
					t.Fatalf("list: %v", err)
				}
				names = append(names, info.Name)
			}
			if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever happens to a request, somebody else's object is never taken for the own one,
// and never overwritten.
func TestOthersAreNoticed(t *testing.T) {
	for name, action := range map[string]s3test.Action{
		"refused":                s3test.Refuse(409, "ConditionalRequestConflict"),
		"slow down":              s3test.Refuse(503, "SlowDown"),
		"cut before the request": s3test.CutBefore,
		"cut in the request":     s3test.CutInRequest,
		"no fault":               {},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, s3test.Options{})
			s := open(t, testConfig(server.URL()))
			server.Inject(s3test.Fault{Kind: s3test.Put, Times: 1, Action: action, Before: func() { server.Store(testBucket, "a", []byte("theirs")) }})
			_, err := s.Put(t.Context(), "a", []byte("ours"), sinks.IfAbsent())
			theirs := conflicting(t, err)
			server.Inject(s3test.Fault{Kind: s3test.Put, Times: 1, Action: action, Before: func() { server.Store(testBucket, "a", []byte("others'")) }})
			_, err = s.Put(t.Context(), "a", []byte("ours"), sinks.IfVersion(theirs.Version))
			others := conflicting(t, err)
			if content, _ := server.Content(testBucket, "a"); string(content) != "others'" {
				t.Errorf("content is %q", content)
			}
			server.Inject(s3test.Fault{Kind: s3test.Delete, Times: 1, Action: action, Before: func() { server.Store(testBucket, "a", []byte("last")) }})
			conflicting(t, s.Delete(t.Context(), "a", sinks.IfVersion(others.Version)))
			if content, _ := server.Content(testBucket, "a"); string(content) != "last" {
				t.Errorf("content is %q", content)
			}
			last, err := s.Stat(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			server.Inject(s3test.Fault{Kind: s3test.Put, Times: 1, Action: action, Before: func() { server.Remove(testBucket, "a") }})
			_, err = s.Put(t.Context(), "a", []byte("ours"), sinks.IfVersion(last.Version))
			if current, lost := sinks.Conflict(err); !lost || current != nil {
				t.Errorf("put where the object has gone: error %v", err)
			}
			if keys := server.Keys(testBucket); len(keys) > 0 {
				t.Errorf("objects: %q", keys)
			}
		})
	}
}

// conflicting returns what is there instead, by a conflict.
func conflicting(t *testing.T, err error) sinks.Info {
	t.Helper()
	current, lost := sinks.Conflict(err)
	if !lost || current == nil {
		t.Fatalf("error %v, want a conflict with an object", err)
	}
	return *current
}

// A conflict with the own bytes is a success if an earlier request may have put them, and
// else a conflict.
func TestConflictWithOneself(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
	// The first request seems lost when the store looks, and takes effect afterwards.
	server.Inject(s3test.Fault{Kind: s3test.Put, Times: 1, Action: s3test.CutBefore})
	server.Inject(s3test.Fault{Kind: s3test.Put, Times: 1, Before: func() { server.Store(testBucket, "a", []byte("ours")) }})
	info, err := s.Put(t.Context(), "a", []byte("ours"), sinks.IfAbsent())
	if err != nil || info.Version == "" {
		t.Errorf("put: %+v, error %v", info, err)
	}
	if n := server.Requests()[s3test.Put]; n != 2 {
		t.Errorf("%d puts, want 2", n)
	}
	_, err = s.Put(t.Context(), "a", []byte("ours"), sinks.IfAbsent())
	if theirs := conflicting(t, err); theirs != info {
		t.Errorf("conflict with %+v, want %+v", theirs, info)
	}
}

// A success that got lost in the last try is found.
func TestLastTryIsLookedAt(t *testing.T) {
	server := newServer(t, s3test.Options{})
	cfg := testConfig(server.URL())
	cfg.Tries = 1
	s := open(t, cfg)
	server.Inject(s3test.Fault{Kind: s3test.Put, Action: s3test.CutAfter})
	info, err := s.Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	server.Inject(s3test.Fault{Kind: s3test.Delete, Action: s3test.CutAfter})
	if err := s.Delete(t.Context(), "a", sinks.IfVersion(info.Version)); err != nil {
		t.Errorf("delete: %v", err)
	}
	want := map[s3test.Kind]int{s3test.Put: 1, s3test.Delete: 1}
	got := server.Requests()
	maps.DeleteFunc(got, func(k s3test.Kind, _ int) bool { return want[k] == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A fault that stays is an error that says to run again, and no reason to give up the
// store.
func TestLastingFaultIsNoConflict(t *testing.T) {
	for name, action := range map[string]s3test.Action{
		"slow down": s3test.Refuse(503, "SlowDown"), "conflict": s3test.Refuse(409, "ConditionalRequestConflict"),
		"cut before": s3test.CutBefore, "cut in the request": s3test.CutInRequest,
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, s3test.Options{})
			s := open(t, testConfig(server.URL()))
			server.Inject(s3test.Fault{Kind: s3test.Put, Action: action})
			_, err := s.Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
			var failed *sinks.AdvisedError
			if _, lost := sinks.Conflict(err); lost || errors.Is(err, sinks.ErrUnreachable) || !errors.As(err, &failed) || !strings.Contains(failed.Hint, "run again later") {
				t.Errorf("put: error %v", err)
			}
			if n := server.Requests()[s3test.Put]; n != defaultTries {
				t.Errorf("%d puts, want %d", n, defaultTries)
			}
		})
	}
}

// A store without conditions is refused, and used by a single writer, who still notices
// what others have done before.
func TestSingleWriter(t *testing.T) {
	for name, options := range map[string]s3test.Options{
		"no conditions": {NoConditions: true}, "conditions ignored": {IgnoreConditions: true}, "S3": {},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, options)
			if name == "no conditions" {
				_, err := open(t, testConfig(server.URL())).Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
				var advised *sinks.AdvisedError
				if !errors.Is(err, sinks.ErrUnreachable) || !errors.As(err, &advised) || advised.Text != "the store does not support conditional writes" ||
					!strings.Contains(advised.Hint, "--single-writer") {
					t.Errorf("put: error %v", err)
				}
			}
			cfg := testConfig(server.URL())
			cfg.SingleWriter = true
			s := open(t, cfg)
			first, err := s.Put(t.Context(), "a", []byte("first"), sinks.IfAbsent())
			if err != nil {
				t.Fatalf("put: %v", err)
			}
			_, err = s.Put(t.Context(), "a", []byte("other"), sinks.IfAbsent())
			conflicting(t, err)
			second, err := s.Put(t.Context(), "a", []byte("second"), sinks.IfVersion(first.Version))
			if err != nil {
				t.Fatalf("put: %v", err)
			}
			_, err = s.Put(t.Context(), "a", []byte("other"), sinks.IfVersion(first.Version))
			conflicting(t, err)
			conflicting(t, s.Delete(t.Context(), "a", sinks.IfVersion(first.Version)))
			if content, _ := server.Content(testBucket, "a"); string(content) != "second" {
				t.Errorf("content is %q", content)
			}
			header := server.Header(testBucket, "a")
			if header.Get("If-Match") != "" || header.Get("If-None-Match") != "" {
				t.Errorf("a condition was sent: %v", header)
			}
			if err := s.Delete(t.Context(), "a", sinks.IfVersion(second.Version)); err != nil {
				t.Errorf("delete: %v", err)
			}
			if err := s.Delete(t.Context(), "a", sinks.IfVersion(second.Version)); !errors.Is(err, sinks.ErrNotExist) {
				t.Errorf("delete again: error %v", err)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("check: %v", err)
			}
		})
	}
}

// A store that is caught at ignoring a condition is refused, and left as it was.
func TestCheckCatchesIgnoredConditions(t *testing.T) {
	server := newServer(t, s3test.Options{IgnoreConditions: true})
	err := open(t, testConfig(server.URL())).Check(t.Context())
	if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "ignores the conditions") {
		t.Errorf("check: error %v", err)
	}
	if keys := server.Keys(testBucket); len(keys) > 0 {
		t.Errorf("check left %q", keys)
	}
}

// The condition of a delete is left out once the store has said that it does not know it.
func TestDeleteWithoutConditions(t *testing.T) {
	server := newServer(t, s3test.Options{NoDeleteConditions: true})
	s := open(t, testConfig(server.URL()))
	for range 3 {
		info, err := s.Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
		if err != nil {
			t.Fatal(err)
		}
		conflicting(t, s.Delete(t.Context(), "a", sinks.IfVersion(`"other"`)))
		if err := s.Delete(t.Context(), "a", sinks.IfVersion(info.Version)); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Requests()[s3test.Delete]; n != 4 {
		t.Errorf("%d deletes, want 4: one was refused", n)
	}
}

// A listing that lags shows an older state; a look does not.
func TestLaggingList(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
	server.Store(testBucket, "old", []byte("x"))
	server.FreezeListing()
	if _, err := s.Put(t.Context(), "new", []byte("x"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	names := func() (names []string) {
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, info.Name)
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"old"}) {
		t.Errorf("listed: %q", got)
	}
	if _, err := s.Stat(t.Context(), "new"); err != nil {
		t.Errorf("stat: %v", err)
	}
	server.ThawListing()
	if got := names(); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("listed: %q", got)
	}
}
