package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

// mark is what a script made with --only-new says, in its second line and in its
// last: up to when it loads what, and where that is noted.
type mark struct {
	Watermark string               `json:"watermark"`
	Dialect   string               `json:"dialect"`
	Root      string               `json:"root"`
	UpTo      map[string]time.Time `json:"up_to"` // by table
}

const markPrefix = "-- enrow-export-watermark "

// readSince has cfg choose what was exported since the watermark, and m say up to
// when that is.
func (m *mark) readSince(ctx context.Context, cfg *pipeline.LoadConfig) error {
	w, err := pipeline.ReadWatermark(ctx, cfg.Store, m.Watermark)
	if err != nil {
		return err
	}
	m.UpTo = make(map[string]time.Time)
	for _, t := range cfg.Tables {
		cfg.Since[t.Name] = w.Tables[t.Name]
		m.UpTo[t.Name] = time.Now().UTC().Add(-pipeline.WatermarkSlack).Truncate(time.Millisecond)
	}
	return nil
}

// line returns the mark as a comment of SQL.
func (m mark) line() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and times have a JSON form
	}
	return markPrefix + string(text) + "\n"
}

// confirmLoad notes that a script has run.
func (p *program) confirmLoad(c *cli.Context, to root, want mark, file string) error {
	if c.NArg() > 0 || c.Bool("only-new") || c.String("since") != "" || c.String("format") != "" {
		return usagef("the script says what it has loaded", "--loaded goes with --dialect, --to and --watermark alone")
	}
	got, err := readMark(file)
	if err != nil {
		return usagef("give the file that load-sql --only-new has printed, whole", "--loaded: %v", err)
	}
	for _, differs := range []struct{ what, got, want string }{
		{"dialect", got.Dialect, want.Dialect}, {"destination", got.Root, want.Root}, {"watermark", got.Watermark, want.Watermark},
	} {
		if differs.got != differs.want {
			return usagef("", "--loaded: %s was made for the %s %s, not %s", file, differs.what, differs.got, differs.want)
		}
	}
	for table := range got.UpTo {
		if !slices.ContainsFunc(schema.Tables(), func(t *schema.Table) bool { return t.Name == table }) {
			return usagef("", "--loaded: %s is of an unknown table", file)
		}
	}
	store, err := to.openExisting()
	if err != nil {
		return err
	}
	defer closeStore(store)
	w, err := pipeline.AdvanceWatermark(c.Context, store, got.Watermark, got.UpTo)
	if err != nil {
		return err
	}
	for _, t := range schema.Tables() {
		if _, ok := got.UpTo[t.Name]; ok {
			fmt.Fprintf(p.stdout, "%s is loaded up to %s\n", t.Name, w.Tables[t.Name].Format(time.RFC3339))
		}
	}
	return nil
}

// readMark returns the mark of a script, which must be in its last line, too.
func readMark(file string) (mark, error) {
	var m mark
	f, err := os.Open(file)
	if err != nil {
		return m, err
	}
	defer f.Close()
	first, last := "", ""
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, markPrefix) && first == "" {
			first = line
		}
		if line != "" {
			last = line
		}
		if err != nil {
			break
		}
	}
	if first == "" {
		return m, fmt.Errorf("%s has no watermark: it was not made with --only-new", file)
	}
	if last != first {
		return m, fmt.Errorf("%s is not whole: its last line is another", file)
	}
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(first, markPrefix)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || len(m.UpTo) == 0 {
		return m, fmt.Errorf("%s has a watermark that cannot be read", file)
	}
	return m, nil
}
