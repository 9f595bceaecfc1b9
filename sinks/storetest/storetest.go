// Package storetest is for tests of stores and of what is built on them. Run is the
// conformance suite that every sinks.Store passes. Faulty is a store that fails when it
// is told to.
//
// A new store runs the suite in one test of its package:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) sinks.Store {
//			s, err := Open(t.TempDir()) // empty, whatever other tests have put
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { s.Close() })
//			return s
//		})
//	}
//
// If processes may share the store, their races are tested beside it, with processes. A
// store that talks to a service is tested against the real server, or the most faithful
// one there is.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// Run checks each obligation of sinks.Store in a subtest of its own. open
// returns a store without objects, and cleans up after it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) sinks.Store) {
	for _, obligation := range []struct {
		name string
		test func(*testing.T, sinks.Store)
	}{
		{"put, get and stat agree", testRoundTrip},
		{"names", testNames},
		{"invalid names", testInvalidNames},
		{"missing names", testMissing},
		{"delete", testDelete},
		{"data is not kept", testDataNotKept},
		{"content is the caller's", testContentOwned},
		{"cancelled context", testCancelled},

		{"absent", testIfAbsent},
		{"version", testIfVersion},
		{"same content again", testSameContentAgain},
		{"invalid conditions", testInvalidConditions},

		{"empty list", testListEmpty},
		{"list order", testListOrder},
		{"list prefixes", testListPrefixes},
		{"long list", testListLong},
		{"list stops", testListStops},
		{"cancelled list", testListCancelled},

		{"race of creators", testRaceAbsent},
		{"race of writers", testRaceVersion},
		{"readers and a writer", testReaders},
	} {
		t.Run(obligation.name, func(t *testing.T) {
			obligation.test(t, open(t))
		})
	}
}

// put stores data where nothing is.
func put(t *testing.T, s sinks.Store, name string, data []byte) sinks.Info {
	t.Helper()
	info, err := s.Put(t.Context(), name, data, sinks.IfAbsent())
	if err != nil {
		t.Fatalf("put %q: %v", name, err)
	}
	return info
}

// holds checks that the object is there with the content and info given.
func holds(t *testing.T, s sinks.Store, name string, data []byte, info sinks.Info) {
	t.Helper()
	got, gotInfo, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatalf("get %q: %v", name, err)
	}
	if !bytes.Equal(got, data) {
		t.Errorf("get %q: %d bytes that differ from the %d expected", name, len(got), len(data))
	}
	if diff := cmp.Diff(info, gotInfo); diff != "" {
		t.Errorf("info that get %q returned (-want +got):\n%s", name, diff)
	}
	stat, err := s.Stat(t.Context(), name)
	if err != nil {
		t.Fatalf("stat %q: %v", name, err)
	}
	if diff := cmp.Diff(info, stat); diff != "" {
		t.Errorf("stat %q (-want +got):\n%s", name, diff)
	}
}

// lacks checks that there is no such object.
func lacks(t *testing.T, s sinks.Store, name string) {
	t.Helper()
	if _, err := s.Stat(t.Context(), name); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("stat %q: error %v, want ErrNotExist", name, err)
	}
}

func testRoundTrip(t *testing.T, s sinks.Store) {
	large := make([]byte, 5<<20)
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	for name, data := range map[string][]byte{
		"nil":    nil,
		"empty":  {},
		"text":   []byte("123456789"),
		"binary": {0, '\r', '\n', 0xff, 0xfe, 0x1a},
		"large":  large,
	} {
		info := put(t, s, "folder/"+name, data)
		if info.Version == "" {
			t.Errorf("%s: put returned no version", name)
		}
		want := sinks.Info{
			Name:    "folder/" + name,
			Size:    int64(len(data)),
			CRC32C:  crc32.Checksum(data, sinks.Castagnoli),
			Version: info.Version,
		}
		if diff := cmp.Diff(want, info); diff != "" {
			t.Errorf("%s: info that put returned (-want +got):\n%s", name, diff)
		}
		holds(t, s, "folder/"+name, data, want)
	}
	// The check value that the checksum's specification gives.
	if info, err := s.Stat(t.Context(), "folder/text"); err != nil || info.CRC32C != 0xe3069283 {
		t.Errorf("stat: CRC32C %#x, error %v; want 0xe3069283", info.CRC32C, err)
	}
}

