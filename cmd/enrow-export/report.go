package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
)

// maxFailures is the number of failed batches that a report names.
const maxFailures = 100

// reportLine is what --report appends at the end of a run: the summary, and
// which run it was.
type reportLine struct {
	Type        string    `json:"type"` // "report"
	StartedAt   time.Time `json:"started_at"`
	FinishedAt  time.Time `json:"finished_at"`
	ToolVersion string    `json:"tool_version"`
	To          string    `json:"to"`
	Shard       string    `json:"shard,omitempty"`
	Formats     []string  `json:"formats"`
	ExitCode    int       `json:"exit_code"`
	Error       string    `json:"error,omitempty"`
	Failures    []failure `json:"failures"`
	summaryLine
}

// failure is a batch that failed.
type failure struct {
	BatchID   string `json:"batch_id"`
	Kind      string `json:"kind"`
	Error     string `json:"error"`
	Permanent bool   `json:"permanent"`
}

// report is the file of --report, or stdout, nil without it.
type report struct {
	file io.WriteCloser
	line reportLine
}

// kept is a stream that is not closed.
type kept struct{ io.Writer }

func (kept) Close() error { return nil }

func reportFlag() *flagDef {
	return textFlag("report", "FILE", "", "append the summary to a file, as JSON; - is stdout").file().
		more("Each run appends one line. A dry run appends none.")
}

// openReport opens the file of --report, so that one that cannot be written is
// found before anything is tried, as far as that shows: a disk may be full by the
// end as well. The caller calls close.
func openReport(c *cli.Context, stdout io.Writer, cfg export.Config, part export.Shard) (*report, error) {
	name := c.String("report")
	if name == "" {
		return nil, nil
	}
	if err := checkUTF8("JSON", "--to of --report", c.String("to")); err != nil {
		return nil, err
	}
	file, err := io.WriteCloser(kept{plain{stdout}}), error(nil)
	if name != "-" {
		// A pipe that nobody reads from is an error, too, and does not make the run wait
		// until somebody does.
		file, err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o666)
	}
	if err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		if info, _ := os.Stat(name); info != nil && info.Mode()&fs.ModeNamedPipe != 0 && errors.Is(err, syscall.ENXIO) {
			err = errors.New("nobody reads from this pipe")
		}
		return nil, usagef("nothing was tried: name a file that can be written", "--report: cannot write to %s: %v", name, err)
	}
	r := &report{file, reportLine{
		Type: "report", StartedAt: utc(time.Now()), ToolVersion: version,
		To: c.String("to"), Shard: part.String(), Failures: []failure{},
	}}
	for _, enc := range cfg.Encodings {
		r.line.Formats = append(r.line.Formats, enc.Format.Name)
	}
	return r, nil
}

func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// result notes a batch that failed.
func (r *report) result(res export.Result) {
	if r != nil && res.Outcome == export.Failed && len(r.line.Failures) < maxFailures {
		r.line.Failures = append(r.line.Failures, failure{res.BatchID, res.Kind, res.Err.Error(), pipeline.IsPermanent(res.Err)})
	}
}

// write appends the line of a run that ends with err, in one go: other runs may
// append to the same file.
func (r *report) write(s summaryLine, err error) error {
	if r == nil {
		return nil
	}
	r.line.summaryLine, r.line.FinishedAt, r.line.ExitCode = s, utc(time.Now()), exitCode(err)
	if err != nil && !told(err) {
		r.line.Error = err.Error()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	failed := enc.Encode(r.line)
	if failed == nil {
		_, failed = r.file.Write(b.Bytes())
	}
	if failed != nil {
		return fmt.Errorf("write report: %w", failed)
	}
	return nil
}

func (r *report) close() {
	if r != nil {
		r.file.Close() // what was written is there, or has been complained about
	}
}
