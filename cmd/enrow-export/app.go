package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
)

// program is the program with its streams: what every command needs.
type program struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	// logFormat is how stderr is written.
	logFormat string
	signals   *interrupts
}

// gcPercent is low because the buffers of batches are used again: collections are cheap,
// and a higher value would double the memory that the program takes.
const gcPercent = 6

// surveyGCPercent applies until a run knows which batches are done: it only reads till then.
const surveyGCPercent = 100

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
	p := &program{stdin: stdin, stdout: out, stderr: stderr, logFormat: logFormat(args), signals: signals}
	err := out.outcome(p.call(ctx, args))
	code := exitCode(err)
	if err != nil && !told(err) {
		p.journal().tellError(err, "stopped", "exit_code", code)
	}
	return code
}

func (p *program) call(ctx context.Context, args []string) error {
	commands := p.commands()
	if len(args) < 2 || args[1] == "" {
		return usagef("see enrow-export --help", "no command given")
	}
	if args[1] == completeCommand {
		return p.complete(commands, args[2:])
	}
	call, err := arrange(commands, args)
	switch {
	case err != nil:
		return err
	case call.version:
		return p.printVersion()
	case call.help && call.command == nil:
		return p.printHelp(programHelp(commands, helpWidth(p.stdout)))
	case call.help:
		return p.printHelp(commandHelp(call.command, helpWidth(p.stdout)))
	}
	return nameVariable(p.app(commands).RunContext(ctx, call.args), call.variables)
}

// nameVariable names the environment variable of a flag that a usage error is about, if the
// flag was set by it.
func nameVariable(err error, variables map[string]string) error {
	usage := (*usageError)(nil)
	if !errors.As(err, &usage) {
		return err
	}
	end := strings.IndexAny(usage.msg, ": ")
	if end < 0 {
		return err
	}
	if name := variables[usage.msg[:end]]; name != "" {
		return &usageError{msg: name + usage.msg[end:], hint: usage.hint}
	}
	return err
}

func (p *program) printHelp(text string) error {
	p.isResult()
	fmt.Fprint(p.stdout, text)
	return nil
}

// app returns the commands as the library parses them.
func (p *program) app(commands []command) *cli.App {
	app := &cli.App{
		Name:            programName,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		ExitErrHandler:  func(*cli.Context, error) {}, // exitCode decides
		HideHelp:        true,
		HideVersion:     true,
		HideHelpCommand: true,
		// A file name may hold a comma; lists are split where they are lists.
		DisableSliceFlagSeparator: true,
	}
	for _, c := range commands {
		app.Commands = append(app.Commands, p.cli(c))
	}
	return app
}
