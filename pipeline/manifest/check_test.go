package manifest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// fullEntry has every field that an entry can have.
const fullEntry = `{
  "manifest_version": 1, "batch_id": "b", "kind": "email-find", "state": "exported",
  "batch": {"general": {"id": "b"}}, "rows": 7,
  "schema": {"table": "email_find", "version": 1, "fingerprint": "SHA256", "columns": ["batch_id", "email"]},
  "source": {"sha256": "SHA256", "bytes": 100},
  "content_sha256": "SHA256",
  "files": {
    "parquet": {"path": "email_find/packed-000001.parquet", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "snappy", "packed_from": "SHA256", "first_row": 3, "file_rows": 10},
    "ndjson": {"path": "email_find/b.ndjson.gz", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "gzip"},
    "csv": {"path": "email_find/b.csv", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "none", "csv_safe": true}
  },
  "raw": {"path": "_raw/email_find/b.json.zst", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "zstd"},
  "mismatches": [{"total": "stats.requested", "says": 8, "counted": 7}], "warnings": ["w"],
  "replacing": {
    "parquet": {"path": "email_find/b.parquet", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "zstd"},
    "ndjson": {"path": "email_find/b.ndjson", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "none"},
    "csv": {"path": "email_find/b.csv", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "none"},
    "raw": {"path": "_raw/email_find/b.json.zst", "rows": 7, "bytes": 10, "sha256": "SHA256", "crc32c": "AAAAAA==", "compression": "zstd"}
  },
  "superseded": ["email_find/b.csv.gz", "_raw/email_find/b.json.zst"],
  "recorded_at": "2026-01-02T03:04:05Z", "first_exported_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
  "attempts": 1, "error": "e", "tool_version": "1"
}`

// fullFailure has what only an entry of a failure has.
const fullFailure = `{
  "manifest_version": 1, "batch_id": "b", "kind": "email-find", "state": "failed", "permanent": true, "dismissed": true,
  "refusals": {"runs": 3, "first_at": "2026-01-02T03:04:05Z", "last_at": "2026-01-02T04:04:05Z"},
  "updated_at": "2026-01-02T03:04:05Z", "attempts": 3, "error": "e", "tool_version": "1"
}`

// texts says of the fields that are nothing but words, shown to people, that they are so.
var texts = []string{"batch", "warnings.0", "error", "tool_version", "mismatches.0.total"}

// Values that each field refuses, by the field's last name.
var (
	notCounts = []any{-1, 1 << 60, 1.5, "1"}
	notTexts  = []any{"", "x", "none) ON_ERROR=CONTINUE; GRANT", "a\x1b[2J", 5}
	notPaths  = []any{"", "/etc/passwd", "../x", "a//b", "a/../b", "_manifest/x", "a/_x/b", ".git/x", "a/.x", `a\b`, "a\nb", "a\u009bb", "a\u202eb", "a\u2066b", 5}
	notValues = map[string][]any{
		"manifest_version": {0, 2, "1"}, "version": {0, -1, 1 << 40, "1"},
		"batch_id": append(notTexts[:0:0], "", "../x", "a b", "-a", 5), "kind": notTexts, "state": notTexts, "table": notTexts, "compression": notTexts,
		"fingerprint": notTexts, "sha256": notTexts, "content_sha256": notTexts[1:], "packed_from": notTexts[1:],
		"crc32c": {"", "x", "AAAAAB==", "AAAAAAA=", 5},
		"rows":   notCounts, "bytes": notCounts, "attempts": notCounts, "counted": notCounts, "says": {1.5, "1"},
		"first_row": notCounts, "file_rows": notCounts,
		"path":     notPaths,
		"csv_safe": {"yes", 1}, "columns.0": {"", "A", "a) X", "a\x1b", 5}, "columns.1": {"a;b"}, "superseded.0": notPaths, "superseded.1": notPaths,
		"permanent": {"true", 1}, "dismissed": {"true", 1}, "runs": {0, -1, 1 << 60, 1.5, "1"},
		"first_at":          {"", "yesterday", "1800-01-01T00:00:00Z", "12026-01-01T00:00:00Z", 5},
		"last_at":           {"", "yesterday", "1800-01-01T00:00:00Z", "12026-01-01T00:00:00Z", 5},
		"recorded_at":       {"", "yesterday", "1800-01-01T00:00:00Z", 5},
		"first_exported_at": {"", "yesterday", "1800-01-01T00:00:00Z", "12026-01-01T00:00:00Z", 5},
		"updated_at":        {"", "yesterday", "0001-01-01T00:00:00Z", "12026-01-01T00:00:00Z", 5},
	}
)

