package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/metrics"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/ping"
	"enrow-export/pipeline/probe"
	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sources/webhook"
)

// server is what serve consists of.
type server struct {
	program *program
	c       *cli.Context
	cfg     export.Config
	columns map[*schema.Table][]string
	to      root
	log     *slog.Logger
	report  *report
	stop    chan struct{}

	metrics *metrics.Service
	ping    *ping.Run // of the run after a survey; of the loop's goroutine

	settingsMu sync.Mutex
	settings   *settings

	since     time.Time             // when the service began
	announced atomic.Int64          // batches, by notices
	left      *runs.GivenUp         // of the last survey; of the loop's goroutine
	unwritten atomic.Pointer[error] // why a write to the root failed, nil when it has worked since
	toldFull  atomic.Int64          // Unix time at which the log last told that notices are refused

	loop         *service.Loop
	health       *service.Health
	figures      *service.Figures
	then         *service.Then
	supervisor   service.Supervisor
	receiver     *webhook.Handler
	hooks, admin *service.Server
}

// columnsOfKinds returns the columns of each kind.
func columnsOfKinds(c *cli.Context) (map[*schema.Table][]string, error) {
	all := make(map[*schema.Table][]string)
	for _, table := range schema.Tables() {
		names, err := columns(c, table)
		if err != nil {
			return nil, usagef("serve exports all kinds: name columns that each of them has", "%v", err)
		}
		all[table] = names
	}
	return all, nil
}

// earlierRuns returns the last runs that the file of --report has, if there is one that can
// be read: they are for the page alone.
func earlierRuns(c *cli.Context, log *slog.Logger) []runs.Line {
	name := c.String("report")
	if name == "" || name == "-" {
		return nil
	}
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil // reading another kind of file might never end
	}
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		var earlier []runs.Line
		if earlier, _, err = runs.Read(file, service.MostRuns); err == nil {
			return earlier
		}
	}
	log.Warn("earlier runs cannot be read from the report", "error", err)
	return nil
}

// assemble puts the parts of the service together.
func (s *server) assemble(earlier []runs.Line) {
	s.since = time.Now()
	s.loop = service.New(service.Config{
		Every: s.c.Duration("every"), Survey: s.survey, Failed: s.failed, Export: s.export, Stop: s.stop, Log: s.log,
	}, earlier)
	s.figures = &service.Figures{
		Read: func(ctx context.Context) (*overview.Overview, error) {
			return overview.Of(ctx, s.cfg.Store, schema.Tables(), time.Now())
		},
		Log: s.log,
	}
	s.health = &service.Health{Loop: s.loop, Look: s.look, Stall: s.stall()}
	s.metrics = metrics.NewService(programBuild(), func() bool { return len(s.health.Ready(s.c.Context)) == 0 }, noticeResults()...)
	s.figures.OnRead = s.metrics.Root
	for _, l := range earlier {
		s.metrics.Recall(l)
	}
	if command := s.c.String("then"); command != "" {
		s.then = &service.Then{Command: command, Log: s.log, OnEnd: func(err error) {
			if err != nil {
				s.metrics.ThenFailed()
			}
		}}
	}
	if s.c.String("listen") != "" {
		s.receiver = webhook.New(webhook.Config{
			Secrets: s.secrets, Record: s.record, Log: s.log,
			Count: func(r webhook.Result) { s.metrics.Notice(string(r)) },
		})
		s.health.OnLost = s.receiver.Forget
	}
}

func noticeResults() (names []string) {
	for _, r := range webhook.Results() {
		names = append(names, string(r))
	}
	return names
}

// stall returns how long a run may do nothing that anybody sees: as long as one batch may
// take for its requests, the pauses between them, and its operations on the store.
func (s *server) stall() time.Duration {
	tries := time.Duration(s.c.Int("retries") + 1)
	const pauses, operations = 6 * time.Minute, 10
	return tries*(s.c.Duration("request-timeout")+pauses) + operations*s.c.Duration("store-timeout")
}

// listen begins to serve.
func (s *server) listen(ctx context.Context) error {
	admin, err := listenOn(ctx, "admin-listen", s.c.String("admin-listen"), nil, s.adminHandler())
	if err != nil {
		return err
	}
	s.admin = admin
	s.log.Info("serving the page, metrics and health", "address", "http://"+admin.Addr())
	if s.receiver == nil {
		return nil
	}
	scheme := "http://"
	var chain func() (*tls.Certificate, error)
	if s.current().certificate != nil {
		scheme = "https://"
		chain = func() (*tls.Certificate, error) { return s.current().certificate, nil }
	}
	if s.hooks, err = listenOn(ctx, "listen", s.c.String("listen"), chain, s.receiver); err != nil {
		s.admin.Shutdown(ctx)
		return err
	}
	s.log.Info("receiving webhooks", "address", scheme+s.hooks.Addr()+"/hooks/SECRET")
	return nil
}

