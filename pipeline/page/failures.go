package page

import (
	"enrow-export/pipeline/runs"
)

// failed is a group of failed batches, and what to do about all of them.
type failed struct {
	Name, Class string
	Advice      string
	Steps       []step
	Batches     []batch
	More        int
}

var (
	decide = []step{
		{"It was made by mistake, or its results do not matter", "enrow-export dismiss --to ROOT BATCH_ID"},
		{"The cause is gone: try all of them once more", "enrow-export export --to ROOT --pending --retry-failed"},
	}
	repair = []step{{"See why each entry cannot be used", "enrow-export status --to ROOT"}}
)

type named struct{ kind, id string }

// failures returns the failed batches in groups, those that somebody has to decide about
// first. A batch has the hint of the last run in which it failed.
func failures(d Data) []failed {
	last := make(map[named]runs.Failure)
	var order []named // the last one first
	for i := len(d.Runs) - 1; i >= 0; i-- {
		for _, f := range d.Runs[i].Failures {
			key := named{f.Kind, f.BatchID}
			if _, seen := last[key]; !seen {
				last[key] = f
				order = append(order, key)
			}
		}
	}
	attention := failed{Name: "Need a decision", Class: classBad, Advice: "Enrow has no results for these batches, and no run asks for them again.", Steps: decide}
	again := failed{Name: "Tried again", Class: classLook, Advice: "The next run with --pending asks for these batches again. There is nothing to do, unless they fail for days."}
	unreadable := failed{Name: "Entries that cannot be used", Class: classBad, Advice: "Somebody else has written to the manifest, or a newer version of the program has.", Steps: repair}
	if d.Overview == nil {
		again.Advice = "These batches failed in a run. Whether a later run has exported them stands in the manifest: give --to, too."
		for _, key := range order {
			f := last[key]
			group := &again
			if f.Permanent {
				group = &attention
			}
			group.add(batch{ID: clip(f.BatchID, mostName), Kind: clip(f.Kind, mostName), Error: clip(f.Error, mostError), Hint: clip(f.Hint, mostError)})
		}
		return notEmpty(attention, again)
	}
	for _, b := range d.Overview.Failed {
		shown := batchOf(b, d.Now)
		if f, ok := last[named{b.Kind, b.BatchID}]; ok {
			shown.Hint = clip(f.Hint, mostError)
		}
		switch {
		case b.State == "":
			unreadable.add(shown)
		case b.NeedAttention:
			attention.add(shown)
		default:
			again.add(shown)
		}
	}
	all := d.Overview.Total()
	attention.More = all.NeedAttention - len(attention.Batches)
	again.More = all.Failed - len(again.Batches)
	unreadable.More = all.Unreadable - len(unreadable.Batches)
	return notEmpty(attention, unreadable, again)
}

func (f *failed) add(b batch) {
	if len(f.Batches) == mostBatches {
		f.More++
		return
	}
	f.Batches = append(f.Batches, b)
}

func notEmpty(groups ...failed) []failed {
	var some []failed
	for _, g := range groups {
		if len(g.Batches)+g.More > 0 {
			some = append(some, g)
		}
	}
	return some
}
