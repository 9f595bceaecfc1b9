package page_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/page"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

// The page begins with whether all is well, in words, and with what is not.
func TestVerdict(t *testing.T) {
	find := &schema.EmailFind
	good := exported(find, "good", now.Add(-time.Hour), 10, 5, 100, 5, 0)
	dismissed := failed(find, "no", now, true, "why")
	dismissed.Entry.Dismissed = true
	ended := func(ago time.Duration, code int) []runs.Line {
		return []runs.Line{run(now.Add(-ago-time.Second), time.Second, code, 1, 1, 2, 0, 10)}
	}
	given := ended(time.Hour, 3)
	given[0].PermanentlyFailed = &runs.GivenUp{Count: 2}
	stopped := ended(time.Hour, 1)
	stopped[0].Error = "the key is refused"
	rest, silent := ended(time.Hour, 75), ended(time.Hour, 75)
	rest[0].NotTried = 181
	silent[0].Retries = 2
	silent[0].Requests, silent[0].Error = map[string]int64{"none": 3}, "no response from the API to 3 requests"
	root := func(batches ...manifest.Known) page.Data { return page.Data{Overview: overviewOf(batches...)} }
	with := func(d page.Data, all []runs.Line, s *page.Service) page.Data {
		d.Runs, d.Service = all, s
		return d
	}
	for name, c := range map[string]struct {
		d    page.Data
		want string // and what follows
		not  string
	}{
		"nothing":            {page.Data{}, "Nothing to show yet No batch was exported", "Last run "},
		"empty root":         {page.Data{To: "out", Overview: overviewOf()}, "Nothing to show yet No batch was exported or recorded here, and no run is known. Export a batch by the id that Enrow returned for it: enrow-export export --to out --report", ""},
		"odd name of a root": {page.Data{To: "a b", Overview: overviewOf()}, "Nothing to show yet No batch was exported or recorded here, and no run is known. Export a batch by the id that Enrow returned for it: enrow-export export --to ROOT --report", ""},
		"one":                {root(good), "All is well The one batch is exported.", "failed for good"},
		"dismissed":          {root(good, dismissed), "All is well 1 batch exported, 1 dismissed. Nothing is left to do.", ""},
		"on the way":         {root(good, known(find, "p", manifest.StatePending, now.Add(-time.Hour), nil)), "All is well 1 batch exported, 1 on the way.", ""},
		"waits long":         {root(good, known(find, "p", manifest.StateOngoing, now.Add(-7*time.Hour), nil)), "Worth a look The next run may well do what is left. The oldest batch has waited for 7 hours.", ""},
		"transient":          {root(good, failed(find, "f", now, false, "why")), "Worth a look The next run may well do what is left. 1 batch failed, and the next run with --pending tries again.", ""},
		"permanent":          {root(good, failed(find, "f", now, true, "why")), "Needs attention Something will not be done unless somebody acts. 1 batch has failed for good", ""},
		"unreadable":         {root(manifest.Known{Table: find, BatchID: "u", Err: fmt.Errorf("no JSON")}), "Needs attention Something will not be done unless somebody acts. 1 batch with an entry that cannot be used.", ""},
		"last run good":      {with(root(good), ended(time.Hour, 75), nil), "All is well The one batch is exported.", ""},
		"last run failed":    {with(root(good), ended(time.Hour, 3), nil), "Worth a look The next run may well do what is left. 2 batches failed in the last run.", ""},
		"told once":          {with(root(failed(find, "f", now, false, "why")), ended(time.Hour, 3), nil), "Worth a look The next run may well do what is left. 1 batch failed, and", "failed in the last run"},
		"interrupted":        {with(root(good), ended(time.Hour, 130), nil), "Worth a look The next run may well do what is left. The last run was interrupted.", ""},
		"stopped":            {with(root(good), stopped, nil), "Needs attention Something will not be done unless somebody acts. The last run stopped before its end: the key is refused", ""},
		"rest":               {with(root(good), rest, nil), "Worth a look The next run may well do what is left. The last run did not try 181 batches.", "nothing is left"},
		"rest, runs alone":   {with(page.Data{}, rest, nil), "Worth a look The next run may well do what is left. The last run did not try 181 batches.", ""},
		"silent API":         {with(root(good), silent, nil), "Worth a look The next run may well do what is left. The API did not respond to the last run.", "was interrupted"},
		"quiet":              {with(root(good), ended(50*time.Hour, 0), nil), "Worth a look The next run may well do what is left. No run has ended for 2 days.", ""},
		"runs alone":         {with(page.Data{}, ended(time.Hour, 0), nil), "All is well The last of 1 run did what it was to do.", "Oldest waiting"},
		"runs that gave up":  {with(page.Data{}, given, nil), "Needs attention Something will not be done unless somebody acts. 2 batches have failed for good: somebody has to decide about them. 2 batches failed in the last run.", ""},
		"not ready":          {with(root(good), nil, &page.Service{Why: "the root is gone", Since: now}), "Needs attention Something will not be done unless somebody acts. The service is not ready: the root is gone Service running since 2 Mar 2026, 12:00 UTC Next run a run is under way", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.d.Now = now
			said := text(pageOf(t, c.d))
			_, after, _ := strings.Cut(said, "as of 2 Mar 2026, 12:00 UTC ")
			if !strings.HasPrefix(after, c.want) {
				t.Errorf("the page begins with %.400q, not with %q", after, c.want)
			}
			if c.not != "" && strings.Contains(after, c.not) {
				t.Errorf("the page says %q", c.not)
			}
		})
	}
}

