package compact

import (
	"strings"
	"testing"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// FuzzRecord: any bytes are a record whose entries could all be put, or are refused.
func FuzzRecord(f *testing.F) {
	table := &schema.EmailFind
	log := packLog{sinks.NewMemory(), table}
	sum := pipelinetest.HexSum("x")
	name := recordName{1, sum, 1}
	text := strings.ReplaceAll(`{"pack_version":2,"number":1,"table":"email_find",
		"file":{"path":"email_find/packed-000001.parquet","rows":3,"bytes":7,"sha256":"SUM","crc32c":"AAAAAA==","compression":"zstd"},
		"entries":[{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"exported","rows":3,
		"schema":{"table":"email_find","version":1,"fingerprint":"SUM"},"source":{"sha256":"SUM","bytes":5},
		"files":{"parquet":{"path":"email_find/packed-000001.parquet","rows":3,"bytes":7,"sha256":"SUM","crc32c":"AAAAAA==","compression":"zstd","packed_from":"SUM","file_rows":3}},
		"updated_at":"2026-01-02T03:04:05Z","attempts":1,"tool_version":""}]}`, "SUM", sum)
	if _, err := log.decode(name, []byte(text)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(text))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := log.decode(name, data)
		if err != nil {
			return
		}
		m := manifest.Manifest{Store: log.store, Table: table}
		var tally manifest.PackTally
		for _, e := range r.Entries {
			if err := m.Check(e); err != nil || e.Files[manifest.PackFormat].SHA256 != sum {
				t.Fatalf("an entry of another pack, or one that %v", err)
			}
			tally.Add(e)
		}
		if len(r.Entries) != name.batches || len(tally.Paths()) > 1 {
			t.Errorf("%d entries, of %q", len(r.Entries), tally.Paths())
		}
	})
}
