package sources

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// A body is in the buffer that was given, where there is room, however it comes.
func TestBufferIsUsed(t *testing.T) {
	body := fakeapi.Generate("b", 1000, 1).Body
	whole := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(body)
	}
	api := fakeapi.New(fakeapi.Options{})
	api.Add(fakeapi.Batch{ID: "b", Body: body})
	for name, handler := range map[string]http.Handler{
		"length known": http.HandlerFunc(whole), "chunked": http.HandlerFunc(chunked), "compressed": api,
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{BaseURL: serve(t, handler)})
			for _, room := range []int{0, 10, len(body), len(body) + 1, 2 * len(body)} {
				buf := bytes.Repeat([]byte{'?'}, room)
				got, err := c.Fetch(t.Context(), &schema.EmailFind, "b", buf)
				if err != nil || !bytes.Equal(got, body) {
					t.Fatalf("%d bytes of room: %d bytes, error %v", room, len(got), err)
				}
				if same := room > 0 && &got[0] == &buf[0]; same != (room > len(body)) && room != len(body) {
					t.Errorf("%d bytes of room for %d: the same array is %t", room, len(body), same)
				}
			}
		})
	}
}

// A body whose length is known gets its room at once, and a header is believed
// only so far.
func TestRoomForBody(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		name           string
		size, expected int64
		most           int // allocations
		room           int64
	}{
		{"known", mib + 300_000, mib + 300_000, 1, mib + 350_000},
		{"small", 100, 100, 1, 128},
		{"large", 20 * mib, 20 * mib, 3, 21 * mib},
		{"unknown", 5 * mib, -1, 10, 11 * mib},
		{"absurd", 10, 1 << 50, 1, maxAhead + 10_000},
		{"absurd and long", 9 * mib, math.MaxInt64, 2, 17 * mib},
		{"too short a promise", mib, 1000, 11, 3 * mib},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			content := bytes.Repeat([]byte{'x'}, int(tt.size))
			var got []byte
			var err error
			allocs := testing.AllocsPerRun(2, func() {
				got, err = appendAll(nil, bytes.NewReader(content), tt.expected, math.MaxInt64)
			})
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes, error %v", len(got), err)
			}
			if int64(cap(got)) > tt.room || int(allocs) > tt.most+1 { // the reader is one
				t.Errorf("room for %d bytes in %v allocations, want at most %d in %d", cap(got), allocs, tt.room, tt.most+1)
			}
		})
	}
}

// However reads are cut, the bytes are the same, and errors come with what was
// read before them.
func TestAppendAllReaders(t *testing.T) {
	content := strings.Repeat("0123456789", 10_000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "half": iotest.HalfReader, "end with data": iotest.DataErrReader,
	} {
		got, err := appendAll(nil, wrap(strings.NewReader(content)), -1, math.MaxInt64)
		if err != nil || string(got) != content {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
	}
	got, err := appendAll(nil, io.MultiReader(strings.NewReader(content), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, math.MaxInt64)
	if err != io.ErrUnexpectedEOF || string(got) != content { //nolint:errorlint // as it came
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	got, err = appendAll(nil, strings.NewReader(content), -1, 1000)
	if err != nil || len(got) <= 1000 || len(got) == len(content) {
		t.Errorf("with a limit of 1000: %d bytes, error %v", len(got), err)
	}
}

// BenchmarkFetch is a body on its way from the API over loopback into a buffer.
func BenchmarkFetch(b *testing.B) {
	batch := fakeapi.Generate("b", 5000, 1)
	api := fakeapi.New(fakeapi.Options{})
	api.Add(batch)
	for name, handler := range map[string]http.HandlerFunc{
		"gzip": api.ServeHTTP,
		"plain": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Accept-Encoding")
			api.ServeHTTP(w, r)
		},
	} {
		b.Run(name, func(b *testing.B) {
			url := serve(b, handler)
			c, err := NewClient(Config{Key: testKey, BaseURL: url})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.SetBytes(int64(len(batch.Body)))
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				if buf, err = c.Fetch(b.Context(), &schema.EmailFind, "b", buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
