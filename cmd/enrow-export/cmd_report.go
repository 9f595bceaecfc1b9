package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/page"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

// mostReportRuns is how many runs a page is made from: two days of a run each quarter of an
// hour.
const mostReportRuns = 200

func (p *program) reportCommand() command {
	to := toFlags()
	to[0].required = false // a page of runs alone needs no root
	return command{
		name:   "report",
		topic:  topicLook,
		usage:  "write a web page about batches and runs",
		noArgs: "a page is about all batches",
		description: "The page shows whether all is well, batches by state, rows, found rates and credits by day, failures and what to do about them, and the last runs. " +
			"It is one HTML file without scripts, and loads nothing. It reads the manifest and the file of export --report, or one of them. It reads no data file and sends no request to the API.",
		examples: []example{
			{"a page about a destination", "enrow-export report --to out --out report.html"},
			{"the last runs, too", "enrow-export report --to out --report runs.jsonl --out report.html"},
		},
		page: "report.md",
		exits: exitCodes(
			exit{"0", "the page is written"},
			exit{"1", "stopped: ROOT is out of reach, or has no manifest, or the page cannot be written"},
			unreadExit,
		),
		groups: []flagGroup{
			{"What the page is about", append(to, textFlag("report", "FILE", "", "file that export --report has appended to; - is stdin").file())},
			{"Output", []*flagDef{textFlag("out", "FILE", "", "file to write; - writes to stdout").file().must()}},
			storeGroup(reads),
		},
		action: p.report,
	}
}

func (p *program) report(c *cli.Context) error {
	out := c.String("out")
	switch {
	case out == "":
		return usagef("for example --out report.html, or - for stdout", "no file: --out is missing")
	case c.String("to") == "" && c.String("report") == "":
		return usagef("for example --to out, or --report runs.jsonl, or both", "nothing to report: --to and --report are missing")
	case out == "-":
		p.isResult()
	}
	d := page.Data{Title: "Enrow exports", To: c.String("to"), Version: version}
	var of []string
	if name := c.String("report"); name != "" {
		var err error
		if d.Runs, err = p.readRuns(c, name); err != nil {
			return err
		}
		of = append(of, count(int64(len(d.Runs)), "run"))
	}
	if d.To != "" {
		var err error
		if d.Overview, err = overviewOf(c); err != nil {
			return err
		}
		total := d.Overview.Total()
		of = append([]string{count(int64(total.Total()), "batch")}, of...)
	}
	d.Now = utc(time.Now())
	write := func(w io.Writer) error { return page.Write(w, d) }
	var err error
	if out == "-" {
		err = write(p.stdout)
	} else if err = replaceFile(out, write); err == nil {
		fmt.Fprintf(plain{p.stdout}, "%s: %s\n", out, strings.Join(of, ", "))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}

// overviewOf returns the overview of --to.
func overviewOf(c *cli.Context) (*overview.Overview, error) {
	to, err := rootOf(c, "to")
	if err != nil {
		return nil, err
	}
	store, err := to.openExisting()
	if err != nil {
		return nil, err
	}
	defer closeStore(store)
	o, err := overview.Of(c.Context, store, schema.Tables(), utc(time.Now()))
	if err != nil {
		return nil, err
	}
	if total := o.Total(); total.Total() == 0 {
		return o, to.known(c.Context, store)
	}
	return o, nil
}

// readRuns returns the last runs of a file that --report has appended to.
func (p *program) readRuns(c *cli.Context, name string) ([]runs.Line, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && c.String("to") != "" {
			p.warn(c, fmt.Sprintf("--report: there is no %s: the page has no runs", name)) // as before the first run
			return nil, nil
		}
		if err != nil {
			if path := (*fs.PathError)(nil); errors.As(err, &path) {
				err = path.Err
			}
			return nil, usagef("name the file of export --report", "--report: cannot read %s: %v", name, err)
		}
		defer f.Close()
		in = f
	}
	last, skipped, err := runs.Read(in, mostReportRuns)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--report %s: %w", name, err)
	case skipped > 0 && len(last) == 0:
		return nil, usagef("name the file of export --report", "--report: %s has no line about a run", name)
	case skipped > 0:
		p.warn(c, fmt.Sprintf("--report: %s of %s left out: not a run, or cut off", count(int64(skipped), "line"), name))
	}
	return last, nil
}
