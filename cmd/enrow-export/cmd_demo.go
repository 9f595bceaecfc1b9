package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sources"
	"enrow-export/sources/fakeapi"
)

// What the demonstration exports, beside the vendor's own sample.
const (
	demoSeed        = 1
	demoRows        = 5000
	demoOngoingRows = 250
	demoPolls       = 2
	demoPoll        = 300 * time.Millisecond
	demoTo          = "enrow-demo"
)

func (p *program) demoCommand() command {
	return command{
		name:  "demo",
		topic: topicLearn,
		usage: "run the whole job against an embedded API, without a key",
		description: "It exports three batches in all formats: Enrow's documented sample, a batch of 5,000 results, " +
			"and a batch that is ongoing for the first two requests. Run it twice: the second run has nothing to do.",
		examples: []example{
			{"three batches to ./enrow-demo", "enrow-export demo"},
			{"to another directory", "enrow-export demo --to /tmp/demo"},
		},
		exits: exitCodes(
			exit{"0", "the demo has run"},
			exit{"1", "the directory cannot be written to"},
		),
		groups: []flagGroup{
			// Not ENROW_EXPORT_TO: made-up rows have no place among real ones.
			{"Destination", []*flagDef{textFlag("to", "DIR", demoTo, "directory to write to").own("demo").directory()}},
		},
		action: p.demo,
	}
}

func (p *program) demo(c *cli.Context) error {
	api := fakeapi.New(fakeapi.Options{})
	ids := addDemoBatches(api)
	listener, err := api.Listen("127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start the embedded API: %w", err)
	}
	defer func() { _ = listener.Close() }() // it is done with
	client, err := sources.NewClient(sources.Config{BaseURL: listener.URL(), Key: "demo"})
	if err != nil {
		return err
	}
	defer client.Close()

	to, err := parseRoot("to", c.String("to"))
	if err == nil && to.isBucket() {
		err = usagef("name a directory", "--to: the demonstration writes to a directory only")
	}
	if err != nil {
		return err
	}
	store, err := to.open()
	if err != nil {
		return err
	}
	cfg := export.Config{
		Table: &schema.EmailFind, Source: client, Store: store,
		Wait: true, PollInterval: demoPoll, WaitTimeout: export.DefaultWaitTimeout,
		ToolVersion: version,
	}
	if cfg.Layout, err = manifest.ParseLayout(manifest.DefaultLayout); err != nil {
		return err
	}
	for _, f := range sinks.Formats() {
		enc, err := sinks.NewEncoding(f.Name, "")
		if err != nil {
			return err
		}
		cfg.Encodings = append(cfg.Encodings, enc)
	}

	fmt.Fprintf(p.stdout, "embedded API on %s, exporting %s to %s\n\n", listener.URL(), count(int64(len(ids)), "batch"), to.folder)
	var results []export.Result
	summary, err := export.Run(c.Context, cfg, ids, func(r export.Result) { results = append(results, r) })
	if err := joinOutcome(err, summary.Failed, summary.Ongoing); err != nil {
		for _, r := range results {
			if r.Err != nil {
				p.journal().tellError(r.Err, "batch failed")
			}
		}
		return err
	}
	slices.SortFunc(results, func(a, b export.Result) int {
		return slices.Index(ids, a.BatchID) - slices.Index(ids, b.BatchID)
	})
	p.demoTable(results)
	if err := p.demoRows(c, cfg.Store, results); err != nil {
		return err
	}
	p.demoNext(to.at, summary, api.Requests(""))
	return nil
}

// addDemoBatches gives the embedded API what the demonstration exports, and
// returns the ids.
func addDemoBatches(api *fakeapi.Server) []string {
	sample := fakeapi.Sample()
	large := fakeapi.Generate(fakeapi.GenerateID(demoSeed, 1), demoRows, demoSeed)
	slow := fakeapi.Generate(fakeapi.GenerateID(demoSeed, 2), demoOngoingRows, demoSeed+1)
	slow.OngoingPolls = demoPolls
	var ids []string
	for _, b := range []fakeapi.Batch{sample, large, slow} {
		api.Add(b)
		ids = append(ids, b.ID)
	}
	return ids
}

// demoTable shows what was written: a line for each batch.
func (p *program) demoTable(results []export.Result) {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BATCH\tOUTCOME\tROWS\tFILES\tBYTES\tTIME")
	for _, r := range results {
		var bytes int64
		for _, f := range r.Entry.Files {
			bytes += f.Bytes
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n",
			r.BatchID, r.Outcome, humanize.Comma(*r.Entry.Rows), len(r.Entry.Files), size(bytes), duration(r.Elapsed))
	}
	_ = w.Flush() // an error of the writer is kept by output
}

// demoRows shows the first rows of the first batch, from its CSV file.
func (p *program) demoRows(c *cli.Context, store sinks.Store, results []export.Result) error {
	file := results[0].Entry.Files["csv"]
	data, _, err := store.Get(c.Context, file.Path)
	if err != nil {
		return fmt.Errorf("read %s: %w", file.Path, err)
	}
	shown := []string{"index", "qualification", "email", "info_company_info_name", "raw_params_fullname", "custom"}
	fmt.Fprintf(p.stdout, "\nfirst rows of %s (%d of %d columns):\n", file.Path, len(shown), len(schema.EmailFind.Columns))
	rows := csv.NewReader(bytes.NewReader(data))
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	var columns []int
	for range 4 {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", file.Path, err)
		}
		if columns == nil {
			for _, name := range shown {
				for i, column := range row {
					if column == name {
						columns = append(columns, i)
					}
				}
			}
		}
		var cells []string
		for _, i := range columns {
			cells = append(cells, row[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // an error of the writer is kept by output
	return nil
}

// demoNext closes with what to do now.
func (p *program) demoNext(to string, s export.Summary, requests int) {
	if s.Exported == 0 {
		fmt.Fprintf(p.stdout, "\nnothing to do: %d batches were exported before, %d requests for results, no file written\n", s.Done, requests)
	} else {
		fmt.Fprintf(p.stdout, "\n%s exported in %s with %d requests for results\n", count(int64(s.Exported), "batch"), duration(s.Elapsed), requests)
	}
	fmt.Fprintln(p.stdout, "\nwhat next:")
	self, at := invocation(os.Args[0]), ""
	if to != demoTo {
		at = " --to " + shellWord(to)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, next := range [][2]string{
		{" demo" + at, "the same again: nothing is left to do"},
		{" status --to " + shellWord(to), "each batch, as the manifest has it"},
		{" verify --to " + shellWord(to), "read every file back and compare it with the manifest"},
		{" export --help", "your own batches: ENROW_API_KEY holds the key, BATCH_ID is what Enrow returned"},
	} {
		fmt.Fprintf(w, "  %s%s\t%s\n", self, next[0], next[1])
	}
	_ = w.Flush() // an error of the writer is kept by output
}

// fromGoRun finds the programs that go run makes, in a temporary folder or in its cache.
var fromGoRun = regexp.MustCompile(`(/go-build[0-9]+/b[0-9]+/exe|/[0-9a-f]{2}/[0-9a-f]{64}-d)/[^/]+$`)

// invocation returns the words that call the program again in the same directory, from
// the name that it was called by. The program that go run makes may be gone by then.
func invocation(called string) string {
	if !fromGoRun.MatchString(called) {
		return shellWord(called)
	}
	const dir = "cmd/enrow-export"
	if _, err := os.Stat(dir); err == nil {
		return "go run ./" + dir
	}
	return "go run enrow-export/" + dir
}

// plainWord is a word that a shell leaves as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// shellWord returns a word as it is typed in a shell.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
