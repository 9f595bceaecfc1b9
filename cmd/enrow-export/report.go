package main

import (
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
	"enrow-export/pipeline/runs"
)

// record collects the outcomes of a run.
type record struct{ line runs.Line }

// newRecord begins the record of a run, now.
func newRecord(c *cli.Context, cfg export.Config, part export.Shard) *record {
	r := &record{runs.Line{
		Type: runs.TypeLine, StartedAt: utc(time.Now()), ToolVersion: version,
		To: c.String("to"), Shard: part.String(), Failures: []runs.Failure{},
	}}
	for _, enc := range cfg.Encodings {
		r.line.Formats = append(r.line.Formats, enc.Format.Name)
	}
	return r
}

func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// result notes a batch that failed.
func (r *record) result(res export.Result) {
	if res.Outcome == export.Failed && len(r.line.Failures) < runs.MostFailures {
		r.line.Failures = append(r.line.Failures, runs.Failure{
			BatchID: res.BatchID, Kind: res.Kind, Error: res.Err.Error(), Hint: hint(res.Err), Permanent: pipeline.IsPermanent(res.Err),
		})
	}
}

// end returns the record of a run that ends with err, now.
func (r *record) end(s runs.Summary, err error) runs.Line {
	l := r.line
	l.Summary, l.FinishedAt, l.ExitCode = s, utc(time.Now()), exitCode(err)
	if err != nil && !told(err) {
		l.Error, l.Hint = err.Error(), hint(err)
	}
	if l.ExitCode == exitOngoing && l.Unanswered() {
		l.Error, l.Hint = unanswered(l.Summary), unansweredHint
	}
	return l
}

const unansweredHint = "enrow-export doctor finds out why the API is out of reach"

// unanswered says that the API is out of reach.
func unanswered(s runs.Summary) string {
	return "no response from the API to " + count(s.Requests[runs.NoStatus], "request")
}

// report is the file of --report, or stdout, nil without it.
type report struct{ file io.WriteCloser }

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
func openReport(c *cli.Context, stdout io.Writer) (*report, error) {
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
	return &report{file}, nil
}

// append appends the line of a run in one go: other runs may append to the same file.
func (r *report) append(l runs.Line) error {
	if r == nil {
		return nil
	}
	text, err := l.Encode()
	if err == nil {
		_, err = r.file.Write(text)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *report) close() {
	if r != nil {
		r.file.Close() // what was written is there, or has been complained about
	}
}
