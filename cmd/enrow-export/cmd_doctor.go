package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/compact"
	"enrow-export/pipeline/doctor"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sources"
)

func (p *program) doctorCommand() command {
	return command{
		name:   "doctor",
		topic:  topicLook,
		noArgs: "it checks roots, not batches",
		usage:  "check the key, this machine and the destination",
		description: "It prints a line for each check, and what to do where one failed. Without --to and --into: " +
			"the API and this machine alone. In a root it creates small objects of its own, and removes them. " +
			"A race of 32 writers shows whether the store keeps the conditions that exports rely on. " +
			"It changes nothing else, and spends no credits.",
		examples: []example{
			{"the key, this machine and a directory", "enrow-export doctor --to out"},
			{"both roots of compact, as JSON", "enrow-export doctor --to gs://bucket/enrow \\\n    --into gs://bucket/packed --output json"},
		},
		page: "doctor.md",
		exits: exitCodes(
			exit{"0", "no check failed; there may be warnings"},
			exit{"1", "some checks failed"},
		),
		groups: []flagGroup{
			{"What to check", doctorRoots()},
			storeGroup(writes),
			{"The API", []*flagDef{apiURLFlag(), apiKeyFileFlag()}},
			{"Output", []*flagDef{outputFlag()}},
		},
		action: p.doctor,
	}
}

// doctorRoots are the flags of roots, which may be left out here.
func doctorRoots() []*flagDef {
	flags := toFlags()
	flags[0].required = false
	into := textFlag("into", "ROOT", "", "another root, such as the one of compact").directory()
	return append([]*flagDef{flags[0], into}, flags[1:]...)
}

// doctorLine is a line about one check in the JSON form of doctor. verify has taken the
// type "check".
type doctorLine struct {
	Type   string        `json:"type"` // "doctor"
	Check  string        `json:"check"`
	Flag   string        `json:"flag,omitempty"` // of the root: to, into
	Root   string        `json:"root,omitempty"`
	Status doctor.Status `json:"status"`
	Found  string        `json:"found"`
	Hint   string        `json:"hint,omitempty"`
}

// doctorSummaryLine closes the JSON form of doctor.
type doctorSummaryLine struct {
	Type       string `json:"type"` // "doctor_summary"
	OK         int    `json:"ok"`
	Warnings   int    `json:"warnings"`
	Failed     int    `json:"failed"`
	NotChecked int    `json:"not_checked"`
}

func (p *program) doctor(c *cli.Context) error {
	ui := p.newUI(c)
	cfg := doctor.Config{APIURL: c.String("api-url"), Spool: compact.DefaultTargetSize, Timeout: c.Duration("store-timeout")}
	at := make(map[string]string) // roots, by their flag
	for _, flag := range []string{"to", "into"} {
		if c.String(flag) == "" {
			continue
		}
		to, err := rootOf(c, flag)
		if err != nil {
			return err
		}
		root, done := to.examined(c)
		defer done()
		cfg.Roots = append(cfg.Roots, root)
		at[flag] = to.at
	}
	client, err := doctorClient(c)
	switch {
	case c.Err() != nil:
		return context.Cause(c.Context)
	case err != nil:
		cfg.KeyErr = err
	case client != nil:
		defer client.Close()
		cfg.API = client
	}
	summary := doctorSummaryLine{Type: "doctor_summary"}
	if err := doctor.Run(c.Context, cfg, func(found doctor.Check) {
		ui.diagnosed(found, at[found.Root], &summary)
	}); err != nil {
		return err
	}
	ui.line(summary, "%s", summary.text())
	if summary.Failed > 0 {
		return errUnfit
	}
	return nil
}

