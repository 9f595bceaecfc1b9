package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

// Limits of lists.
const (
	mostRuns    = 20 // in the table of the last runs
	mostBars    = 60 // in the chart of their durations
	mostBatches = 50 // in a list of batches
	mostPaths   = 50 // that no column declares

	unfoldedRuns = 10
	unfolded     = 5 // of other lists
)

// view is a page as the template writes it.
type view struct {
	Policy   string
	Style    template.HTML
	Title    string
	To       string
	Version  string
	Now      stamp
	Verdict  verdict
	Facts    []fact
	Cards    []card
	Charts   []chart
	Known    bool // the batches of the root
	Waiting  list[batch]
	Failed   []failed
	Runs     list[run]
	Read     bool // responses, in one of the runs
	RunCount string
	Unknown  list[unknown]
}

// list is the first rows of a table, and the others, which are folded away.
type list[T any] struct {
	Shown, Folded rows[T]
	More          int // that are not on the page
}

// rows are a table of their own. Label tells it from all others on the page.
type rows[T any] struct {
	Label string
	All   []T
}

func listOf[T any](label string, all []T, shown, more int) list[T] {
	shown = min(len(all), shown)
	return list[T]{rows[T]{label, all[:shown]}, rows[T]{label + ", continued", all[shown:]}, more}
}

type (
	// fact is a line under the verdict.
	fact struct {
		Name string
		When stamp
		Text string
	}
	// card is one key figure.
	card struct{ Name, Value, Note, Class string }
	// batch is one in a list.
	batch struct {
		ID, Kind, State string
		Since           stamp
		Age, Attempts   string
		Error, Hint     string
	}
	// unknown is a path that no column declares.
	unknown struct{ Path, Reason, Count string }
)

func newView(d Data) view {
	v := view{
		Policy: policy(), Style: template.HTML("<style>" + style + "</style>"),
		Title: clip(d.Title, mostName), To: clip(d.To, mostError), Version: clip(d.Version, mostName), Now: moment(d.Now),
		Verdict: newVerdict(d), Facts: facts(d), Known: d.Overview != nil,
		Failed: failures(d), RunCount: runCount(d.Runs),
	}
	known := daysOfRuns(d.Runs)
	if o := d.Overview; o != nil {
		known = o.Days
		all := o.Total()
		v.Cards = rootCards(all, d.Now)
		v.Charts = append(v.Charts, statesChart(o, all), sizesChart(o))
		var waiting []batch
		for _, b := range o.Waiting[:min(len(o.Waiting), mostBatches)] {
			waiting = append(waiting, batchOf(b, d.Now))
		}
		v.Waiting = listOf("Waiting batches", waiting, unfolded, all.Waiting()-len(waiting))
	} else if len(d.Runs) > 0 {
		v.Cards = runCards(d.Runs)
	}
	v.Charts = append(v.Charts, daysOf(known, d.Now).charts()...)
	v.Charts = append(v.Charts, durationsChart(d.Runs))
	var last []run
	for i := len(d.Runs) - 1; i >= 0 && len(last) < mostRuns; i-- {
		last = append(last, newRun(d.Runs[i], d.To))
	}
	v.Runs = listOf("Runs", last, unfoldedRuns, 0)
	v.Unknown = unknownFields(d.Runs)
	v.Read = slices.ContainsFunc(d.Runs, func(l runs.Line) bool { return l.Exported > 0 })
	return v
}

// runCount returns the runs as the end of "in ...".
func runCount(all []runs.Line) string {
	switch len(all) {
	case 0:
		return ""
	case 1:
		return "the last run"
	}
	return "the last " + count(len(all), "run")
}

// facts are the lines under the verdict.
func facts(d Data) []fact {
	var all []fact
	if s := d.Service; s != nil {
		all = append(all, fact{"Service", moment(s.Since), "running since"})
		if s.NextRun.IsZero() {
			all = append(all, fact{"Next run", stamp{}, "a run is under way"})
		} else {
			all = append(all, fact{"Next run", moment(s.NextRun), ""})
		}
		if !s.Then.IsZero() {
			all = append(all, fact{"Command", moment(s.Then), "--then has been running since"})
		}
		all = append(all, fact{"Announced", stamp{}, count(s.Announced, "batch") + " by webhook"})
	}
	if n := len(d.Runs); n > 0 {
		last := d.Runs[n-1]
		word, _ := outcome(last)
		all = append(all, fact{"Last run", moment(last.FinishedAt), fmt.Sprintf("%s, %s exported in %s, ended", word, count(last.Exported, "batch"), span(last.Took()))})
	}
	if d.Overview != nil && !d.Overview.LastExport.IsZero() {
		all = append(all, fact{"Last export", moment(d.Overview.LastExport), ""})
	}
	return all
}

// rootCards are the key figures of a root.
func rootCards(all overview.Kind, now time.Time) []card {
	waiting := card{Name: "Waiting", Value: whole(all.Waiting()), Note: "no known batch waits"}
	if !all.OldestWaiting.IsZero() {
		waiting.Note = "the oldest for " + about(now.Sub(all.OldestWaiting))
	}
	attention := card{Name: "Need attention", Value: whole(all.NeedAttention + all.Unreadable), Note: "none given up"}
	if all.NeedAttention+all.Unreadable > 0 {
		attention.Class, attention.Note = "bad", "see the failures below"
	} else if all.Dismissed > 0 {
		attention.Note = whole(all.Dismissed) + " dismissed"
	}
	return []card{
		{Name: "Exported batches", Value: whole(all.Exported), Note: "of " + whole(all.Total()) + " that are known"},
		waiting,
		attention,
		{Name: "Rows", Value: whole(all.Rows), Note: size(all.Bytes) + " of data files"},
		{Name: "Found", Value: percent(all.Found, all.FoundOf), Note: foundNote(all.Found, all.FoundOf)},
		{Name: "Credits spent", Value: figure(all.Spent), Note: figure(all.Refunded) + " refunded"},
	}
}

