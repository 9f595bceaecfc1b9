//go:build crash

package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// loseManifest deletes all entries of a place.
func loseManifest(t *testing.T, p *place) {
	t.Helper()
	for info, err := range p.store.List(t.Context(), "_manifest/email_find/") {
		if err == nil {
			info, err = p.store.Stat(t.Context(), info.Name)
		}
		if err == nil {
			err = p.store.Delete(t.Context(), info.Name, sinks.IfVersion(info.Version))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCrashAdopt loses the manifest, kills adopt at random moments, again and again, and
// starts it until it is done. After every kill the manifest is true and no file is
// changed; in the end the entries are those that were lost, and an export has nothing
// to do. As long as most entries are missing prune deletes nothing.
func TestCrashAdopt(t *testing.T) {
	builtProgram(t)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			ids := batchIDs(100)
			_, url := answersAPI(t, ids, 1)
			fresh := open(t)
			args := append([]string{"--format", "parquet,ndjson,csv", "--keep-raw"}, ids...)
			c := &crasher{random: rand.New(rand.NewPCG(rand.Uint64(), 0))}
			defer func() { t.Logf("%d kills survived, in %d runs to %d destinations", c.kills, c.runs, c.places) }()
			took := time.Duration(0)
			for !t.Failed() && c.kills < *crashKills {
				c.places++
				p := fresh()
				p.mustExport(t, url, args...)
				files, entries := p.files(t), p.entries(t)
				loseManifest(t, p)
				prune, stdout, stderr := p.call(t, "prune", "--delete")
				if err := prune.Run(); err == nil || !strings.Contains(stderr.String(), "nothing is deleted") {
					t.Errorf("prune: %v\n%s%s", err, stdout, stderr)
				}
				for killed := true; killed && !t.Failed(); c.runs++ {
					var err error
					cmd, stdout, stderr := p.call(t, "adopt")
					start := time.Now()
					if took == 0 { // the first is not killed, and tells how long one takes
						err, killed = cmd.Run(), false
						took = time.Since(start)
					} else {
						killed, err = c.killed(cmd, time.Duration(c.random.Int64N(int64(took))))
					}
					if err != nil || troubled(stderr.String()) {
						t.Errorf("kill %d: %v\n%s%s", c.kills, err, stdout, stderr)
					}
					truthful(t, p.files(t), p.entries(t))
				}
				if diff := cmp.Diff(files, p.files(t), cmp.AllowUnexported(content{})); diff != "" {
					t.Errorf("files (-before +after):\n%s", diff)
				}
				if diff := cmp.Diff(entries, p.entries(t), entryIgnore); diff != "" {
					t.Errorf("entries (-lost +adopted):\n%s", diff)
				}
				cmd, stdout, stderr := p.export(t, "http://127.0.0.1:1", args...)
				if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), "\n100 batches: 100 already exported, ") {
					t.Errorf("export: %v\n%s%s", err, stdout, stderr)
				}
				if left := p.litter(t); len(left) > 0 {
					t.Errorf("%q are left", left)
				}
			}
		})
	}
}

// TestCrashTwoLayouts kills runs of two layouts that want the same paths, in turns. After
// every kill the manifest is true, and a file that an entry names is never another
// batch's afterwards.
func TestCrashTwoLayouts(t *testing.T) {
	builtProgram(t)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			plain := batchIDs(60)
			var suffixed []string
			for _, id := range plain {
				suffixed = append(suffixed, id+"-v2")
			}
			_, url := answersAPI(t, slices.Concat(plain, suffixed), 1)
			fresh := open(t)
			c := &crasher{random: rand.New(rand.NewPCG(rand.Uint64(), 0))}
			runs := [][]string{
				append([]string{"--keep-raw", "--format", "csv,parquet", "--layout", "{table}/{batch_id}-v2.{ext}"}, plain...),
				append([]string{"--keep-raw", "--format", "csv,parquet"}, suffixed...),
			}
			took := time.Duration(0)
			for !t.Failed() && c.kills < *crashKills {
				c.places++
				p := fresh()
				settled := make(map[string]*manifest.Entry)
				done := [2]bool{}
				for n := c.random.IntN(2); !t.Failed() && (!done[0] || !done[1]); n = 1 - n {
					cmd, stdout, stderr := p.export(t, url, runs[n]...)
					start := time.Now()
					var killed bool
					var err error
					if took == 0 {
						err = cmd.Run()
						took = time.Since(start)
					} else {
						killed, err = c.killed(cmd, time.Duration(c.random.Int64N(int64(2*took))))
					}
					c.runs++
					done[n] = done[n] || !killed
					if !killed && err != nil && cmd.ProcessState.ExitCode() != exitFailed {
						t.Errorf("kill %d: %v\n%s%s", c.kills, err, stdout, stderr)
					}
					entries := p.entries(t)
					truthful(t, p.files(t), entries)
					for id, e := range settled {
						if diff := cmp.Diff(e.Files, entries[id].Files); diff != "" {
							t.Errorf("kill %d: files of %s (-before +after):\n%s", c.kills, id, diff)
						}
					}
					for id, e := range entries {
						if e.State == manifest.StateExported {
							settled[id] = e
						}
					}
				}
				owners := make(map[string]string)
				for id, e := range p.entries(t) {
					for _, f := range e.Files {
						if other := owners[f.Path]; other != "" && f.Rows > 0 {
							t.Errorf("%s is of %s and of %s", f.Path, id, other)
						}
						owners[f.Path] = id
					}
				}
				if left := p.litter(t); len(left) > 0 {
					t.Errorf("%q are left", left)
				}
			}
			t.Logf("%d kills survived, in %d runs to %d destinations", c.kills, c.runs, c.places)
		})
	}
}
