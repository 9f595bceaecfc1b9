package export_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

const rawPath = "_raw/email_find/b.json.zst"

func TestRawIsPublishedLikeData(t *testing.T) {
	pipelinetest.ForEachStore(t, "raw", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		body := " \n" + pipelinetest.Finished("b", "é", 3) + "\n"
		source.Set("b", body)
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.KeepRaw = true
		e := pipelinetest.Export(t, cfg, "b", export.Exported).Entry
		stored := pipelinetest.Files(t, store)[rawPath]
		if got, err := manifest.DecompressRaw([]byte(stored), 1<<20); err != nil || string(got) != body {
			t.Errorf("copy is %q, error %v, want the very answer", got, err)
		}
		want := manifest.File{
			Path: rawPath, Rows: 3, Bytes: int64(len(stored)), SHA256: pipelinetest.HexSum(stored), CRC32C: e.Raw.CRC32C, Compression: "zstd",
		}
		if diff := cmp.Diff(&want, e.Raw); diff != "" || e.Source.SHA256 != pipelinetest.HexSum(body) {
			t.Errorf("raw (-want +got):\n%s", diff)
		}
		pipelinetest.Export(t, cfg, "b", export.Done)

		// Lost, it is made again; with another answer it is another one, asked
		// for or not.
		info, err := store.Stat(t.Context(), rawPath)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), rawPath, sinks.IfVersion(info.Version)); err != nil {
			t.Fatal(err)
		}
		pipelinetest.Export(t, cfg, "b", export.Exported)
		if pipelinetest.Files(t, store)[rawPath] != stored {
			t.Error("the copy is not the same again")
		}
		source.Set("b", pipelinetest.Finished("b", "other", 2))
		cfg.KeepRaw, cfg.Force = false, true
		e = pipelinetest.Export(t, cfg, "b", export.Exported).Entry
		if got, err := manifest.DecompressRaw([]byte(pipelinetest.Files(t, store)[e.Raw.Path]), 1<<20); err != nil || string(got) != pipelinetest.Finished("b", "other", 2) {
			t.Errorf("copy is %q, error %v", got, err)
		}
		pipelinetest.Sound(t, store, "b")
	})
}

// By force a copy that is damaged is made again, asked for or not.
func TestForceMendsTheCopy(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 1))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.KeepRaw = true
	pipelinetest.Export(t, cfg, "b", export.Exported)
	pipelinetest.RemoveObject(t, store, rawPath)
	pipelinetest.PutObject(t, store, rawPath, "damage")
	cfg.KeepRaw, cfg.Force = false, true
	pipelinetest.Export(t, cfg, "b", export.Exported)
	pipelinetest.Sound(t, store, "b")
}

// Copies are what they were made of, and end where they end.
func TestRawCopies(t *testing.T) {
	for _, n := range []int{0, 1, 5000, 100_000, 3 << 20} { // 5,000 are not made shorter
		body := bytes.Repeat([]byte{'x'}, n)
		for i := range min(n, 5000) {
			body[i] = byte(rand.N(256))
		}
		data := export.CompressRaw(t, body)
		got, err := manifest.DecompressRaw(data, int64(n))
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes come back as %d, error %v", n, len(got), err)
		}
		if n > 0 {
			if _, err := manifest.DecompressRaw(data, int64(n)-1); !errors.Is(err, manifest.ErrAnswerTooLong) {
				t.Errorf("%d bytes with room for one less: error %v", n, err)
			}
		}
		for cut := range min(len(data), 50) {
			if _, err := manifest.DecompressRaw(data[:cut], 1<<30); err == nil {
				t.Errorf("%d bytes: the first %d of %d of its copy are taken for whole", n, cut, len(data))
			}
		}
	}
}

// FuzzRaw: no bytes make DecompressRaw return more than it may, and every answer
// comes back as it was.
func FuzzRaw(f *testing.F) {
	for _, body := range pipelinetest.Bodies(f) {
		f.Add(body)
		f.Add(export.CompressRaw(f, body))
	}
	f.Fuzz(func(t *testing.T, bytesIn []byte) {
		const limit = 1 << 16
		if got, err := manifest.DecompressRaw(bytesIn, limit); err == nil && len(got) > limit {
			t.Errorf("%d bytes, at most %d were allowed", len(got), limit)
		}
		data := export.CompressRaw(t, bytesIn)
		if got, err := manifest.DecompressRaw(data, int64(len(bytesIn))); err != nil || !bytes.Equal(got, bytesIn) {
			t.Errorf("answer does not come back: %v", err)
		}
	})
}
