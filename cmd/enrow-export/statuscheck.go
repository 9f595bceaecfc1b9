package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/overview"
)

// checkFlags are the flags of status --check.
func checkFlags() []*flagDef {
	return []*flagDef{
		boolFlag("check", "print one line, OK or FAILED, for Nagios and other monitors").
			more("It fails when a batch has failed permanently and is not dismissed, when an entry cannot be read, and when an id that is given is not in the manifest."),
		durationFlag("max-age", 0, "with --check: most time since a batch was exported last", notNegative).or("no limit").
			more("0 is no limit."),
		durationFlag("max-pending-age", 0, "with --check: most time that a batch may wait", notNegative).or("no limit").
			more("0 is no limit. A batch waits from the time at which it was recorded until it is exported or permanently failed."),
	}
}

// checkCheck refuses what goes with --check alone, and what does not go with it.
func checkCheck(c *cli.Context) error {
	for _, name := range []string{"max-age", "max-pending-age"} {
		if !c.Bool("check") && c.Duration(name) > 0 {
			return usagef("add --check", "--%s needs --check", name)
		}
	}
	if c.Bool("check") && (c.String("output") == "json" || len(given(c, "state")) > 0) {
		return usagef("leave it out", "--output json and --state do not go with --check, which prints one line of text")
	}
	return nil
}

// check prints whether all is well with a root, in one line. err says why nothing of it
// can be looked at.
func (p *program) check(c *cli.Context, batches selection, err error) error {
	figures, unknown := overview.NewBuilder(time.Now()), 0
	if err == nil {
		for known, failed := range batches.each {
			if err = failed; err != nil {
				break
			}
			if known.Entry == nil && known.Err == nil {
				unknown++
			}
			figures.Add(known)
		}
	}
	switch {
	case c.Err() != nil:
		return context.Cause(c.Context)
	case err != nil && exitCode(err) == exitStopped:
		text := "FAILED: " + err.Error()
		if h := hint(err); h != "" {
			text += " (" + h + ")"
		}
		fmt.Fprintln(plain{p.stdout}, oneLine(text))
		return errUnfit
	case err != nil:
		return err
	}
	o := figures.Overview()
	faults := faultsOf(o, unknown, c.Duration("max-age"), c.Duration("max-pending-age"))
	verdict := "OK: "
	if faults != nil {
		verdict = "FAILED: " + strings.Join(faults, ", ") + "; "
	}
	fmt.Fprintln(p.stdout, verdict+figuresOf(o))
	return joinOutcome(nil, len(faults), 0)
}

// faultsOf returns the faults of a root. A limit of 0 is no limit.
func faultsOf(o *overview.Overview, unknown int, maxAge, maxPendingAge time.Duration) []string {
	all := o.Total()
	var faults []string
	for _, f := range []struct {
		n    int
		what string
	}{
		{all.NeedAttention, "permanently failed"}, {all.Unreadable, "with an entry that cannot be read"}, {unknown, "not in the manifest"},
	} {
		if f.n > 0 {
			faults = append(faults, count(int64(f.n), "batch")+" "+f.what)
		}
	}
	if waits := age(o, all.OldestWaiting); maxPendingAge > 0 && waits > maxPendingAge {
		faults = append(faults, fmt.Sprintf("a batch waits for more than %s", shortDuration(maxPendingAge)))
	}
	switch newest := age(o, o.LastExport); {
	case maxAge == 0:
	case o.LastExport.IsZero() && all.Exported > 0:
		faults = append(faults, "a wrong clock has put all exports into the future")
	case o.LastExport.IsZero():
		faults = append(faults, "no batch is exported")
	case newest > maxAge:
		faults = append(faults, fmt.Sprintf("no batch was exported for more than %s", shortDuration(maxAge)))
	}
	return faults
}

// figuresOf says how many batches are in which state, and how old they are.
func figuresOf(o *overview.Overview) string {
	all := o.Total()
	var parts []string
	for _, f := range []struct {
		n    int
		what string
	}{
		{all.Exported, "exported"},
		{all.Pending, "pending"},
		{all.Ongoing, "ongoing"},
		{all.Failed, "transiently failed"},
		{all.NeedAttention, "permanently failed"},
		{all.Dismissed, "dismissed"},
		{all.Unreadable, "unreadable"},
	} {
		if f.n > 0 || f.what == "exported" {
			parts = append(parts, humanize.Comma(int64(f.n))+" "+f.what)
		}
	}
	if !all.OldestWaiting.IsZero() {
		parts = append(parts, "oldest pending "+roughly(age(o, all.OldestWaiting)))
	}
	if !o.LastExport.IsZero() {
		parts = append(parts, "newest export "+roughly(age(o, o.LastExport))+" ago")
	}
	return strings.Join(parts, ", ")
}

// age returns how long ago a time was, 0 for one that is none, or that a wrong clock has
// put into the future.
func age(o *overview.Overview, since time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(o.At.Sub(since), 0)
}

// roughly writes an age in minutes, or in seconds below one.
func roughly(d time.Duration) string {
	if d < time.Minute {
		return d.Truncate(time.Second).String()
	}
	return shortDuration(d.Truncate(time.Minute))
}
