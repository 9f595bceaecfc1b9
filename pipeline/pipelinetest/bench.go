package pipelinetest

import (
	"runtime"
	"testing"
)

// ReportRows measures run, which makes rows of b.N answers. Each answer has the bytes
// of body and that number of rows. It reports rows a second and allocations a row.
func ReportRows(b *testing.B, rows int, body []byte, run func()) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	run()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	all := float64(rows * b.N)
	b.ReportMetric(all/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/all, "allocs/row")
}