func testNames(t *testing.T, s sinks.Store) {
	names := []string{
		"a", "A b", "folder/with space/x", "50%", "100%25", "%2e%2e/x", "a+b", "a?b=c&d", "a#b", "[a]*",
		"é/ü", "日本語", "...", "..a", "a..", ".hidden", "_manifest/x/y.json", "~", "-f", "'\"", "a:b@c,d;e",
		"deep/er/than/most/names/are.parquet",
	}
	infos := make(map[string]sinks.Info)
	for _, name := range names {
		infos[name] = put(t, s, name, []byte("content of "+name))
	}
	for _, name := range names {
		holds(t, s, name, []byte("content of "+name), infos[name])
	}
}

func testInvalidNames(t *testing.T, s sinks.Store) {
	for _, name := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/../b", "a/..", `a\b`, "a\nb", "a\x00b", "\x7f",
	} {
		if _, err := s.Put(t.Context(), name, []byte("x"), sinks.IfAbsent()); err == nil {
			t.Errorf("put %q: no error", name)
		}
		if _, _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("get %q: error %v, want one that is not ErrNotExist", name, err)
		}
		if _, err := s.Stat(t.Context(), name); err == nil || errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("stat %q: error %v, want one that is not ErrNotExist", name, err)
		}
		err := s.Delete(t.Context(), name, sinks.IfVersion("1"))
		if err == nil || errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("delete %q: error %v, want one that is not ErrNotExist", name, err)
		}
	}
	if got := list(t, s, ""); len(got) > 0 {
		t.Errorf("puts under invalid names left %q", got)
	}
}

func testMissing(t *testing.T, s sinks.Store) {
	check := func(name string) {
		t.Helper()
		lacks(t, s, name)
		if data, info, err := s.Get(t.Context(), name); !errors.Is(err, sinks.ErrNotExist) || data != nil || info != (sinks.Info{}) {
			t.Errorf("get %q: %d bytes, %+v, error %v; want nothing and ErrNotExist", name, len(data), info, err)
		}
		if err := s.Delete(t.Context(), name, sinks.IfVersion("1")); !errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("delete %q: error %v, want ErrNotExist", name, err)
		}
	}
	check("a/b")
	put(t, s, "a/b", nil)
	for _, name := range []string{"a", "a/b/c", "a/bc", "a/B0", "b"} {
		check(name)
	}
}

func testDelete(t *testing.T, s sinks.Store) {
	first := put(t, s, "a/b", []byte("1"))
	other := put(t, s, "a/c", []byte("other"))
	second, err := s.Put(t.Context(), "a/b", []byte("2"), sinks.IfVersion(first.Version))
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	conflicts(t, s.Delete(t.Context(), "a/b", sinks.IfVersion(first.Version)), "a/b", &second)
	holds(t, s, "a/b", []byte("2"), second)
	if err := s.Delete(t.Context(), "a/b", sinks.IfVersion(second.Version)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	lacks(t, s, "a/b")
	holds(t, s, "a/c", []byte("other"), other)
	if err := s.Delete(t.Context(), "a/b", sinks.IfVersion(second.Version)); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("delete again: error %v, want ErrNotExist", err)
	}
	again := put(t, s, "a/b", []byte("3"))
	holds(t, s, "a/b", []byte("3"), again)
}

func testDataNotKept(t *testing.T, s sinks.Store) {
	data := []byte("original")
	info := put(t, s, "a", data)
	copy(data, "mutation")
	holds(t, s, "a", []byte("original"), info)
}

func testContentOwned(t *testing.T, s sinks.Store) {
	info := put(t, s, "a", []byte("original"))
	got, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	copy(got, "mutation")
	holds(t, s, "a", []byte("original"), info)
}

func testCancelled(t *testing.T, s sinks.Store) {
	info := put(t, s, "a", []byte("original"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, createErr := s.Put(ctx, "b", []byte("x"), sinks.IfAbsent())
	_, replaceErr := s.Put(ctx, "a", []byte("x"), sinks.IfVersion(info.Version))
	_, _, getErr := s.Get(ctx, "a")
	_, statErr := s.Stat(ctx, "a")
	for op, err := range map[string]error{
		"put of a new object": createErr,
		"put of an old one":   replaceErr,
		"get":                 getErr,
		"stat":                statErr,
		"delete":              s.Delete(ctx, "a", sinks.IfVersion(info.Version)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", op, err)
		}
	}
	holds(t, s, "a", []byte("original"), info)
	if diff := cmp.Diff([]string{"a"}, list(t, s, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
