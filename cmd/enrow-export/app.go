package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/urfave/cli/v2"
)

// version is the program's version; commit is set by the linker, or read from
// what the Go command recorded.
var (
	version = "0.1.0"
	commit  = ""
)

// program is the program with its streams: what every command needs.
type program struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	signals *interrupts
}

// gcPercent is low because the buffers of batches are used again: collections are cheap,
// and a higher value would double the memory that the program takes.
const gcPercent = 6

// compactGCPercent is that of compact, which throws away much of what it reads
// files with.
const compactGCPercent = 50

// collectAt sets how much may be thrown away, unless the environment does.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// processors returns how many batches can be encoded at a time. The scheduler gets one
// processor more, so that a batch back from the disk need not queue for one.
var processors = sync.OnceValue(func() int {
	n := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(n + 1)
	return n
})

// run is the program without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	collectAt(gcPercent)
	ctx, signals := withSignals(ctx)
	defer signals.ignore()
	out := &output{w: stdout}
	p := &program{stdin: stdin, stdout: out, stderr: stderr, signals: signals}
	err := out.outcome(p.call(ctx, args))
	tellError(stderr, err)
	return exitCode(err)
}

func (p *program) call(ctx context.Context, args []string) error {
	app := p.app()
	if len(args) < 2 || args[1] == "" {
		return usagef("see enrow-export --help", "no command given")
	}
	args, err := arrange(app, args)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, args)
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:  "enrow-export",
		Usage: "lands finished Enrow batches as typed, flat, warehouse-ready files",
		Description: "Try it without a key:  enrow-export demo\n" +
			"In earnest:            ENROW_API_KEY=… enrow-export export --to out BATCH_ID",
		CustomAppHelpTemplate: cli.AppHelpTemplate +
			exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitOngoing, exitHangup, exitInterrupt, exitUnread, exitTerminated),
		Version:         version,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		ExitErrHandler:  func(*cli.Context, error) {}, // exitCode decides
		HideHelpCommand: true,
		// A file name may hold a comma; lists are split where they are lists.
		DisableSliceFlagSeparator: true,
		Commands: []*cli.Command{
			p.exportCommand(),
			p.enqueueCommand(),
			p.dismissCommand(),
			p.statusCommand(),
			p.verifyCommand(),
			p.pruneCommand(),
			p.adoptCommand(),
			p.filesCommand(),
			p.loadSQLCommand(),
			p.batchesCommand(),
			p.compactCommand(),
			p.schemaCommand(),
			p.demoCommand(),
			p.mockAPICommand(),
		},
		Action: func(*cli.Context) error {
			return usagef("see enrow-export --help", "no command given")
		},
	}
	cli.VersionPrinter = func(c *cli.Context) {
		fmt.Fprintf(c.App.Writer, "enrow-export %s (commit %s, %s)\n", version, buildCommit(), runtime.Version())
	}
	return app
}

// buildCommit returns the commit that the program was built from.
func buildCommit() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
