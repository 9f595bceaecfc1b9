package runs

import (
	"math"
	"time"

	"enrow-export/schema"
)

// MostFailures is the number of failed batches that a Line names.
const MostFailures = 100

// Line is a run: its summary, when it was and how it ended.
type Line struct {
	Type        string    `json:"type"` // TypeLine
	StartedAt   time.Time `json:"started_at"`
	FinishedAt  time.Time `json:"finished_at"`
	ToolVersion string    `json:"tool_version"`
	To          string    `json:"to"` // the root, as it was given
	Shard       string    `json:"shard,omitempty"`
	Formats     []string  `json:"formats"` // that were asked for
	ExitCode    int       `json:"exit_code"`
	// Error is why the run stopped before its end, and Hint is advice about it.
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Failures []Failure `json:"failures"` // the first MostFailures
	Summary
}

// The values of Type.
const (
	TypeLine    = "report"
	TypeSummary = "summary"
)

// Succeeded reports whether no batch of the run failed and nothing stopped it. Batches may be
// left for the next run, but not because the API is out of reach.
func (l Line) Succeeded() bool { return l.ExitCode == 0 || l.ExitCode == 75 && !l.Unanswered() }

// Took returns how long the run took. A clock may have been set back meanwhile.
func (l Line) Took() time.Duration {
	if l.ElapsedMS > 0 {
		return time.Duration(l.ElapsedMS) * time.Millisecond
	}
	return max(l.FinishedAt.Sub(l.StartedAt), 0)
}

// Failure is a batch that failed in a run.
type Failure struct {
	BatchID   string `json:"batch_id"`
	Kind      string `json:"kind"`
	Error     string `json:"error"`
	Hint      string `json:"hint,omitempty"`
	Permanent bool   `json:"permanent"`
}

// Summary has the counts of a run. They count batches unless their name says otherwise.
type Summary struct {
	Type string `json:"type"` // TypeSummary
	// Kind is that of all batches, or AllKinds.
	Kind     string `json:"kind"`
	Asked    int    `json:"asked"`
	Exported int    `json:"exported"`
	Done     int    `json:"done"`
	Ongoing  int    `json:"ongoing"`
	Failed   int    `json:"failed"`
	NotTried int    `json:"not_tried"`
	CutOff   int    `json:"-"` // of NotTried
	// MaxRuntimeOver says that --max-runtime has left batches ongoing or not tried.
	MaxRuntimeOver bool  `json:"max_runtime_over,omitempty"`
	Warned         int   `json:"warned"`
	Rows           int64 `json:"rows"`
	Found          int64 `json:"found"`
	// FoundShare is Found of Rows, from 0 to 1.
	FoundShare *float64 `json:"found_share,omitempty"`
	// ByKind has the counts of each kind that was asked for.
	ByKind        map[string]Counts `json:"by_kind"`
	Bytes         map[string]int64  `json:"bytes"` // of files, by format
	ElapsedMS     int64             `json:"elapsed_ms"`
	RowsPerSecond float64           `json:"rows_per_second"`
	Slowest       *Slowest          `json:"slowest,omitempty"`
	// Requests to the API by the status of the response, NoStatus without one.
	Requests        map[string]int64 `json:"requests"`
	Retries         int64            `json:"retries"`
	CreditsSpent    float64          `json:"credits_spent"`
	CreditsRefunded float64          `json:"credits_refunded"`
	UnknownFields   []UnknownField   `json:"unknown_fields"`
	// PermanentlyFailed are the batches that --pending leaves out, nil without --pending.
	PermanentlyFailed *GivenUp `json:"permanently_failed,omitempty"`
}

// Unanswered reports whether the run sent requests to the API, also again, and got no response
// at all. A first request that the end of the run has cut off proves nothing.
func (s Summary) Unanswered() bool {
	return s.Requests[NoStatus] > 0 && len(s.Requests) == 1 && s.Retries > 0
}

// Percent returns a part of a whole, of more than 0, in percent with one decimal. A part that
// is not all of it is never 100.
func Percent(part, of int64) float64 {
	percent := math.Round(1000*float64(part)/float64(of)) / 10
	if part < of {
		percent = min(percent, 99.9)
	}
	return percent
}

const (
	// AllKinds is the kind of a run over several kinds.
	AllKinds = "all"
	// NoStatus stands for the status of a request that got no response.
	NoStatus = "none"
)

// Counts is what a run did with the batches of one kind.
type Counts struct {
	Asked    int   `json:"asked"`
	Exported int   `json:"exported"`
	Done     int   `json:"done"`
	Ongoing  int   `json:"ongoing"`
	Failed   int   `json:"failed"`
	NotTried int   `json:"not_tried"`
	Rows     int64 `json:"rows"`
}

// Slowest is the exported batch that took longest.
type Slowest struct {
	BatchID   string `json:"batch_id"`
	ElapsedMS int64  `json:"elapsed_ms"`
}

// UnknownField is a path of the responses that no column or total declares.
type UnknownField struct {
	Path   string        `json:"path"`
	Reason schema.Reason `json:"reason"`
	Count  int64         `json:"count"`
}

// MostGivenUp is how many batches GivenUp names.
const MostGivenUp = 5

// GivenUp are the permanently failed batches that nobody has dismissed, and that
// --pending leaves out.
type GivenUp struct {
	Count int     `json:"count"`
	First []Batch `json:"first"`
}

// Batch names a batch.
type Batch struct {
	Kind    string `json:"kind"`
	BatchID string `json:"batch_id"`
}

// Add counts a batch. A nil g counts nothing.
func (g *GivenUp) Add(kind, id string) {
	if g == nil {
		return
	}
	if g.Count++; len(g.First) < MostGivenUp {
		g.First = append(g.First, Batch{kind, id})
	}
}
