package page

import "enrow-export/pipeline/runs"

// failed is a group of failed batches, and what to do about all of them.
type failed struct {
	Name, Class string
	Advice      string
	Steps       []step
	Batches     list[batch]
	all         []batch
}

type named struct{ kind, id string }

// failures returns the failed batches in groups, those that somebody has to decide about
// first. A batch has the hint of the last run in which it failed, if it was that failure.
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
	attention := failed{Name: "Need a decision", Class: classBad, Advice: "Asking again does not help these batches as they are, so no run does, until somebody decides.", Steps: steps(d.To,
		"It was made by mistake, or its results do not matter", "enrow-export dismiss --to ROOT BATCH_ID",
		"The cause is gone: try all of them once more", "enrow-export export --to ROOT --pending --retry-failed")}
	again := failed{Name: "Tried again", Class: classLook, Advice: "The next run with --pending asks for these batches again. There is nothing to do, unless they fail for days."}
	unreadable := failed{Name: "Entries that cannot be used", Class: classBad, Advice: "Somebody else has written to the manifest, or a newer version of the program has.", Steps: steps(d.To,
		"See why each entry cannot be used", "enrow-export status --to ROOT")}
	if d.Overview == nil {
		again.Advice = "These batches failed in a run. Whether a later run has exported them stands in the manifest: give --to, too."
		for _, key := range order {
			f := last[key]
			group := &again
			if f.Permanent {
				group = &attention
			}
			group.all = append(group.all, batch{ID: clip(f.BatchID, mostName), Kind: clip(f.Kind, mostName), Error: clip(f.Error, mostError), Hint: clip(f.Hint, mostError)})
		}
		return notEmpty(attention.of(len(attention.all)), again.of(len(again.all)))
	}
	for _, b := range d.Overview.Failed {
		shown := batchOf(b, d.Now)
		if f, ok := last[named{b.Kind, b.BatchID}]; ok && f.Error == b.Error {
			shown.Hint = clip(f.Hint, mostError)
		}
		switch {
		case b.State == "":
			unreadable.all = append(unreadable.all, shown)
		case b.NeedAttention:
			attention.all = append(attention.all, shown)
		default:
			again.all = append(again.all, shown)
		}
	}
	all := d.Overview.Total()
	return notEmpty(attention.of(all.NeedAttention), unreadable.of(all.Unreadable), again.of(all.Failed))
}

// of returns the group, of so many batches.
func (f failed) of(total int) failed {
	named := f.all[:min(len(f.all), mostBatches)]
	f.Batches = listOf("Failed batches: "+f.Name, named, unfolded, total-len(named))
	return f
}

func notEmpty(groups ...failed) []failed {
	var some []failed
	for _, g := range groups {
		if len(g.Batches.Shown.All)+g.Batches.More > 0 {
			some = append(some, g)
		}
	}
	return some
}
