//go:build crash

package main

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
)

var crashKills = flag.Int("crash.kills", 12, "how often the program is killed, for each kind of destination")

// crash is a job that is killed over and over: what the destination holds before
// it, and the job.
type crash struct {
	name   string
	before []string // flags of the export before it, nil for none
	flags  []string
	other  bool // the API's answers have changed since
	// lifetime is the longest time to a kill, in units of a quiet run's. As
	// several batches are under way at any moment, an early death meets the same
	// steps as a late one; but a forced run that dies begins anew.
	lifetime float64
}

var crashes = []crash{
	{name: "first export", lifetime: 0.4},
	{name: "superseding", before: []string{"--compression", "gzip", "--layout", "{table}/old/{batch_id}.{ext}"}, lifetime: 0.4},
	{name: "replacing", before: []string{"--quiet"}, flags: []string{"--force"}, other: true, lifetime: 1.5},
}

// TestCrash kills the program at random moments, again and again, and starts it
// until it is done. After every kill each file that can be seen is whole, and the
// manifest is true; in the end all is as one quiet run leaves it.
func TestCrash(t *testing.T) {
	builtProgram(t) // now, so that no quiet run is timed with it
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			ids := batchIDs(100)
			_, first := answersAPI(t, ids, 1)
			_, second := answersAPI(t, ids, 1000)
			fresh := open(t)
			seed := rand.Uint64()
			c := &crasher{ids: ids, first: first, second: second, fresh: fresh, random: rand.New(rand.NewPCG(seed, 0))}
			jobs := crashes[:min(*crashKills, len(crashes))]
			kills := make([]int, len(jobs)) // of each job
			defer func() {
				t.Logf("seed %d: %d kills survived %v, in %d runs to %d destinations", seed, c.kills, kills, c.runs, c.places)
			}()
			var undisturbed []quietRun
			for _, job := range jobs {
				undisturbed = append(undisturbed, c.quiet(t, job))
			}
			// A destination may be done before a kill falls: the job with the
			// fewest has the next turn, so that each has its share.
			for !t.Failed() && (c.kills < *crashKills || slices.Min(kills) == 0) {
				n := slices.Index(kills, slices.Min(kills))
				before := c.kills
				c.endure(t, jobs[n], undisturbed[n])
				kills[n] += c.kills - before
			}
		})
	}
}

// crasher counts what TestCrash does.
type crasher struct {
	ids                 []string
	first, second       string // URLs of the API
	fresh               func() *place
	random              *rand.Rand
	kills, runs, places int
}

// prepare makes a destination for the job, and returns how the job is called.
func (c *crasher) prepare(t *testing.T, job crash) (p *place, url string, args []string) {
	t.Helper()
	formats := []string{"--format", "parquet,ndjson,csv", "--keep-raw"}
	p, url = c.fresh(), c.first
	if job.before != nil {
		p.mustExport(t, url, append(append(formats, job.before...), c.ids...)...)
	}
	if job.other {
		url = c.second
	}
	return p, url, append(append(formats, job.flags...), c.ids...)
}

// quietRun is what an undisturbed run of a job does.
type quietRun struct {
	before, after map[string]content
	entries       map[string]*manifest.Entry
	took          time.Duration
}

func (c *crasher) quiet(t *testing.T, job crash) quietRun {
	t.Helper()
	p, url, args := c.prepare(t, job)
	q := quietRun{before: baseFiles(t, p.files(t))}
	start := time.Now()
	p.mustExport(t, url, args...)
	q.took = time.Since(start)
	files, entries := p.files(t), p.entries(t)
	truthful(t, files, entries)
	q.after, q.entries = baseFiles(t, files), baseEntries(entries)
	return q
}

// endure takes one job through its kills.
func (c *crasher) endure(t *testing.T, job crash, quiet quietRun) {
	t.Helper()
	c.places++
	p, url, args := c.prepare(t, job)
	for {
		cmd, stdout, stderr := p.export(t, url, args...)
		killed, err := c.killed(cmd, time.Duration(c.random.Int64N(int64(job.lifetime*float64(quiet.took)))))
		c.runs++
		files := p.files(t)
		for name, there := range files {
			base, _ := manifest.Generation(name)
			before, wasThere := quiet.before[base]
			after, willBeThere := quiet.after[base]
			if (!wasThere || there != before) && (!willBeThere || there != after) {
				t.Errorf("%s, kill %d: %s is no file that a quiet run writes", job.name, c.kills, name)
			}
		}
		truthful(t, files, p.entries(t))
		if err != nil || troubled(stderr.String()) || strings.Contains(stdout.String(), "failed") {
			t.Errorf("%s, kill %d: %v\n%s%s", job.name, c.kills, err, stdout, stderr)
		}
		if t.Failed() {
			return
		}
		if !killed {
			break
		}
	}

	if diff := cmp.Diff(quiet.after, baseFiles(t, p.files(t)), cmp.AllowUnexported(content{})); diff != "" {
		t.Errorf("%s: files (-quiet run +got):\n%s", job.name, diff)
	}
	entries := p.entries(t)
	if len(entries) != len(c.ids) {
		t.Errorf("%s: %d entries, want %d", job.name, len(entries), len(c.ids))
	}
	for id, e := range baseEntries(entries) {
		if diff := cmp.Diff(quiet.entries[id], e, entryIgnore); diff != "" {
			t.Errorf("%s: entry (-quiet run +got):\n%s", job.name, diff)
		}
		if e.State != manifest.StateExported || len(e.Replacing) > 0 || len(e.Superseded) > 0 {
			t.Errorf("%s: entry %+v", job.name, e)
		}
	}
	if left := p.litter(t); len(left) > 0 {
		t.Errorf("%s: %q are left", job.name, left)
	}
	// Nothing is left to do, not even a request.
	cmd, stdout, stderr := p.export(t, "http://127.0.0.1:1", append([]string{"--format", "parquet,ndjson,csv", "--keep-raw"}, c.ids...)...)
	if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), "\n100 batches: 100 already exported, ") {
		t.Errorf("%s: one more run: %v\n%s%s", job.name, err, stdout, stderr)
	}
}

// troubled reports whether a run speaks of anything but what it is told to do
// about earlier crashes.
func troubled(stderr string) bool {
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, "removed temporary files of crashed runs") {
			return true
		}
	}
	return false
}

// killed runs the program and kills it after a while; false when it was faster,
// with how it ended.
func (c *crasher) killed(cmd *exec.Cmd, after time.Duration) (bool, error) {
	if err := cmd.Start(); err != nil {
		return false, err
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 { // by a signal: ours
		c.kills++
		return true, nil
	}
	return false, err
}
