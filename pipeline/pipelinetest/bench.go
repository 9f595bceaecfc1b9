package pipelinetest

import (
	"runtime"
	"testing"
)

// ReportRows reports how many rows a second run has made of b.N answers of body, each
// with so many rows, and how often it allocated for each row. run is what is measured.
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
