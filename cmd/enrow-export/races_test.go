package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
	"enrow-export/sources/fakeapi"
)

// racer is one of the processes that work on one destination at once.
type racer struct {
	api            *fakeapi.Server // its own, so that its requests can be counted
	args           []string
	ids            []string
	forced         bool
	asks           sync.Once // its first request
	stdout, stderr *bytes.Buffer
	err            error
}

// race runs them all at once, and checks of each that it succeeds, speaks of no
// trouble, and does not ask more often than it has to. No process gets an answer
// before each has asked for one: starting up takes longer than a batch.
func race(t *testing.T, p *place, racers []*racer) {
	t.Helper()
	var asking, running sync.WaitGroup
	asking.Add(len(racers))
	for _, r := range racers {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			r.asks.Do(asking.Done)
			asking.Wait()
			r.api.ServeHTTP(w, request)
		}))
		t.Cleanup(server.Close)
		args := append(slices.Concat(r.args, []string{"--log-level", "warn"}), r.ids...) // progress is no trouble
		if r.forced {
			args = append(args, "--force")
		}
		var cmd *exec.Cmd
		cmd, r.stdout, r.stderr = p.export(t, server.URL, args...)
		running.Go(func() {
			r.err = cmd.Run()
			r.asks.Do(asking.Done) // one that never asked keeps nobody waiting
		})
	}
	running.Wait()
	// A run that loses a race may need files that it had not foreseen, and asks again.
	forced := slices.ContainsFunc(racers, func(r *racer) bool { return r.forced })
	for i, r := range racers {
		if r.err != nil || r.stderr.Len() > 0 || strings.Contains(r.stdout.String(), "failed") {
			t.Errorf("process %d (forced %v): %v\n%s%s", i, r.forced, r.err, r.stdout, r.stderr)
		}
		for _, id := range r.ids {
			n, most := r.api.Requests(id), 1
			if forced {
				most = 2
			}
			if n > most {
				t.Errorf("process %d (forced %v) asked %d times for %s", i, r.forced, n, id)
			}
		}
	}
}

// consistent checks that every batch is exported with all formats, that nothing
// is left half-done, and that the files are what the entries say.
func consistent(t *testing.T, p *place, ids []string, formats int) map[string]*manifest.Entry {
	t.Helper()
	entries, files := p.entries(t), p.files(t)
	for id, e := range entries {
		if e.State != manifest.StateExported || len(e.Replacing) > 0 || len(e.Superseded) > 0 || len(e.Files) != formats {
			t.Errorf("entry of %s: %+v", id, e)
		}
	}
	if len(entries) != len(ids) || len(files) != formats*len(ids) {
		t.Errorf("%d entries and %d files, want %d and %d", len(entries), len(files), len(ids), formats*len(ids))
	}
	truthful(t, files, entries)
	if left := p.litter(t); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	return entries
}

// TestProcessesRace lets processes export overlapping lists to one destination at once,
// every other one with --force. In the end all is as one process leaves it.
func TestProcessesRace(t *testing.T) {
	const formats = "parquet,ndjson,csv"
	ids := batchIDs(30)
	// What one process leaves is the same in every kind of destination.
	alone := func(seed uint64) *place {
		p := places["folder"](t)()
		_, url := answersAPI(t, ids, seed)
		p.mustExport(t, url, append([]string{"--format", formats}, ids...)...)
		return p
	}
	quiet := alone(1)
	want, wantEntries := quiet.files(t), quiet.entries(t)
	var versions []map[string]content
	for i := range uint64(4) {
		versions = append(versions, alone(1000*i).files(t))
	}
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			fresh := open(t)

			for _, processes := range []int{2, 4, 8} {
				t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
					p := fresh()
					var racers []*racer
					for i := range processes {
						r := &racer{args: []string{"--format", formats}, forced: i%2 == 1}
						r.api, _ = answersAPI(t, ids, 1)
						for n := range len(ids) * 3 / 4 { // each lacks another quarter
							r.ids = append(r.ids, ids[(i*len(ids)/processes+n)%len(ids)])
						}
						rand.Shuffle(len(r.ids), func(a, b int) { r.ids[a], r.ids[b] = r.ids[b], r.ids[a] })
						racers = append(racers, r)
					}
					race(t, p, racers)
					entries := consistent(t, p, ids, 3)
					if diff := cmp.Diff(want, baseFiles(t, p.files(t)), cmp.AllowUnexported(content{})); diff != "" {
						t.Errorf("files (-one process +got):\n%s", diff)
					}
					if diff := cmp.Diff(wantEntries, baseEntries(entries), entryIgnore); diff != "" {
						t.Errorf("entries (-one process +got):\n%s", diff)
					}
				})
			}

			t.Run("other formats", func(t *testing.T) {
				p := fresh()
				var racers []*racer
				for i := range 4 {
					r := &racer{args: []string{"--format", []string{"parquet", "ndjson,csv"}[i%2]}, ids: ids, forced: i == 3}
					r.api, _ = answersAPI(t, ids, 1)
					racers = append(racers, r)
				}
				race(t, p, racers)
				consistent(t, p, ids, 3)
				if diff := cmp.Diff(want, baseFiles(t, p.files(t)), cmp.AllowUnexported(content{})); diff != "" {
					t.Errorf("files (-one process +got):\n%s", diff)
				}
			})

			// The files of one batch are of one answer, whichever that is.
			t.Run("other answers", func(t *testing.T) {
				p := fresh()
				var racers []*racer
				for i := range uint64(4) {
					r := &racer{args: []string{"--format", formats}, ids: ids, forced: true}
					r.api, _ = answersAPI(t, ids, 1000*i)
					racers = append(racers, r)
				}
				race(t, p, racers)
				files := p.files(t)
				for id, e := range consistent(t, p, ids, 3) {
					if !slices.ContainsFunc(versions, func(version map[string]content) bool {
						same := true
						for _, f := range e.Files {
							base, _ := manifest.Generation(f.Path)
							same = same && files[f.Path] == version[base]
						}
						return same
					}) {
						t.Errorf("the files of %s are of different answers", id)
					}
				}
			})
		})
	}
}

// TestProcessesRaceForAPath lets processes of two layouts export batches that want the
// same paths. Whoever is later fails, and takes no file of the other.
func TestProcessesRaceForAPath(t *testing.T) {
	plain := batchIDs(30)
	var suffixed []string
	for _, id := range plain {
		suffixed = append(suffixed, id+"-v2")
	}
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			p := open(t)()
			_, url := answersAPI(t, slices.Concat(plain, suffixed), 1)
			var running sync.WaitGroup
			for i, ids := range [][]string{plain, suffixed, plain, suffixed} {
				args := append([]string{"--format", "csv,parquet"}, ids...)
				if i%2 == 0 {
					args = append(args, "--layout", "{table}/{batch_id}-v2.{ext}")
				}
				cmd, stdout, stderr := p.export(t, url, args...)
				running.Go(func() {
					if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != exitFailed {
						t.Errorf("process %d: %v\n%s%s", i, err, stdout, stderr)
					}
				})
			}
			running.Wait()
			entries, exported := p.entries(t), 0
			truthful(t, p.files(t), entries)
			for _, id := range plain {
				both := 0
				for _, e := range []*manifest.Entry{entries[id], entries[id+"-v2"]} {
					if e.State == manifest.StateExported {
						both++
					}
				}
				if exported += both; both > 1 {
					t.Errorf("%s and its neighbour have the same files", id)
				}
			}
			if exported == 0 {
				t.Error("no batch is exported")
			}
			if left := p.litter(t); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}
