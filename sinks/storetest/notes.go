package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// noted returns the notes that List yields, by name, those of objects without
// one too.
func noted(t *testing.T, s sinks.Store) map[string]string {
	t.Helper()
	notes := make(map[string]string)
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		notes[info.Name] = info.Note
	}
	return notes
}

// A note comes and goes with the content that it was put with. A Store that is
// no Noter has none.
func testNotes(t *testing.T, s sinks.Store) {
	plain := put(t, s, "a/plain", []byte("1"))
	if plain.Note != "" {
		t.Errorf("put without a note returned %q", plain.Note)
	}
	n, ok := s.(sinks.Noter)
	if !ok {
		if diff := cmp.Diff(map[string]string{"a/plain": ""}, noted(t, s)); diff != "" {
			t.Errorf("notes of a store that keeps none (-want +got):\n%s", diff)
		}
		return
	}
	putNoted := func(name, note string, cond sinks.Condition) sinks.Info {
		t.Helper()
		info, err := n.PutNoted(t.Context(), name, []byte("content of "+name+note), note, cond)
		if err != nil {
			t.Fatalf("put %q with a note: %v", name, err)
		}
		stat, err := s.Stat(t.Context(), name)
		if err != nil {
			t.Fatalf("stat %q: %v", name, err)
		}
		if info.Note != note || cmp.Diff(info, stat) != "" {
			t.Errorf("put returned %+v, stat %+v; want the note %q", info, stat, note)
		}
		return info
	}
	const text = `{"v":1,"it's":[" ~!#%&+?\\"]}`
	longest := strings.Repeat("x", sinks.MaxNote)
	first := putNoted("a/one", text, sinks.IfAbsent())
	putNoted("a/longest", longest, sinks.IfAbsent())
	putNoted("a/large", text, sinks.IfAbsent())
	if data, _, err := s.Get(t.Context(), "a/one"); err != nil || string(data) != "content of a/one"+text {
		t.Errorf("get of an object with a note: %q, error %v", data, err)
	}
	want := map[string]string{"a/plain": "", "a/one": text, "a/longest": longest, "a/large": text}
	if diff := cmp.Diff(want, noted(t, s)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}

	_, err := n.PutNoted(t.Context(), "a/one", []byte("x"), "lost", sinks.IfAbsent())
	conflicts(t, err, "a/one", &first)
	second := putNoted("a/one", "other", sinks.IfVersion(first.Version))
	if second.Version == first.Version {
		t.Error("another note, but the same version")
	}
	if _, err := s.Put(t.Context(), "a/one", []byte("x"), sinks.IfVersion(second.Version)); err != nil {
		t.Fatalf("put: %v", err)
	}
	large, err := s.Stat(t.Context(), "a/large")
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	if _, err := n.PutNoted(t.Context(), "a/large", make([]byte, 3<<20), "of a large one", sinks.IfVersion(large.Version)); err != nil {
		t.Fatalf("put of a large object with a note: %v", err)
	}
	want["a/one"], want["a/large"] = "", "of a large one"
	if diff := cmp.Diff(want, noted(t, s)); diff != "" {
		t.Errorf("notes after a put without one (-want +got):\n%s", diff)
	}
}

func testInvalidNotes(t *testing.T, s sinks.Store) {
	n, ok := s.(sinks.Noter)
	if !ok {
		return
	}
	for _, note := range []string{strings.Repeat("x", sinks.MaxNote+1), "a\nb", "\x00", "\x7f", "\u00e9", "\xff"} {
		if _, err := n.PutNoted(t.Context(), "a", []byte("x"), note, sinks.IfAbsent()); err == nil {
			t.Errorf("note %.20q: no error", note)
		}
	}
	lacks(t, s, "a")
}

// Whoever lists while an object is written again and again meets each note with
// the size of its own content.
func testNotesOfReaders(t *testing.T, s sinks.Store) {
	n, ok := s.(sinks.Noter)
	if !ok {
		return
	}
	const writes = 100
	write := func(i int, cond sinks.Condition) sinks.Info {
		info, err := n.PutNoted(t.Context(), "a", make([]byte, i), fmt.Sprint(i), cond)
		if err != nil {
			t.Errorf("put: %v", err)
		}
		return info
	}
	info := write(1, sinks.IfAbsent())
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		for i := 2; i <= writes; i++ {
			info = write(i, sinks.IfVersion(info.Version))
		}
	})
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		for got, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Errorf("list: %v", err)
			} else if got.Note != fmt.Sprint(got.Size) {
				t.Errorf("an object of %d bytes with the note %q", got.Size, got.Note)
			}
		}
	}
	writer.Wait()
}