// A failed batch has the hint of the last run that met it, and its group says what to do.
func TestFailuresSayWhatToDo(t *testing.T) {
	find := &schema.EmailFind
	hinted := func(hint string) runs.Line {
		r := run(now.Add(-time.Hour), time.Second, 3, 1, 0, 1, 0, 0)
		r.Failures = []runs.Failure{
			{BatchID: "again", Kind: find.Kind, Error: "why", Hint: hint},
			{BatchID: "done", Kind: find.Kind, Error: "e", Hint: "outdated"},
			{BatchID: "never", Kind: find.Kind, Error: "e", Hint: "of another failure", Permanent: true},
		}
		return r
	}
	d := page.Data{
		To: "out", Now: now, Runs: []runs.Line{hinted("the first hint"), hinted("the last hint")},
		Overview: overviewOf(failed(find, "never", now, true, "why"), failed(find, "again", now, false, "why"), manifest.Known{Table: find, BatchID: "broken", Err: fmt.Errorf("no JSON")}, exported(find, "done", now, 1, 1, 1, 1, 1)),
	}
	section := func(d page.Data) string {
		_, after, _ := strings.Cut(text(pageOf(t, d)), " Failures ")
		section, _, _ := strings.Cut(after, " Keys without a column ")
		return section
	}
	inOrder(t, section(d),
		"Need a decision", "enrow-export dismiss --to out BATCH_ID", "enrow-export export --to out --pending --retry-failed", "never", "why",
		"Entries that cannot be used", "enrow-export status --to out", "broken", "no JSON",
		"Tried again", "The next run with --pending asks for these batches again", "again email-find why Hint: the last hint")
	if said := section(d); strings.Contains(said, "the first hint") || strings.Contains(said, "outdated") || strings.Contains(said, "another failure") {
		t.Errorf("the page has an old failure: %s", said)
	}
	d.Overview = nil
	inOrder(t, section(d), "Need a decision", "never email-find e", "Tried again", "give --to, too", "again email-find why Hint: the last hint", "done email-find e Hint: outdated")
}

func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q is not there, or not in its place: %s", part, text)
			return
		}
		rest = after
	}
}

// What no column declares is summed over the runs, the most frequent first.
func TestKeysWithoutAColumn(t *testing.T) {
	d := typical()
	_, after, _ := strings.Cut(text(pageOf(t, d)), " Keys without a column ")
	inOrder(t, after, "in the last 24 runs", "info.seniority unknown 1,234", "index misfit 2", "Last runs")
}

// The days of a page without a manifest are those of the runs.
func TestDaysOfRuns(t *testing.T) {
	d := page.Data{Now: now, Runs: []runs.Line{
		run(now.Add(-day), time.Second, 0, 1, 2, 0, 0, 100), run(now.Add(-day+time.Hour), time.Second, 0, 1, 0, 0, 0, 0),
		run(now.Add(-time.Hour), time.Second, 0, 1, 1, 0, 0, 30), run(now.Add(-time.Minute), time.Second, 0, 1, 1, 0, 0, 20),
	}}
	_, after, _ := strings.Cut(text(pageOf(t, d)), "Numbers of Rows by day")
	inOrder(t, after, "2026-03-02 2 50 4.4 KiB", "2026-03-01 2 100 8.8 KiB", "All days 4 150", "Found rate by day", "2026-03-02 33 50 66.0 %")
}
