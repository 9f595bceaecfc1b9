package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
)

// The values of --log-format: how stderr is written.
const (
	logText = "text" // for a person
	logJSON = "json" // with the keys of log/slog
	logGCP  = "gcp"  // with the keys of Google Cloud Logging
)

var (
	logFormats = []string{logText, logJSON, logGCP}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

func logFlags() []*flagDef {
	return []*flagDef{
		textFlag("log-level", "LEVEL", "info", strings.Join(logLevels, ", ")).oneOf(logLevels...),
		textFlag("log-format", "FORM", logText, "text, json, or gcp (for Cloud Logging), on stderr").oneOf(logFormats...).
			more("With json and gcp, each line of stderr is an object, also that of an error, and there is no progress bar on stderr."),
		boolFlag("quiet", "print errors only, on stderr"),
	}
}

// logFormat finds the format of stderr before the flags are parsed, since it is that of
// usage errors, too. The parser refuses what is no format.
func logFormat(args []string) string {
	const name = "log-format"
	format := logText
	choose := func(value string) {
		if f, ok := canonical(value, logFormats); ok {
			format = f
		}
	}
	choose(os.Getenv(variable(name)))
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for i, arg := range args {
		flag, value, hasValue := strings.Cut(arg, "=")
		if flag != "--"+name && flag != "-"+name {
			continue
		}
		if !hasValue && i+1 < len(args) {
			value = args[i+1]
		}
		choose(value)
	}
	return format
}

// journal is stderr: text, or an object a line.
type journal struct {
	w      io.Writer
	format string
}

// journal returns stderr.
func (p *program) journal() journal { return journal{plain{p.stderr}, p.logFormat} }

// structured reports whether a program reads it.
func (j journal) structured() bool { return j.format == logJSON || j.format == logGCP }

// logger returns the logs from a level on.
func (j journal) logger(level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: j.attr}
	if j.structured() {
		return slog.New(slog.NewJSONHandler(j.w, options))
	}
	return slog.New(slog.NewTextHandler(j.w, options))
}

// attr writes a duration with its unit, which JSON would have as a number of nanoseconds,
// and gives the keys of a line their names.
func (j journal) attr(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	if j.format != logGCP || len(groups) > 0 {
		return a
	}
	if a.Key == slog.MessageKey {
		a.Key = "message"
	}
	if level, ok := a.Value.Any().(slog.Level); ok {
		a = slog.String("severity", level.String())
		if level == slog.LevelWarn {
			a.Value = slog.StringValue("WARNING")
		}
	}
	return a
}

// at is the level of a line: a method of a logger.
type at = func(log *slog.Logger, message string, attrs ...any)

// tell writes a text for a person, at any log level. When a program reads stderr, it writes a
// log line with the message and attrs in place of the text.
func (j journal) tell(text string, level at, message string, attrs ...any) {
	if j.structured() {
		level(j.logger(slog.LevelDebug), message, attrs...)
		return
	}
	_, _ = io.WriteString(j.w, text+"\n")
}

// tellError says why something could not be done, and what to do next.
func (j journal) tellError(err error, message string, attrs ...any) {
	text := "enrow-export: " + err.Error()
	if h := hint(err); h != "" {
		text += "\nhint: " + h
	}
	j.tell(text, (*slog.Logger).Error, message, append(because(err), attrs...)...)
}

// because returns the attributes of an error.
func because(err error) []any {
	attrs := []any{"error", err.Error()}
	if h := hint(err); h != "" {
		attrs = append(attrs, "hint", h)
	}
	return attrs
}

// ofBatch returns the attributes of a batch, and why it failed.
func ofBatch(kind, id string, err error) []any {
	class := pipeline.Transient
	if failure := (*pipeline.Error)(nil); errors.As(err, &failure) {
		class = failure.Class
	}
	return append([]any{pipeline.LogBatch, id, "kind", kind, "class", class.String()}, because(err)...)
}

// complain repeats a line of the result on stderr, where nobody may see the result: a quiet
// command prints none, and a program that reads the log does not read stdout.
func (u *ui) complain(text string, level at, message string, attrs ...any) {
	if u.quiet || u.err.structured() {
		u.err.tell(text, level, message, attrs...)
	}
}

// warn prints warnings, as log lines if the command has logs.
func (p *program) warn(c *cli.Context, warnings ...string) {
	if c.Bool("quiet") || warnings == nil {
		return
	}
	ui := p.newUI(c)
	for _, warning := range warnings {
		if c.String("log-level") != "" {
			ui.log.Warn(warning)
			continue
		}
		ui.err.tell("enrow-export: warning: "+warning, (*slog.Logger).Warn, warning)
	}
}
