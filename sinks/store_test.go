package sinks_test

import (
	"strings"
	"testing"

	"enrow-export/sinks"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"a", "a/b", "a/b/c.parquet", "_manifest/a.json", ".a", "a.", "...", "..a", "a..b", "a b", " ", "é", "日/本",
		"100%", "~", "-", "a:b", "*", strings.Repeat("a", 300),
	} {
		if err := sinks.CheckName(name); err != nil {
			t.Errorf("CheckName(%q): %v", name, err)
		}
	}
	for _, name := range []string{
		"", "/", "//", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b",
		"a\\b", "a\x00", "a\nb", "a\rb", "a\tb", "\x1f", "\x7f", "a/\x01/b",
	} {
		if sinks.CheckName(name) == nil {
			t.Errorf("CheckName(%q): no error", name)
		}
	}
}

func TestCondition(t *testing.T) {
	for _, c := range []struct {
		name    string
		cond    sinks.Condition
		absent  bool
		version string
		valid   bool
	}{
		{"zero", sinks.Condition{}, false, "", false},
		{"absent", sinks.IfAbsent(), true, "", true},
		{"version", sinks.IfVersion("v"), false, "v", true},
		{"empty version", sinks.IfVersion(""), false, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.cond.Absent(); got != c.absent {
				t.Errorf("Absent() = %t, want %t", got, c.absent)
			}
			if got := c.cond.Version(); got != c.version {
				t.Errorf("Version() = %q, want %q", got, c.version)
			}
			if got := c.cond.Valid(); got != c.valid {
				t.Errorf("Valid() = %t, want %t", got, c.valid)
			}
		})
	}
}

func TestConflictError(t *testing.T) {
	gone := &sinks.ConflictError{Name: "a/b"}
	changed := &sinks.ConflictError{Name: "a/b", Current: &sinks.Info{Name: "a/b", Version: "2"}}
	for _, err := range []error{gone, changed} {
		if !strings.HasPrefix(err.Error(), "a/b: ") {
			t.Errorf("%q does not name the object", err)
		}
	}
	if gone.Error() == changed.Error() {
		t.Errorf("%q is said of an object that is gone and of one that is not", gone)
	}
}
