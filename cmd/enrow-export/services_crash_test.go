//go:build crash

package main

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
)

// TestCrashServices has two services and three runs of cron over one root, and kills them at
// random while batches are announced. Every batch whose notice was acknowledged is exported in
// the end, once, and nothing else is there.
func TestCrashServices(t *testing.T) {
	builtProgram(t)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			ids := batchIDs(100)
			_, url := answersAPI(t, ids, 1)
			fresh := open(t)
			quiet, p := fresh(), fresh()
			quiet.mustExport(t, url, append([]string{"--keep-raw"}, ids...)...)

			seed := rand.Uint64()
			c := &servicesCrash{place: p, url: url, random: rand.New(rand.NewPCG(seed, 0)), over: make(chan struct{})}
			var processes sync.WaitGroup
			for range 2 {
				processes.Go(func() { c.serve(t) })
			}
			for range 3 {
				processes.Go(func() { c.cron(t) })
			}
			lost := c.announce(ids)
			close(c.over)
			processes.Wait()
			t.Logf("seed %d: %d kills; %d of %d notices were not acknowledged", seed, c.kills.Load(), lost, len(ids))

			// A batch whose notice was not acknowledged is exported by its id.
			p.mustExport(t, url, append([]string{"--pending", "--keep-raw"}, c.lost...)...)
			files, entries := p.files(t), p.entries(t)
			truthful(t, files, entries)
			if diff := cmp.Diff(baseFiles(t, quiet.files(t)), baseFiles(t, files), cmp.AllowUnexported(content{})); diff != "" {
				t.Errorf("files (-quiet run +got):\n%s", diff)
			}
			want := baseEntries(quiet.entries(t))
			for id, e := range baseEntries(entries) {
				if diff := cmp.Diff(want[id], e, entryIgnore); diff != "" {
					t.Errorf("entry (-quiet run +got):\n%s", diff)
				}
				if e.State != manifest.StateExported || len(e.Replacing) > 0 || len(e.Superseded) > 0 {
					t.Errorf("entry %+v", e)
				}
			}
			if left := p.litter(t); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// servicesCrash is what TestCrashServices does.
type servicesCrash struct {
	place *place
	url   string
	over  chan struct{} // closed when no process is to be started any more
	kills atomic.Int64
	lost  []string // batches whose notices were not acknowledged

	mu     sync.Mutex
	random *rand.Rand
	hooks  []*serving // services that run
}

// lifetime returns how long a process is to live.
func (c *servicesCrash) lifetime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.random.Int64N(int64(800 * time.Millisecond)))
}

// serve runs services, one after the other.
func (c *servicesCrash) serve(t *testing.T) {
	for !c.isOver() {
		cmd, _, _ := c.place.call(t, "serve", append(serveFlags, "--keep-raw", "--every", "1s")...)
		cmd.Env = append(cmd.Env, "ENROW_API_URL="+c.url, "ENROW_API_KEY="+testKey)
		s, ok := startService(t, cmd)
		if !ok {
			t.Errorf("a service has ended: %s", s.log())
			return
		}
		c.mu.Lock()
		c.hooks = append(c.hooks, s)
		c.mu.Unlock()
		c.kill(s.cmd, func() { s.await(func(logLine) bool { return false }) })
	}
}

// cron runs export --pending, again and again.
func (c *servicesCrash) cron(t *testing.T) {
	for !c.isOver() {
		cmd, stdout, stderr := c.place.export(t, c.url, "--pending", "--keep-raw")
		if err := cmd.Start(); err != nil {
			t.Error(err)
			return
		}
		killed := c.kill(cmd, func() {})
		// At first there may be no manifest.
		if code := cmd.ProcessState.ExitCode(); !killed && code != exitOK && code != exitStopped {
			t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
		}
	}
}

// kill ends a process after its lifetime, or when all is over, and reports whether it did. before is
// waited for first.
func (c *servicesCrash) kill(cmd *exec.Cmd, before func()) bool {
	var killed atomic.Bool
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		timer := time.NewTimer(c.lifetime())
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.over:
		case <-ended:
			return
		}
		if cmd.Process.Signal(os.Kill) == nil {
			killed.Store(true)
			c.kills.Add(1)
		}
	})
	before()
	_ = cmd.Wait()
	close(ended)
	killer.Wait()
	return killed.Load()
}

func (c *servicesCrash) isOver() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// announce sends notices of random batches to one of the services, until enough processes
// were killed, and returns how many batches had none that was acknowledged.
func (c *servicesCrash) announce(ids []string) int {
	acknowledged := make(map[string]bool)
	const least = 20 // with fewer kills it is over before most batches are announced
	for c.kills.Load() < int64(max(*crashKills, least)) {
		c.mu.Lock()
		id := ids[c.random.IntN(len(ids))]
		var to *serving
		if n := len(c.hooks); n > 0 {
			to = c.hooks[max(n-1-c.random.IntN(2), 0)]
		}
		c.mu.Unlock()
		if to != nil && to.notify(finished(id)) == http.StatusOK {
			acknowledged[id] = true
		}
	}
	for _, id := range ids {
		if !acknowledged[id] {
			c.lost = append(c.lost, id)
		}
	}
	return len(c.lost)
}