// diagnosed tells of one check, and counts it.
func (u *ui) diagnosed(found doctor.Check, root string, summary *doctorSummaryLine) {
	switch found.Status {
	case doctor.OK:
		summary.OK++
	case doctor.Warning:
		summary.Warnings++
	case doctor.Failed:
		summary.Failed++
	default:
		summary.NotChecked++
	}
	l := doctorLine{"doctor", found.Name, found.Root, root, found.Status, found.Found, found.Hint}
	if advice := hint(found.Err); advice != "" {
		l.Hint = advice
	}
	name := found.Name
	if found.Root != "" {
		name = "--" + found.Root + " " + name
	}
	text := fmt.Sprintf("%-11s  %-19s  %s", found.Status, name, oneLine(found.Found))
	if l.Hint != "" {
		text += "\n" + strings.Repeat(" ", 34) + "hint: " + oneLine(l.Hint)
	}
	u.line(l, "%s", text)
}

// text is the summary in words.
func (s doctorSummaryLine) text() string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{s.Failed, "failed"}, {s.Warnings, "with a warning"}, {s.OK, "OK"}, {s.NotChecked, "not checked"}} {
		if part.n > 0 {
			parts = append(parts, humanize.Comma(int64(part.n))+" "+part.what)
		}
	}
	return fmt.Sprintf("%s: %s", count(int64(s.OK+s.Warnings+s.Failed+s.NotChecked), "check"), strings.Join(parts, ", "))
}

// doctorClient returns a client of the API, nil if no key is given. A machine that only
// loads a warehouse has none.
func doctorClient(c *cli.Context) (*sources.Client, error) {
	if os.Getenv("ENROW_API_KEY") == "" && c.String("api-key-file") == "" {
		return nil, nil
	}
	key, from, err := apiKey(c.Context, c.String("api-key-file"), c.String("api-url"))
	if err != nil {
		return nil, err
	}
	client, err := sources.NewClient(sources.Config{
		BaseURL: c.String("api-url"), Key: key, KeyFrom: from,
		RequestTimeout: min(c.Duration("store-timeout"), sources.DefaultRequestTimeout), UserAgent: userAgent,
	})
	if err != nil {
		return nil, usagef("check the key in ENROW_API_KEY or in the file of --api-key-file", "%v", err)
	}
	return client, nil
}

// examined opens a root for doctor. The caller calls done in the end. What is wrong with
// the root is not an error, but something that doctor finds.
func (r root) examined(c *cli.Context) (found doctor.Root, done func()) {
	found = doctor.Root{Flag: r.flag, At: r.at, Flags: r.typedFlags(), Service: r.service(), SingleWriter: c.Bool("single-writer")}
	remove := func() {}
	if r.folder != "" {
		remove, found.Missing, found.OpenErr = r.standIn()
	}
	var err error
	for _, store := range []*sinks.Store{&found.Store, &found.Rival} {
		if found.OpenErr != nil {
			break
		}
		if *store, err = r.open(); err != nil {
			found.OpenErr = err
		}
	}
	found.OpenHint = hint(found.OpenErr)
	return found, func() {
		for _, store := range []sinks.Store{found.Store, found.Rival} {
			if store != nil {
				closeStore(store)
			}
		}
		remove()
	}
}

// standIn replaces a directory without a manifest by a temporary one in it, or next to
// where it would be: doctor is to leave neither a directory nor lock files behind. A
// directory that has a manifest stays.
func (r *root) standIn() (remove func(), replaced bool, err error) {
	nothing := func() {}
	if info, err := os.Stat(filepath.Join(r.folder, "_manifest")); err == nil && info.IsDir() {
		return nothing, false, nil
	}
	dir := r.folder
	for {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() {
			break
		}
		above := filepath.Dir(dir)
		switch {
		case err == nil, errors.Is(err, syscall.ENOTDIR), above == dir:
			return nothing, false, local.NotDirectory(r.folder)
		case !errors.Is(err, os.ErrNotExist):
			return nothing, false, err
		}
		dir = above
	}
	temporary, err := os.MkdirTemp(dir, ".enrow-export-doctor-")
	if err != nil {
		return nothing, false, fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	r.folder = temporary
	return func() { _ = os.RemoveAll(temporary) }, true, nil // it is empty but for locks
}
