package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
)

// defaultRate bounds the requests a second that notices can cause.
const defaultRate = 10

func (p *program) serveCommand() command {
	return command{
		name:   "serve",
		topic:  topicExport,
		noArgs: "it exports what is pending and what webhooks announce",
		usage:  "export pending batches all the time, and receive webhooks",
		description: "It does what export --pending does from cron: at once, and every --every. " +
			"With --listen it also receives Enrow's webhooks, and exports each announced batch at once. " +
			"A batch is recorded in the manifest before its webhook is acknowledged.\n\n" +
			"The address for Enrow is https://HOST/hooks/SECRET. SECRET is in the file of --hook-secret-file or in ENROW_EXPORT_HOOK_SECRET. " +
			"The page for people, /metrics, /healthz and /readyz are at --admin-listen.\n\n" +
			"SIGHUP reads the API key, the secret and the certificate again. SIGTERM stops the service.",
		examples: []example{
			{"behind a reverse proxy that speaks TLS", "enrow-export serve --to /data/enrow --listen 127.0.0.1:8780 \\\n    --hook-secret-file /etc/enrow-export/hook-secret"},
			{"without webhooks, every five minutes, and load the files afterwards", "enrow-export serve --to gs://bucket/enrow --every 5m --then ./load.sh"},
		},
		page: "service.md",
		exits: exitCodes(
			exit{"0", "stopped by SIGTERM or SIGINT, and no batch was cut off"},
			exit{"1", "it could not start: an address is taken, or the destination is out of reach"},
			serviceSignalExit,
		),
		groups: []flagGroup{
			{"Destination", append(toFlags(), layoutFlag())},
			{"When to export", []*flagDef{
				durationFlag("every", service.DefaultEvery, "time between two searches for pending batches", checkEvery),
				textFlag("then", "COMMAND", "", "shell command to run after batches were exported").
					more("Its standard input has a line of JSON for each run that has exported something since COMMAND last succeeded: the line of --report. Where the destination has batches, it also runs after the first run of the service, because an earlier service may have been killed before COMMAND succeeded. When COMMAND fails, it runs again after the next run."),
				graceFlag("It begins with SIGTERM or SIGINT. Another signal stops at once."),
			}},
			{"Webhooks", []*flagDef{
				textFlag("listen", "HOST:PORT", "", "address for webhooks").or("no webhooks").checked(checkListen),
				textFlag("hook-secret-file", "FILE", "", "file with the secret of the webhooks' address").file().or("the secret in " + hookSecretVariable).
					more("The secret has at least 128 bits, such as the output of openssl rand -hex 32. With two lines, both secrets are accepted, so that the secret can be changed."),
				textFlag("tls-cert", "FILE", "", "certificate chain of --listen, in PEM form").file(),
				textFlag("tls-key", "FILE", "", "private key of --tls-cert, in PEM form").file().
					more("Without a certificate, a reverse proxy has to speak TLS: Enrow calls https addresses alone."),
			}},
			contentGroup(),
			requestsGroup(floatFlag("rate", defaultRate, "requests a second at most", checkRate).
				more(fmt.Sprintf("0 is no limit. Retries count as requests. The smallest rate is %v.", minRate))),
			{"Output", logFlags()},
			{"Monitoring", []*flagDef{
				textFlag("admin-listen", "HOST:PORT", "127.0.0.1:8781", "address of the page, the metrics and the health").checked(checkListen).
					more("Nobody has to log in there: keep it away from the internet."),
				reportFlag(), pingFlag(),
			}},
			storeGroup(writes),
		},
		action: p.serve,
	}
}

// checkEvery refuses times that would make a service do nothing else.
func checkEvery(flag string, value time.Duration) error {
	if value < time.Second {
		return usagef("", "%s: %v is less than a second", flag, value)
	}
	return nil
}

// checkListen tells an address that cannot be one.
func checkListen(flag, value string) error {
	if value == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port)
	}
	if err != nil {
		return usagef("such as 127.0.0.1:8780, or :8780 for all interfaces", "%s: %v", flag, err)
	}
	return nil
}

