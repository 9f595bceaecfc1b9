package export

import (
	"bytes"
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline/manifest"
)

// What tests in package export_test need of the inside.

// CompressRaw returns the copy of an answer as a run keeps it, and checks that its
// memory is of the allocator and all given back.
func CompressRaw(tb testing.TB, body []byte) []byte {
	tb.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	b := buffer{mem: mem, limit: 1 << 30}
	if err := testEncoder.compress(&b, body); err != nil {
		tb.Fatal(err)
	}
	data := bytes.Clone(b.bytes())
	if n := mem.CurrentAlloc(); n < len(data) {
		tb.Errorf("a copy of %d bytes takes %d of the allocator", len(data), n)
	}
	b.free()
	mem.AssertSize(tb, 0)
	return data
}

var testEncoder = newRawEncoder(1)

// WhyNotDone is the method of that name under the settings of cfg.
func WhyNotDone(ctx context.Context, cfg Config, id string, e *manifest.Entry) (string, error) {
	if err := cfg.Validate(); err != nil {
		return "", err
	}
	s := newSettings(cfg, 1)
	return s.whyNotDone(ctx, id, e)
}
