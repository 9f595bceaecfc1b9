package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"enrow-export/schema"
)

// BenchmarkStart measures the program as a process that has next to nothing to
// do, from its start to its end.
func BenchmarkStart(b *testing.B) {
	program, dir := builtProgram(b), b.TempDir()
	calls := map[string][]string{
		"help":             {"export", "--help"},
		"nothing to do":    {"export", "--from", dir, "--to", "out", "--ids-file", "-"},
		"bucket untouched": {"export", "--from", dir, "--to", "gs://bucket", "--ids-file", "-"},
	}
	for name, args := range calls {
		b.Run(name, func(b *testing.B) {
			var user, system float64
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), program, args...)
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				user += cmd.ProcessState.UserTime().Seconds()
				system += cmd.ProcessState.SystemTime().Seconds()
			}
			b.ReportMetric(user*1000/float64(b.N), "user-ms/op")
			b.ReportMetric(system*1000/float64(b.N), "system-ms/op")
		})
	}
}

// BenchmarkReadIDs reads lists: of ids, a tenth of them twice, and of as much
// rubbish.
func BenchmarkReadIDs(b *testing.B) {
	const lines = 100_000
	var good, bad strings.Builder
	for i := range lines {
		fmt.Fprintf(&good, "3d4cb64e-164d-41e8-a686-%012d\n", i%(lines*9/10))
		fmt.Fprintf(&bad, "ada.lovelace.the.%07d@example.com\n", i)
	}
	for name, list := range map[string]string{"ids": good.String(), "rubbish": bad.String()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(list)))
			b.ReportAllocs()
			for b.Loop() {
				p := &program{stdin: strings.NewReader(list)}
				ids, err := p.readAllIDs(nil, nil, []string{"-"}, kindOfList{}, &badIDs{})
				if n := len(schema.DistinctIDs(ids)); (err == nil) != (name == "ids") || err == nil && n != lines*9/10 {
					b.Fatalf("%d ids, error %v", n, err)
				}
			}
		})
	}
}