func foundNote(found, of int64) string {
	if of == 0 {
		return "not said of any row"
	}
	return fmt.Sprintf("%s of %s", whole(found), count(of, "row"))
}

func batchOf(b overview.Batch, now time.Time) batch {
	shown := batch{ID: clip(b.BatchID, mostName), Kind: clip(b.Kind, mostName), State: clip(string(b.State), mostName), Since: at(b.Since), Attempts: "–", Error: clip(b.Error, mostError)}
	if b.Attempts > 0 {
		shown.Attempts = whole(b.Attempts)
	}
	if !b.Since.IsZero() {
		shown.Age = about(now.Sub(b.Since))
	}
	return shown
}

// statesChart shows the batches of each kind by state.
func statesChart(o *overview.Overview, all overview.Kind) chart {
	states := []struct {
		name, class string
		of          func(overview.Kind) int
	}{
		{"Exported", "c-main", func(k overview.Kind) int { return k.Exported }},
		{"Pending", "c-wait", func(k overview.Kind) int { return k.Pending }},
		{"Ongoing at Enrow", "c-ongoing", func(k overview.Kind) int { return k.Ongoing }},
		{"Failed, tried again", "c-look", func(k overview.Kind) int { return k.Failed }},
		{"Need attention", "c-bad", func(k overview.Kind) int { return k.NeedAttention }},
		{"Dismissed", "c-off", func(k overview.Kind) int { return k.Dismissed }},
		{"Unreadable entry", "c-unread", func(k overview.Kind) int { return k.Unreadable }},
	}
	t := table{Caption: "Batches by state and kind", Heads: []string{"State"}}
	var names []string
	bars := make([][]part, len(o.Kinds))
	for i, k := range o.Kinds {
		names = append(names, clip(k.Kind, mostName))
		t.Heads = append(t.Heads, names[i])
		for _, s := range states {
			bars[i] = append(bars[i], part{s.of(k), s.class, s.name + ": " + whole(s.of(k))})
		}
	}
	cells := func(of func(overview.Kind) int) []string {
		var texts []string
		for _, k := range o.Kinds {
			texts = append(texts, whole(of(k)))
		}
		if len(o.Kinds) > 1 {
			texts = append(texts, whole(of(all)))
		}
		return texts
	}
	if len(o.Kinds) > 1 {
		t.Heads = append(t.Heads, "All kinds")
	}
	c := across("states", "Batches by state and kind", "Batches of each kind, divided by their state. All bars have the same scale, which begins at 0. Parts that are too small to be seen are drawn wider.", names, bars)
	for _, s := range states {
		if s.of(all) > 0 {
			c.Legend = append(c.Legend, legend{s.class, s.name})
		}
		t.Rows = append(t.Rows, row{Head: s.name, Cells: cells(s.of)})
	}
	t.Sum = &row{Head: "All states", Cells: cells(func(k overview.Kind) int { return k.Total() })}
	c.Table = t
	if len(o.Kinds) == 0 {
		c.Empty, c.Table = "There is no batch yet.", table{}
	}
	return c
}

// sizesChart shows how large batches are.
func sizesChart(o *overview.Overview) chart {
	t := table{Caption: "Exported batches by size", Heads: []string{"Data files of a batch", "Batches"}}
	var names []string
	var bars [][]part
	from, sum := int64(0), 0
	for _, s := range o.Sizes {
		name := "from " + size(from) + " to " + size(s.Below)
		switch {
		case s.Below == 0:
			name = size(from) + " and more"
		case from == 0:
			name = "less than " + size(s.Below)
		}
		names = append(names, name)
		bars = append(bars, []part{{s.Batches, "c-main", name + ": " + count(s.Batches, "batch")}})
		t.Rows = append(t.Rows, row{Head: name, Cells: []string{whole(s.Batches)}})
		from, sum = s.Below, sum+s.Batches
	}
	t.Sum = &row{Head: "All sizes", Cells: []string{whole(sum)}}
	c := across("sizes", "Sizes of batches", "Exported batches by the size of their data files, all formats of a batch together.", names, bars)
	c.Table = t
	if sum == 0 {
		c.Empty, c.Table = "No batch is exported yet.", table{}
	}
	return c
}

// unknownFields counts the fields that no column declares, the most frequent first.
func unknownFields(all []runs.Line) list[unknown] {
	type field struct {
		path   string
		reason schema.Reason
	}
	counts := make(map[field]int64)
	for _, r := range all {
		for _, f := range r.UnknownFields {
			counts[field{f.Path, f.Reason}] += f.Count
		}
	}
	var fields []field
	for f := range counts {
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b field) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.path, b.path), cmp.Compare(a.reason, b.reason))
	})
	var first []unknown
	for _, f := range fields[:min(len(fields), mostPaths)] {
		first = append(first, unknown{clip(f.path, mostName), clip(string(f.reason), mostName), whole(counts[f])})
	}
	return listOf("Keys without a column", first, unfolded, len(fields)-len(first))
}
