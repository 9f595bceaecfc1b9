package page

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"enrow-export/pipeline/overview"
)

// Classes of style.css. Words say the same: colours never stand alone.
const (
	classOK   = "ok"
	classLook = "look"
	classBad  = "bad"
	classNone = "none"
)

// A batch that waits longer, and a root without a run for longer, are worth a look.
const (
	longWait  = 6 * time.Hour
	longQuiet = 24 * time.Hour
)

// verdict is the answer to the first question: is all well?
type verdict struct {
	Class    string
	Word     string
	Sentence string
	Reasons  []reason
	Steps    []step // what to do next on a page without figures
}

// reason is why a verdict is not better, and where the page says more.
type reason struct{ Class, Text, Section string }

// step is a command, word by word, and what it does.
type step struct {
	Does string
	Call []string
}

// plainWord is a word that a shell leaves as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]{1,80}$`)

// steps returns the steps for a root, which every ROOT stands for.
func steps(root string, pairs ...string) []step {
	if !plainWord.MatchString(root) {
		root = "ROOT"
	}
	var all []step
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, step{pairs[i], strings.Fields(strings.ReplaceAll(pairs[i+1], "ROOT", root))})
	}
	return all
}

func newVerdict(d Data) verdict {
	var all overview.Kind
	if d.Overview != nil {
		all = d.Overview.Total()
	}
	v := verdict{Class: classOK, Word: "All is well", Reasons: reasons(d, all)}
	for _, r := range v.Reasons {
		if r.Class == classBad || v.Class == classOK {
			v.Class = r.Class
		}
	}
	switch {
	case v.Class == classBad:
		v.Word, v.Sentence = "Needs attention", "Something will not be done unless somebody acts."
	case v.Class == classLook:
		v.Word, v.Sentence = "Worth a look", "The next run may well do what is left."
	case d.Overview != nil && all.Total() > 0:
		v.Sentence = rootSentence(all)
	case len(d.Runs) > 0:
		v.Sentence = fmt.Sprintf("The last of %s did what it was to do.", count(len(d.Runs), "run"))
	default:
		v.Class, v.Word, v.Sentence = classNone, "Nothing to show yet", "No batch was exported or recorded here, and no run is known."
		v.Steps = steps(d.To,
			"Export a batch by the id that Enrow returned for it", "enrow-export export --to ROOT --report runs.jsonl BATCH_ID",
			"Then make this page again", "enrow-export report --to ROOT --report runs.jsonl --out report.html")
	}
	return v
}

func rootSentence(all overview.Kind) string {
	waiting := all.Waiting()
	switch {
	case all.Total() == 1 && all.Exported == 1:
		return "The one batch is exported."
	case waiting == 0 && all.Dismissed == 0:
		return fmt.Sprintf("All %s are exported.", count(all.Exported, "batch"))
	case waiting == 0:
		return fmt.Sprintf("%s exported, %s dismissed. Nothing is left to do.", count(all.Exported, "batch"), whole(all.Dismissed))
	case all.Exported == 0:
		return count(waiting, "batch") + " on the way."
	}
	return fmt.Sprintf("%s exported, %s on the way.", count(all.Exported, "batch"), whole(waiting))
}

// reasons returns the reasons why a root or its service is not well, the worst first.
func reasons(d Data, all overview.Kind) []reason {
	var bad, look []reason
	if s := d.Service; s != nil && !s.Ready {
		bad = append(bad, reason{classBad, "The service is not ready: " + clip(s.Why, mostError), ""})
	}
	if n := len(d.Runs); n > 0 {
		last := d.Runs[n-1]
		switch _, class := outcome(last); {
		case class == classBad:
			bad = append(bad, reason{classBad, "The last run stopped before its end: " + clip(last.Error, mostError), "runs"})
		case last.ExitCode > 128:
			look = append(look, reason{classLook, "The last run was interrupted.", "runs"})
		case class == classLook && last.Unanswered():
			look = append(look, reason{classLook, "The API did not respond to the last run.", "runs"})
		case class == classLook && all.Failed+all.NeedAttention == 0: // or they are counted below
			look = append(look, reason{classLook, count(last.Failed, "batch") + " failed in the last run.", "failures"})
		}
		if last.NotTried > 0 && last.ExitCode != 1 {
			look = append(look, reason{classLook, "The last run did not try " + count(last.NotTried, "batch") + ".", "runs"})
		}
		if given := last.PermanentlyFailed; d.Overview == nil && given != nil && given.Count > 0 {
			bad = append(bad, reason{classBad, needAttention(given.Count), "failures"})
		}
		if quiet := d.Now.Sub(last.FinishedAt); quiet > longQuiet {
			look = append(look, reason{classLook, "No run has ended for " + about(quiet) + ".", "runs"})
		}
	}
	if all.NeedAttention > 0 {
		bad = append(bad, reason{classBad, needAttention(all.NeedAttention), "failures"})
	}
	if all.Unreadable > 0 {
		bad = append(bad, reason{classBad, count(all.Unreadable, "batch") + " with an entry that cannot be used.", "failures"})
	}
	if all.Failed > 0 {
		look = append(look, reason{classLook, count(all.Failed, "batch") + " failed, and the next run with --pending tries again.", "failures"})
	}
	if wait := d.Now.Sub(all.OldestWaiting); !all.OldestWaiting.IsZero() && wait > longWait {
		look = append(look, reason{classLook, "The oldest batch has waited for " + about(wait) + ".", "waiting"})
	}
	return append(bad, look...)
}

func needAttention(n int) string {
	if n == 1 {
		return "1 batch has failed for good: somebody has to decide about it."
	}
	return count(n, "batch") + " have failed for good: somebody has to decide about them."
}
