package load

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
)

func someLoads() Loaded {
	loads := make(Loaded)
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		loads.add("email_find", id, manifest.File{SHA256: pipelinetest.HexSum(id)})
	}
	loads.add("phone_find", "a", manifest.File{SHA256: pipelinetest.HexSum("x")})
	return loads
}

// FuzzWatermark: any bytes are a watermark that is written and read again without change,
// or are refused.
func FuzzWatermark(f *testing.F) {
	s := stored{loaded: someLoads(), changes: 7, target: Target{"duckdb", "n"}}
	data, err := json.Marshal(s.encode())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"watermark_version": 1, "tables": {"email_find": "2026-01-31T13:30:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := stored{loaded: make(Loaded)}
		if s.decode(data) != nil || s.upTo != nil {
			return
		}
		text, err := json.Marshal(s.encode())
		if err != nil {
			t.Fatal(err)
		}
		again := stored{loaded: make(Loaded)}
		if err := again.decode(text); err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if diff := cmp.Diff(s.loaded, again.loaded); diff != "" || s.changes != again.changes || s.target != again.target {
			t.Errorf("(-read +written and read):\n%s", diff)
		}
	})
}

// FuzzMark: any bytes are a script whose mark says the same when it is printed again, or
// are refused.
func FuzzMark(f *testing.F) {
	begin, end := Mark{Watermark: "w", Target: Target{"duckdb", "n"}, Root: "/data", Loads: someLoads()}.Comments()
	f.Add([]byte(begin + "SELECT 1;\n" + end))
	f.Fuzz(func(t *testing.T, script []byte) {
		m, err := ReadMark(bytes.NewReader(script))
		if err != nil {
			return
		}
		begin, end := m.Comments()
		again, err := ReadMark(strings.NewReader(begin + end))
		m.SHA256, again.SHA256 = "", "" // the lines may be divided otherwise
		if diff := cmp.Diff(m, again); diff != "" || err != nil {
			t.Errorf("error %v (-read +printed and read):\n%s", err, diff)
		}
	})
}
