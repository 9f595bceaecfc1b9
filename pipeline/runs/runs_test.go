package runs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"enrow-export/pipeline/runs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func line(t *testing.T, n int) string {
	t.Helper()
	at := time.Date(2026, 3, 2, 12, n, 0, 0, time.UTC)
	l := runs.Line{Type: runs.TypeLine, StartedAt: at, FinishedAt: at, To: "out", Failures: []runs.Failure{{BatchID: "a", Error: "<&>"}}, Summary: runs.Summary{Asked: n}}
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The last lines are read back as they were written, in their order. What is no run is
// counted: a line that was cut off, of something else, too long, or empty of sense.
func TestReadLast(t *testing.T) {
	var file strings.Builder
	file.WriteString(line(t, 0)[:40] + "\n\n")
	for n := range 30 {
		file.WriteString(line(t, n))
	}
	file.WriteString(`{"type":"summary","asked":1}` + "\n" + `{"type":"report"}` + "\n")
	file.WriteString(`{"type":"report","to":"` + strings.Repeat("x", 2<<20) + `"}` + "\n")
	file.WriteString(line(t, 30))
	file.WriteString(strings.TrimSuffix(line(t, 31), "\n")) // an editor has taken its end
	for _, most := range []int{0, 1, 3, 40} {
		got, skipped, err := runs.Read(strings.NewReader(file.String()), most)
		if err != nil || skipped != 4 || len(got) != min(most, 32) {
			t.Fatalf("at most %d: %d lines, %d skipped, error %v", most, len(got), skipped, err)
		}
		for i, l := range got {
			if want := 32 - len(got) + i; l.Asked != want || l.StartedAt.Minute() != want || l.Failures[0].Error != "<&>" {
				t.Errorf("at most %d: line %d is of %+v", most, i, l)
			}
		}
	}
	broken := errors.New("broken")
	if _, _, err := runs.Read(iotest.ErrReader(broken), 1); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// Only runs that came to their end, and in which no batch failed, count as successes.
func TestSucceeded(t *testing.T) {
	got := make(map[int]bool)
	for _, code := range []int{0, 1, 2, 3, 75, 130, 143} {
		got[code] = runs.Line{ExitCode: code}.Succeeded()
	}
	want := map[int]bool{0: true, 1: false, 2: false, 3: false, 75: true, 130: false, 143: false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// An API that is out of reach leaves batches to the next run, and that is no success.
	for _, test := range []struct {
		requests map[string]int64
		retries  int64
		want     bool
	}{{nil, 0, true}, {map[string]int64{"none": 3}, 2, false}, {map[string]int64{"none": 1}, 0, true}, {map[string]int64{"none": 3, "200": 1}, 2, true}} {
		l := runs.Line{ExitCode: 75, Summary: runs.Summary{Requests: test.requests, Retries: test.retries}}
		if l.Succeeded() != test.want {
			t.Errorf("requests %v: %v", test.requests, !test.want)
		}
	}
}

// No more than the first are named, and all are counted.
func TestGivenUp(t *testing.T) {
	var none *runs.GivenUp
	none.Add("email-find", "a")
	g := &runs.GivenUp{}
	for n := range 2 * runs.MostGivenUp {
		g.Add("email-find", fmt.Sprint(n))
	}
	if g.Count != 2*runs.MostGivenUp || len(g.First) != runs.MostGivenUp || g.First[1].BatchID != "1" {
		t.Errorf("%+v", g)
	}
}
