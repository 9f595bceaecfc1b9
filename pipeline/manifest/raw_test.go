package manifest_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"enrow-export/pipeline/manifest"
)

func TestDecompressRawRefuses(t *testing.T) {
	for _, text := range []string{"{}", "\x28\xb5\x2f\xfd", strings.Repeat("\x00", 100)} {
		if _, err := manifest.DecompressRaw([]byte(text), 1<<20); err == nil {
			t.Errorf("%q is taken for a copy", text)
		}
	}
}

// Copies of early versions have a window of 8 MiB.
func TestDecompressRawOfEarlyVersions(t *testing.T) {
	z, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 6<<20)
	for i := range body {
		body[i] = byte(rand.N(256))
	}
	body = append(body, body...)
	data := z.EncodeAll(body, nil)
	if len(data) > len(body)*2/3 {
		t.Fatalf("%d of %d bytes: the window is too small for this test", len(data), len(body))
	}
	if got, err := manifest.DecompressRaw(data, int64(len(body))); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes come back as %d, error %v", len(body), len(got), err)
	}
}