func listenOn(ctx context.Context, flag, addr string, chain func() (*tls.Certificate, error), handler http.Handler) (*service.Server, error) {
	server, err := service.Listen(ctx, addr, chain, handler)
	if err != nil {
		return nil, &pipeline.Error{Class: pipeline.Fatal, Err: fmt.Errorf("--%s: %w", flag, err), Hint: "end the program that listens there, or choose another port; port 0 is any free one"}
	}
	return server, nil
}

// current returns the settings as they were read last.
func (s *server) current() *settings {
	s.settingsMu.Lock()
	defer s.settingsMu.Unlock()
	return s.settings
}

func (s *server) secrets() []webhook.Secret { return s.current().secrets }

// reload reads the settings again. Those that cannot be used change nothing.
func (s *server) reload() {
	s.supervisor.Reloading()
	defer s.supervisor.Ready()
	again, err := readSettings(s.c, s.cfg)
	if err != nil {
		s.log.Error("the settings stay as they were", "error", err, "hint", hint(err))
		return
	}
	s.settingsMu.Lock()
	s.settings = again
	s.settingsMu.Unlock()
	s.log.Info("the key, the secret and the certificate were read again")
	s.loop.Hurry() // what failed for the old key may be done with the new one
}

// manifestFolder is where the manifest of a folder is. When it is gone, so is the volume that
// the root was on, and what is written next would be lost when the volume comes back.
func (s *server) manifestFolder() string { return filepath.Join(s.to.folder, "_manifest") }

// beginRoot makes the root ready to be written to.
func (s *server) beginRoot(ctx context.Context) error {
	if !s.to.isBucket() {
		if err := os.MkdirAll(s.manifestFolder(), 0o777); err != nil {
			if path := (*fs.PathError)(nil); errors.As(err, &path) {
				err = path.Err
			}
			return fmt.Errorf("destination cannot be used: make directory %s: %w", s.manifestFolder(), err)
		}
	}
	if err := s.program.writable(s.c, "to", s.cfg.Store); err != nil {
		return err
	}
	return s.look(ctx)
}

// there returns an error if a folder is not the root any more that it was.
func (s *server) there() error {
	if s.to.isBucket() {
		return nil
	}
	if info, err := os.Stat(s.manifestFolder()); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not there: is its volume mounted?", s.manifestFolder())
	}
	return nil
}

// look returns why the root cannot be used, nil when it can. After a write that failed, it
// tries another one: nothing else shows that a disk is full, or that it has room again.
func (s *server) look(ctx context.Context) error {
	if err := s.there(); err != nil {
		return err
	}
	if s.to.isBucket() {
		if _, err := manifest.KnowsAny(ctx, s.cfg.Store, schema.Tables()[:1]); err != nil {
			return manifest.Failure("look at the destination", "", err)
		}
	}
	failed := s.unwritten.Load()
	if failed == nil {
		return nil
	}
	if err := tryToWrite(ctx, s.cfg.Store); err != nil {
		return *failed
	}
	if s.unwritten.CompareAndSwap(failed, nil) {
		s.loop.Hurry() // a pause may have begun
	}
	return nil
}

// tryToWrite puts a small object and removes it. It tries no conditions, as doctor does: a
// store for a single writer may not keep them.
func tryToWrite(ctx context.Context, store sinks.Store) error {
	scratch := &probe.Scratch{Store: store}
	_, err := scratch.Put(ctx, scratch.Name(), []byte("this can be deleted\n"), sinks.IfAbsent())
	return cmp.Or(err, scratch.Clean(ctx))
}

// record records the batch of a notice, and has it exported.
func (s *server) record(ctx context.Context, n webhook.Notice) error {
	if err := s.there(); err != nil {
		return err
	}
	if err := s.loop.Admit(); err != nil {
		if last := s.toldFull.Swap(time.Now().Unix()); time.Since(time.Unix(last, 0)) > time.Minute {
			s.log.Warn("notices are refused", "because", err)
		}
		return fmt.Errorf("%w: %w", webhook.ErrFull, err)
	}
	var recorded export.Recorded
	err := export.Enqueue(ctx, export.EnqueueConfig{
		Table: n.Table, Store: s.cfg.Store, Log: s.log, ToolVersion: version,
	}, []string{n.BatchID}, func(r export.Recorded) { recorded = r })
	if err == nil {
		err = recorded.Err
	}
	if err != nil {
		unrecorded := fmt.Errorf("a notice could not be recorded: %w", err)
		s.unwritten.Store(&unrecorded)
		return err
	}
	s.announced.Add(1)
	s.loop.Announce(service.Notice(n), recorded.New)
	return nil
}