// leaves yields every value of a JSON document that is no object or array, with its path,
// and a function that changes it.
func leaves(path string, v any, set func(any), yield func(path string, set func(any))) {
	switch v := v.(type) {
	case map[string]any:
		if path == "batch." {
			yield("batch", set)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			old := v[key]
			leaves(path+key+".", old, func(n any) { v[key] = n }, yield)
			v[key] = old
		}
	case []any:
		for i, old := range v {
			leaves(path+string(rune('0'+i))+".", old, func(n any) { v[i] = n }, yield)
			v[i] = old
		}
	default:
		yield(strings.TrimSuffix(path, "."), set)
	}
}

// Each field takes what this program writes and nothing else, and the JSON Schema says
// the same of it.
func TestEveryFieldOfAnEntryIsChecked(t *testing.T) {
	described, err := jsonschema.NewCompiler().Compile("../../docs/manifest.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	m := manifest.Manifest{Table: &schema.EmailFind}
	fields := 0
	purged := strings.Replace(fullEntry, `"state": "exported"`, `"state": "exported", "permanent": true, "dismissed": true, "refusals": {"runs": 3, "first_at": "2026-01-02T03:04:05Z", "last_at": "2026-01-02T04:04:05Z"}`, 1)
	for _, text := range []string{fullEntry, fullFailure, purged} {
		var doc any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "SHA256", pipelinetest.HexSum("x"))), &doc); err != nil {
			t.Fatal(err)
		}
		fields += checkFields(t, m, described, doc)
	}
	if fields < 80 {
		t.Errorf("%d fields", fields)
	}
}

// checkFields changes each field of an entry to all that it refuses, and returns how many
// fields there are.
func checkFields(t *testing.T, m manifest.Manifest, described *jsonschema.Schema, doc any) (fields int) {
	t.Helper()
	// verdicts returns whether the document is refused, by the program and by the schema.
	verdicts := func() (program, bySchema error) {
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, program = m.Unmarshal("b", data)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		return program, described.Validate(v)
	}
	if program, bySchema := verdicts(); program != nil || bySchema != nil {
		t.Fatalf("the full entry is refused: %v; by the schema: %v", program, bySchema)
	}
	leaves("", doc, nil, func(path string, set func(any)) {
		fields++
		if slices.Contains(texts, path) {
			return
		}
		parts := strings.Split(path, ".")
		bad := notValues[parts[len(parts)-1]]
		if bad == nil {
			bad = notValues[strings.Join(parts[max(0, len(parts)-2):], ".")]
		}
		if bad == nil {
			t.Errorf("%s: it is not said what it refuses", path)
		}
		for _, value := range append(bad, map[string]any{}) {
			set(value)
			program, bySchema := verdicts()
			if program == nil || bySchema == nil {
				t.Errorf("%s: %q is refused: %v; by the schema: %v", path, value, program, bySchema)
			}
			if program != nil && !schema.Printable(program.Error()) {
				t.Errorf("%s: the error is %q", path, program)
			}
		}
	})
	return fields
}

// What no single field tells: an entry names rows that its pack has, and packs are of the
// one format.
func TestRowsOfAPackAreChecked(t *testing.T) {
	m := manifest.Manifest{Table: &schema.EmailFind}
	full := strings.ReplaceAll(fullEntry, "SHA256", pipelinetest.HexSum("x"))
	for what, change := range map[string][2]string{
		"beyond its end":         {`"first_row": 3, "file_rows": 10`, `"first_row": 4, "file_rows": 10`},
		"beyond its end, by far": {`"first_row": 3, "file_rows": 10`, `"first_row": 1099511627776, "file_rows": 10`},
		"of a file of its own":   {`"packed_from": "` + pipelinetest.HexSum("x") + `", `, ``},
		"of a pack elsewhere":    {`email_find/packed-000001.parquet`, `email_find/packed-1.parquet`},
		"of another format":      {`"compression": "gzip"`, `"compression": "gzip", "packed_from": "` + pipelinetest.HexSum("x") + `", "first_row": 3, "file_rows": 10`},
		"safe Parquet":           {`"compression": "snappy"`, `"compression": "snappy", "csv_safe": true`},
		"snappy text":            {`"compression": "gzip"`, `"compression": "snappy"`},
		"raw copy elsewhere":     {`"raw": {"path": "_raw/email_find/b.json.zst"`, `"raw": {"path": "_raw/email_find/c.json.zst"`},
		"unknown format":         {`"ndjson": {"path": "email_find/b.ndjson.gz"`, `"exe": {"path": "email_find/b.ndjson.gz"`},
	} {
		entry := strings.Replace(full, change[0], change[1], 1)
		if entry == full {
			t.Fatalf("%s: nothing was changed", what)
		}
		if _, err := m.Unmarshal("b", []byte(entry)); err == nil {
			t.Errorf("%s: it is not refused", what)
		}
	}
}

