package fakeapi

import "testing"

// BenchmarkGenerate is what mock-api does for each batch before it serves any.
func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Generate("b", 5000, 1)
	}
}
