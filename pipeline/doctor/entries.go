package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// Names of the checks of a manifest, in their order.
const (
	entriesCheck   = "entries"
	batchesCheck   = "batches"
	attentionCheck = "attention"
	pendingCheck   = "pending"
	claimsCheck    = "claims"
)

const (
	// longPending is after which time a batch should not be pending any more.
	longPending = 7 * 24 * time.Hour
	// longClaimed is after which time the run that has begun to replace a file is dead.
	longClaimed = time.Hour
	// fewNames is how many batches or entries are named.
	fewNames = 3
)

// names are the first of some batches or entries, and how many there are.
type names struct {
	first []string
	all   int
}

func (n *names) add(name string) {
	if n.all++; n.all <= fewNames {
		n.first = append(n.first, name)
	}
}

func (n *names) String() string {
	text := strings.Join(n.first, ", ")
	if more := n.all - len(n.first); more > 0 {
		text += fmt.Sprintf(" and %s more", humanize.Comma(int64(more)))
	}
	return text
}

// ledger is what the manifest of a root says of all batches.
type ledger struct {
	states                        map[manifest.State]int
	all                           int
	unreadable, attention, claims names
	oldest                        *manifest.Entry // that is unfinished
}

func (l *ledger) add(k manifest.Known, now time.Time) {
	if k.Err != nil {
		l.unreadable.add(manifest.Manifest{Table: k.Table}.Name(k.BatchID))
		return
	}
	e := k.Entry
	l.all++
	l.states[e.State]++
	if e.NeedsAttention() {
		l.attention.add(k.BatchID)
	}
	if (e.State == manifest.StatePending || e.State == manifest.StateOngoing) && (l.oldest == nil || e.UpdatedAt.Before(l.oldest.UpdatedAt)) {
		l.oldest = e
	}
	if len(e.Replacing)+len(e.ToDelete()) > 0 && now.Sub(e.UpdatedAt) > longClaimed {
		l.claims.add(k.BatchID)
	}
}

// entries checks what the manifest says.
func (e *examination) entries(ctx context.Context) {
	l := ledger{states: make(map[manifest.State]int)}
	now := e.cfg.Now()
	for known, err := range manifest.Summaries(ctx, e.Store, schema.Tables()) {
		if err != nil {
			e.report.fail(ctx, entriesCheck, err, "")
			e.report.skip("the manifest cannot be read", batchesCheck, attentionCheck, pendingCheck, claimsCheck)
			return
		}
		l.add(known, now)
	}
	r, flag := e.report, "--to "+e.At+e.Flags
	if l.unreadable.all > 0 {
		r.tell(Check{
			Name: entriesCheck, Status: Failed, Err: fmt.Errorf("%s cannot be read: %s", count(l.unreadable.all, "entry"), &l.unreadable),
			Hint: "use the version of enrow-export that wrote them, or move them away; the reasons: enrow-export status " + flag,
		})
	} else {
		r.ok(entriesCheck, "%s can be read", count(l.all, "entry"))
	}
	r.ok(batchesCheck, "%s", l.counts())
	if l.attention.all > 0 {
		r.warn(attentionCheck, "correct the ids, or dismiss the batches: enrow-export dismiss "+flag+" BATCH_ID",
			"%s failed permanently: %s", count(l.attention.all, "batch"), &l.attention)
	} else {
		r.ok(attentionCheck, "no batch needs attention")
	}
	e.pending(l.oldest, now, flag)
	if l.claims.all > 0 {
		r.warn(claimsCheck, "export such a batch again: enrow-export export "+flag+" BATCH_ID",
			"a run that was killed left the replacement of %s unfinished: %s", count(l.claims.all, "batch"), &l.claims)
	} else {
		r.ok(claimsCheck, "no replacement was left unfinished")
	}
}

// pending reports the unfinished batch that has waited longest.
func (e *examination) pending(oldest *manifest.Entry, now time.Time, flag string) {
	if oldest == nil {
		e.report.ok(pendingCheck, "no batch is pending")
		return
	}
	text := fmt.Sprintf("the oldest unfinished batch is %s: %s, last changed %s", oldest.BatchID, oldest.State, oldest.UpdatedAt.Format("2006-01-02 15:04:05Z07:00"))
	if now.Sub(oldest.UpdatedAt) > longPending {
		e.report.warn(pendingCheck, "check that a scheduled run exports it: enrow-export export --pending "+flag, "%s", text)
		return
	}
	e.report.ok(pendingCheck, "%s", text)
}

// counts returns the number of batches in each state.
func (l *ledger) counts() string {
	var parts []string
	for _, state := range []manifest.State{manifest.StateExported, manifest.StateOngoing, manifest.StatePending, manifest.StateFailed} {
		if n := l.states[state]; n > 0 {
			parts = append(parts, humanize.Comma(int64(n))+" "+string(state))
		}
	}
	if parts == nil {
		return "no batches yet"
	}
	return count(l.all, "batch") + ": " + strings.Join(parts, ", ")
}