// The cache is believed no more than the entry: where it says what no entry says, the entry
// is read.
func TestCacheIsChecked(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 3))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "parquet"), "b", "exported")
	m := manifest.Manifest{Store: store, Table: &schema.EmailFind}
	info, err := store.Stat(t.Context(), m.Name("b"))
	if err != nil {
		t.Fatal(err)
	}
	note := manifest.NoteOf(m, pipelinetest.ReadEntry(t, store, "b"))
	cached := func(note string) (e *manifest.Entry) {
		t.Helper()
		pipelinetest.RemoveIfThere(t, store, "_cache/email_find/-.zst")
		pipelinetest.PutObject(t, store, "_cache/email_find/-.zst", manifest.Segment(t, "b", info.Version, note))
		for l, err := range m.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			e, _ = l.Cached(t.Context())
		}
		return e
	}
	if cached(note) == nil {
		t.Fatalf("the note %s itself tells nothing", note)
	}
	for what, change := range map[string][2]string{
		"SQL":            {`"z":"zstd"`, `"z":"none) X; DROP"`},
		"negative bytes": {`"b":`, `"b":-`},
		"negative rows":  {`"r":3`, `"r":-3`},
		"many rows":      {`"r":3`, `"r":9223372036854775807`},
		"a path":         {`"f":{"parquet":{`, `"f":{"parquet":{"p":"a/\u009b2J",`},
		"another path":   {`"f":{"parquet":{`, `"f":{"parquet":{"p":"_manifest/x",`},
		"a state":        {`"s":"exported"`, `"s":"exorted"`},
		"a time":         {`"u":`, `"u":-99999999`},
		"a format":       {`"parquet"`, `"exe"`},
		"a pack":         {`"f":{"parquet":{`, `"f":{"parquet":{"w":5,`},
		"a version":      {`"t":1`, `"t":-1`},
		"a fingerprint":  {`"h":"`, `"h":"x`},
	} {
		changed := strings.Replace(note, change[0], change[1], 1)
		if changed == note {
			t.Fatalf("%s: nothing was changed in %s", what, note)
		}
		if e := cached(changed); e != nil {
			t.Errorf("%s: %s tells %+v", what, changed, e)
		}
	}
	info.Version = "another"
	if e := cached(note); e != nil {
		t.Errorf("the cache of another version tells %+v", e)
	}
}

// Each row of a pack is named once, whatever the sum of the rows is.
func TestPackTally(t *testing.T) {
	const path = "email_find/packed-000001.parquet"
	for what, c := range map[string]struct {
		ranges [][2]int64 // the first row, and how many
		want   string
	}{
		"whole":           {[][2]int64{{4, 6}, {0, 4}, {4, 0}}, ""},
		"one is lost":     {[][2]int64{{0, 4}}, "has 10 rows, but the entries of its batches name 4 of them"},
		"twice":           {[][2]int64{{0, 4}, {4, 6}, {4, 6}}, "has rows that the entries of two batches name"},
		"overlap and gap": {[][2]int64{{0, 2}, {4, 4}, {6, 4}}, "has rows that the entries of two batches name"},
	} {
		var tally manifest.PackTally
		for _, r := range c.ranges {
			tally.Add(&manifest.Entry{Files: map[string]manifest.File{
				"parquet": {Path: path, FirstRow: r[0], Rows: r[1], FileRows: 10, PackedFrom: "x"},
			}})
		}
		faults := tally.Faults([]sinks.Info{{Name: path}})
		got := ""
		if len(faults) > 0 {
			got = faults[0].Problem
		}
		if got != c.want || len(faults) > 1 {
			t.Errorf("%s: faults %+v", what, faults)
		}
	}
	for _, name := range []string{"packed-000000.parquet", "packed--00001.parquet", "packed-9223372036854775807.parquet", "packed-1.parquet"} {
		if n, ok := manifest.PackNumber(&schema.EmailFind, "email_find/"+name); ok {
			t.Errorf("%s is pack %d", name, n)
		}
	}
}
