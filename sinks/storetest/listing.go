package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// list returns the names that List yields.
func list(t *testing.T, s sinks.Store, prefix string) []string {
	t.Helper()
	names := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		names = append(names, info.Name)
	}
	return names
}

func testListEmpty(t *testing.T, s sinks.Store) {
	for _, prefix := range []string{"", "a", "a/", "a/b", "_manifest/"} {
		if got := list(t, s, prefix); len(got) > 0 {
			t.Errorf("list %q of an empty store: %q", prefix, got)
		}
	}
	info := put(t, s, "a/b", nil)
	if err := s.Delete(t.Context(), "a/b", sinks.IfVersion(info.Version)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	for _, prefix := range []string{"", "a", "a/"} {
		if got := list(t, s, prefix); len(got) > 0 {
			t.Errorf("list %q after the only object was deleted: %q", prefix, got)
		}
	}
}

// listed are names in the order of their bytes, which is not that of folders
// and their files: "-" and "." come before "/", "0" after it.
var listed = []string{
	"Q", "Y/y", "_manifest/email_find/b.json", "a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a0",
	"b c/d", "b%20c", "b-c/d", "b.c/d", "b/c/d/e", "b/d", "b0/c", "bc", "z", "é", "日/本",
}

func testListOrder(t *testing.T, s sinks.Store) {
	for i, name := range slices.Backward(listed) {
		put(t, s, name, make([]byte, i))
	}
	if diff := cmp.Diff(listed, list(t, s, "")); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		full, err := s.Stat(t.Context(), info.Name)
		if err != nil {
			t.Fatalf("stat %q: %v", info.Name, err)
		}
		want := full
		if info.CRC32C == 0 {
			want.CRC32C = 0
		}
		if !s.Traits().ListedVersions {
			want.Version = ""
		}
		if diff := cmp.Diff(want, info); diff != "" {
			t.Errorf("info that list yielded (-stat +list):\n%s", diff)
		}
	}
}

func testListPrefixes(t *testing.T, s sinks.Store) {
	for _, name := range []string{"a-b", "a/b", "a/bc/d", "a/bc/e", "a/bd", "a0", "b/c", "..x/y"} {
		put(t, s, name, []byte(name))
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{
		{"a", []string{"a-b", "a/b", "a/bc/d", "a/bc/e", "a/bd", "a0"}},
		{"a/", []string{"a/b", "a/bc/d", "a/bc/e", "a/bd"}},
		{"a/b", []string{"a/b", "a/bc/d", "a/bc/e", "a/bd"}},
		{"a/bc", []string{"a/bc/d", "a/bc/e"}},
		{"a/bc/", []string{"a/bc/d", "a/bc/e"}},
		{"a/bc/d", []string{"a/bc/d"}},
		{"a0", []string{"a0"}},
		{"..", []string{"..x/y"}},
		{"a/b/", []string{}},
		{"a0/", []string{}},
		{"a/bc/d/e", []string{}},
		{"A", []string{}},
		{"c", []string{}},
		{"/", []string{}},
		{"/a", []string{}},
		{"a//", []string{}},
		{"../", []string{}},
		{"a/../b", []string{}},
		{"./a", []string{}},
	} {
		if diff := cmp.Diff(c.want, list(t, s, c.prefix)); diff != "" {
			t.Errorf("list %q (-want +got):\n%s", c.prefix, diff)
		}
	}
}

func testListLong(t *testing.T, s sinks.Store) {
	var want []string
	for i := range 1100 {
		name := fmt.Sprintf("a/%04d", i)
		put(t, s, name, nil)
		want = append(want, name)
	}
	put(t, s, "b/0000", nil)
	if diff := cmp.Diff(want, list(t, s, "a/")); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func testListStops(t *testing.T, s sinks.Store) {
	put(t, s, "a/b", nil)
	put(t, s, "a/c", nil)
	put(t, s, "d", nil)
	var got []string
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		got = append(got, info.Name)
		break
	}
	if diff := cmp.Diff([]string{"a/b"}, got); diff != "" {
		t.Errorf("names before the break (-want +got):\n%s", diff)
	}
}

func testListCancelled(t *testing.T, s sinks.Store) {
	put(t, s, "a", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for info, err := range s.List(ctx, "") {
		if err == nil {
			t.Errorf("list yielded %q", info.Name)
		}
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("list yielded the errors %v, want context.Canceled alone", errs)
	}
}
