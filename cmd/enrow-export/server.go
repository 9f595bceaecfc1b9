package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/metrics"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/ping"
	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
	"enrow-export/sources/webhook"
)

// server is a service: the parts of serve.
type server struct {
	program *program
	c       *cli.Context
	cfg     export.Config
	columns map[*schema.Table][]string
	to      *servedRoot
	log     *slog.Logger
	report  *report
	stop    chan struct{}

	metrics *metrics.Service
	ping    *ping.Run // of the run after a survey; of the loop's goroutine

	settings atomic.Pointer[settings]

	since   time.Time     // when the service began
	left    *runs.GivenUp // of the last survey; of the loop's goroutine
	notices *notices

	loop         *service.Loop
	health       *service.Health
	figures      *service.Figures
	then         *service.Then
	supervisor   service.Supervisor
	receiver     *webhook.Handler
	hooks, admin *service.Server
}

// assemble puts the parts of the service together.
func (s *server) assemble(earlier []runs.Line) {
	s.since = time.Now()
	s.loop = service.New(service.Config{
		Every: s.c.Duration("every"), Survey: s.survey, Failed: s.failed, Export: s.export, Stop: s.stop, Log: s.log,
	}, earlier)
	s.to.onWritable = s.loop.Hurry // a pause may have begun
	s.notices = &notices{root: s.to, loop: s.loop, log: s.log}
	s.figures = &service.Figures{
		Read: func(ctx context.Context) (*overview.Overview, error) {
			store, release, err := s.to.open(ctx)
			if err != nil {
				return nil, err
			}
			defer release()
			return overview.Of(ctx, store, schema.Tables(), time.Now())
		},
		Log: s.log,
	}
	s.health = &service.Health{Loop: s.loop, Look: s.to.look, Stall: s.stall()}
	s.metrics = metrics.NewService(programBuild(), metrics.Live{
		Ready: func() bool { return len(s.health.Ready(s.c.Context)) == 0 },
		Then:  func() time.Duration { return s.then.Running() },
	}, noticeResults()...)
	s.figures.OnRead = s.metrics.Root
	for _, l := range earlier {
		s.metrics.Recall(l)
	}
	if command := s.c.String("then"); command != "" {
		s.then = &service.Then{Command: command, Env: withoutSecrets(os.Environ()), Log: s.log, OnEnd: func(err error) {
			if err != nil {
				s.metrics.ThenFailed()
			}
		}}
	}
	if s.c.String("listen") != "" {
		s.receiver = webhook.New(webhook.Config{
			Secrets: func() []webhook.Secret { return s.settings.Load().secrets }, Look: s.to.isThere, Record: s.notices.record, Log: s.log,
			Count: func(r webhook.Result) { s.metrics.Notice(string(r)) },
		})
	}
	s.to.onReplaced = func() {
		s.log.Warn("the destination was away, or is another directory now: it is read anew", "to", s.to.at)
		if s.receiver != nil {
			s.receiver.Forget()
		}
		s.loop.Hurry() // other batches may be pending there
	}
}

// stall returns how long a run may do nothing that anybody sees: as long as one batch may
// take for its requests, the pauses between them, and its operations on the store.
func (s *server) stall() time.Duration {
	tries := time.Duration(s.c.Int("retries") + 1)
	const pauses, operations = 6 * time.Minute, 10
	return tries*(s.c.Duration("request-timeout")+pauses) + operations*s.c.Duration("store-timeout")
}

// listen takes the addresses. The caller calls serve, and Shutdown of both.
func (s *server) listen(ctx context.Context) (err error) {
	if s.admin, err = listenOn(ctx, s.c, "admin-listen", nil); err != nil || s.c.String("listen") == "" {
		return err
	}
	var chain func() (*tls.Certificate, error)
	if s.settings.Load().certificate != nil {
		chain = func() (*tls.Certificate, error) { return s.settings.Load().certificate, nil }
	}
	if s.hooks, err = listenOn(ctx, s.c, "listen", chain); err != nil {
		s.admin.Shutdown(ctx)
	}
	return err
}

func listenOn(ctx context.Context, c *cli.Context, flag string, chain func() (*tls.Certificate, error)) (*service.Server, error) {
	server, err := service.Listen(ctx, c.String(flag), chain)
	if err != nil {
		return nil, &pipeline.Error{Class: pipeline.Fatal, Err: fmt.Errorf("--%s: %w", flag, err), Hint: "end the program that listens there, or choose another port; port 0 is any free one"}
	}
	return server, nil
}

// serve begins to serve both addresses.
func (s *server) serve() {
	s.admin.Serve(s.adminHandler())
	s.log.Info("serving the page, metrics and health", "address", "http://"+s.admin.Addr())
	if s.hooks == nil {
		return
	}
	scheme := "http://"
	if s.settings.Load().certificate != nil {
		scheme = "https://"
	}
	s.hooks.Serve(s.receiver)
	s.log.Info("receiving webhooks", "address", scheme+s.hooks.Addr()+"/hooks/SECRET")
}
