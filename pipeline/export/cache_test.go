package export_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// anyEntry returns an entry such as a program might write, with the odd one
// among them.
func anyEntry(r *rand.Rand, id string) *manifest.Entry {
	maybe := func(percent int) bool { return r.IntN(100) < percent }
	rows := r.Int64N(5)
	e := &manifest.Entry{
		ManifestVersion: manifest.Version, BatchID: id, Kind: schema.EmailFind.Kind,
		State:     []manifest.State{manifest.StatePending, manifest.StateOngoing, manifest.StateFailed, manifest.StateExported, manifest.StateExported, manifest.StateExported}[r.IntN(6)],
		UpdatedAt: time.UnixMilli(1_700_000_000_000 + r.Int64N(1e10)).UTC(), Attempts: r.IntN(4), ToolVersion: "test",
		Batch: []byte(`{"general":{}}`),
	}
	if maybe(5) {
		e.UpdatedAt = e.UpdatedAt.Add(time.Microsecond)
	}
	if e.State == manifest.StateFailed {
		permanent := maybe(50)
		e.Permanent = &permanent
		e.Dismissed = permanent && maybe(50)
		if maybe(30) {
			e.Refusals = e.Refusals.Add(e.UpdatedAt)
		}
	}
	if e.State == manifest.StateFailed || maybe(5) {
		e.Error = "some error"
	}
	if maybe(5) {
		e.Warnings = []string{"odd"}
	}
	if maybe(5) {
		e.Superseded = []string{"email_find/x.csv"}
	}
	if e.State != manifest.StateExported {
		return e
	}
	var layouts []manifest.Layout
	for _, template := range []string{manifest.DefaultLayout, "{table}/{ext}/{batch_id}.{ext}", "é/{table}/{batch_id}.{ext}", strings.Repeat("long/", r.IntN(300)) + manifest.DefaultLayout} {
		layout, err := manifest.ParseLayout(template)
		if err != nil {
			panic(err)
		}
		layouts = append(layouts, layout)
	}
	file := func(format, compression string) manifest.File {
		f := manifest.File{
			Rows: rows, Bytes: r.Int64N(3), Compression: compression, CSVSafe: format == "csv" && maybe(30),
			SHA256: pipelinetest.HexSum(fmt.Sprint(r.Int())), CRC32C: manifest.EncodeCRC32C(r.Uint32()),
		}
		if enc, err := f.Encoding(format); err == nil {
			f.Path = layouts[min(r.IntN(12), 3)%4].Path(&schema.EmailFind, id, enc.Ext())
		}
		if maybe(70) {
			f.Path = layouts[0].Path(&schema.EmailFind, id, format)
		}
		if maybe(3) {
			f.Rows++
		}
		if maybe(3) {
			f.SHA256 = strings.ToUpper(f.SHA256)
		}
		return f
	}
	e.Rows, e.Source = &rows, &manifest.SourceRef{SHA256: pipelinetest.HexSum("x"), Bytes: 1}
	e.Schema = &manifest.SchemaRef{Table: schema.EmailFind.Name, Version: 1, Fingerprint: schema.EmailFind.Fingerprint()}
	if maybe(10) {
		e.Schema.Version = 2
	}
	if maybe(10) {
		e.Schema.Fingerprint, e.Schema.Columns = pipelinetest.HexSum("few"), []string{"batch_id", "email"}
	}
	e.Files = map[string]manifest.File{}
	for _, format := range sinks.Formats() {
		if len(e.Files) == 0 || maybe(50) {
			e.Files[format.Name] = file(format.Name, format.Compressions[r.IntN(len(format.Compressions))])
		}
	}
	if maybe(30) {
		raw := file(manifest.RawFormat, "zstd")
		raw.Path = manifest.RawPath(&schema.EmailFind, id)
		e.Raw = &raw
	}
	if maybe(5) {
		e.Replacing = map[string]manifest.File{"csv": file("csv", "none")}
	}
	return e
}

// Whatever an entry says: from the cache, where that tells enough, the batch is
// done under the same settings for which the entry itself says so, and what is
// shown of it is the same.
func TestCacheTellsWhatTheEntryTells(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	store := sinks.NewMemory()
	m := manifest.Manifest{Store: store, Table: &schema.EmailFind, Cache: manifest.NewCache(store, nil)}
	entries := make(map[string]*manifest.Entry)
	for i := range 5000 {
		id := fmt.Sprintf("batch-%04d", i)
		entries[id] = anyEntry(r, id)
		if _, err := m.Put(t.Context(), entries[id], sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	m.Cache.Flush(t.Context())
	var cached, uncached, more, done, undone int
	for l, err := range m.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e := entries[l.BatchID]
		got, rest := l.Cached(t.Context())
		if got == nil {
			uncached++
			continue
		}
		cached++
		if got.State != e.State || !cmp.Equal(got.Permanent, e.Permanent) || got.Dismissed != e.Dismissed {
			t.Fatalf("the cache of %+v tells %+v", e, got)
		}
		if rest {
			more++
			continue
		}
		if diff := cmp.Diff(pipelinetest.SummaryOf(e), got); diff != "" {
			t.Errorf("what the cache tells (-entry +cache):\n%s", diff)
		}
		if e.Error+got.Error != "" || len(e.Replacing)+len(e.Superseded)+len(e.Warnings)+len(e.Mismatches) > 0 {
			t.Errorf("a cache that tells all of %+v", e)
		}
		for _, f := range e.Published() {
			if r.IntN(10) > 0 {
				_, _ = store.Put(t.Context(), f.Path, make([]byte, f.Bytes), sinks.IfAbsent())
			}
		}
		for _, formats := range [][]string{{"parquet"}, {"csv"}, {"csv", "ndjson=gzip"}, {"csv=gzip"}, {"parquet=snappy"}} {
			cfg := pipelinetest.NewConfig(t, pipelinetest.NewAnswers(), store, formats...)
			cfg.KeepRaw = r.IntN(3) == 0
			cfg.Encodings[0].CSVSafe = formats[0] == "csv" && r.IntN(3) == 0
			if r.IntN(4) == 0 {
				cfg.Columns = []string{"batch_id", "email"}
			}
			fromEntry, err := export.WhyNotDone(t.Context(), cfg, l.BatchID, e)
			if err != nil {
				t.Fatal(err)
			}
			fromCache, err := export.WhyNotDone(t.Context(), cfg, l.BatchID, got)
			if err != nil {
				t.Fatal(err)
			}
			if fromEntry != fromCache {
				t.Errorf("%v: by the entry %q, by the cache %q\n%+v", formats, fromEntry, fromCache, e)
			}
			if fromEntry == "" {
				done++
			} else {
				undone++
			}
		}
	}
	for what, n := range map[string]int{"cached": cached, "not cached": uncached, "more": more, "done": done, "not done": undone} {
		if n < 100 {
			t.Errorf("only %d: %s", n, what)
		}
	}
}
