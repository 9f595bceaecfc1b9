package answer_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// BenchmarkFlatten is the stage from an answer's bytes to Arrow records: of an
// answer as the API sends them, and of one where every row has a key that the
// table does not declare, which is read by the JSON library alone.
func BenchmarkFlatten(b *testing.B) {
	batch := fakeapi.Generate("bench", 5000, 1)
	for name, body := range map[string][]byte{
		"usual":   batch.Body,
		"unknown": bytes.ReplaceAll(batch.Body, []byte(`{"index"`), []byte(`{"new":1,"index"`)),
	} {
		b.Run(name, func(b *testing.B) {
			pipelinetest.ReportRows(b, 5000, body, func() {
				for range b.N {
					a, err := answer.Flatten(memory.DefaultAllocator, &schema.EmailFind, batch.ID, body, 1<<30)
					if err != nil {
						b.Fatal(err)
					}
					a.Release()
				}
			})
		})
	}
}