// checkAddresses refuses one address for both listeners.
func checkAddresses(c *cli.Context) error {
	hooks, admin := c.String("listen"), c.String("admin-listen")
	if admin == "" { // the system would choose a port on all interfaces
		return usagef("leave it out: only this machine can reach its default", "--admin-listen is empty")
	}
	if _, port, _ := net.SplitHostPort(hooks); hooks == admin && port != "0" { // checkListen has split it
		return usagef("webhooks come from the internet, and the page is for those who run the service: choose another port", "--listen and --admin-listen are the same address: %s", hooks)
	}
	return nil
}

// checkShell finds out whether the command of --then can be run at all.
func checkShell(c *cli.Context) error {
	if c.String("then") == "" {
		return nil
	}
	if _, err := exec.LookPath(service.Shell); err != nil {
		return usagef("leave it out, and run the command from elsewhere", "--then: this system has no %s", service.Shell)
	}
	return nil
}

func (p *program) serve(c *cli.Context) (err error) {
	ui := p.newUI(c)
	s := &server{program: p, c: c, log: ui.log, stop: make(chan struct{})}
	if s.cfg, err = exportConfig(c); err != nil {
		return err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	s.to = newServedRoot(to, s.cfg.Store)
	defer s.to.close()
	traces := tracing(c.Context, ui.log)
	defer traces.end()
	s.cfg.Tracer = traces.tracer // each run is a trace of its own
	s.cfg.Log, s.cfg.Stop = ui.log, s.stop
	s.cfg.Cache = manifest.NewCache(s.cfg.Store, s.cfg.Log)
	if s.columns, err = columnsOfKinds(c); err != nil {
		return err
	}
	if err := checkShell(c); err != nil {
		return err
	}
	if err := checkAddresses(c); err != nil {
		return err
	}
	settings, err := readSettings(c, s.cfg)
	if err != nil {
		return err
	}
	s.settings.Store(settings)
	earlier := earlierRuns(c, ui.log)
	if s.report, err = openReport(c, p.stdout); err != nil {
		return err
	}
	defer s.report.close()
	if err := s.listen(c.Context); err != nil {
		return err
	}
	s.assemble(earlier)
	if err := s.begin(); err != nil {
		s.hooks.Shutdown(c.Context)
		s.admin.Shutdown(c.Context)
		return err
	}
	p.stopGently(c.Duration("grace"), ui, s.stop)
	asked := make(chan struct{}, 1)
	p.signals.onHangup(func() {
		select {
		case asked <- struct{}{}:
		default: // the files will be read after this signal
		}
	})
	go s.reloadWhenAsked(c.Context, asked) // not waited for: a read may block
	s.serve()                              // now the log says that it can be called, and signalled
	return s.work(c.Context)
}

// begin makes the root ready to be written to.
func (s *server) begin() error {
	if err := s.to.begin(s.c.Context); err != nil {
		return err
	}
	if err := s.program.writable(s.c, "to", s.cfg.Store); err != nil {
		return err
	}
	if err := s.to.look(s.c.Context); err != nil {
		return err
	}
	if s.then != nil {
		known, err := manifest.KnowsAny(s.c.Context, s.cfg.Store, schema.Tables())
		if err != nil {
			return manifest.Failure("look at the destination", "", err)
		}
		s.then.Owed = known
	}
	return nil
}

// work runs the service until it is told to stop.
func (s *server) work(ctx context.Context) error {
	watching, end := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { s.supervisor.Watch(watching, s.health.Alive) })
	s.supervisor.Ready()
	_, _ = s.figures.Last(ctx) // begins to read them, for the first request
	s.loop.Run(ctx)
	s.supervisor.Stopping()
	s.health.End()
	s.then.Wait()
	cut := context.Cause(ctx) // the grace is over, and something was cut off
	s.hooks.Shutdown(ctx)
	s.figures.Wait()
	s.admin.Shutdown(ctx)
	end()
	watched.Wait()
	s.log.Info("the service has ended")
	return cut
}
