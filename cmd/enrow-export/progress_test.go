package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

var csvOnly = []sinks.Encoding{{Format: mustFormat("csv")}}

func mustFormat(name string) *sinks.Format {
	f, ok := sinks.FormatByName(name)
	if !ok {
		panic(name)
	}
	return f
}

func exportedRows(rows int64) export.Result {
	return export.Result{
		BatchID: "a", Outcome: export.Exported,
		Entry: &manifest.Entry{Rows: &rows, Files: map[string]manifest.File{"csv": {Bytes: 1 << 20}, "parquet": {Bytes: 7}}},
	}
}

// shown returns what a terminal shows of what was written to it.
func shown(raw string) []string {
	lines := [][]rune{nil}
	column := 0
	for raw != "" {
		if rest, ok := strings.CutPrefix(raw, eraseLine); ok {
			last := &lines[len(lines)-1]
			*last, raw = (*last)[:min(column, len(*last))], rest
			continue
		}
		r, n := utf8.DecodeRuneInString(raw)
		raw = raw[n:]
		switch r {
		case '\r':
			column = 0
		case '\n':
			lines, column = append(lines, nil), 0
		default:
			last := &lines[len(lines)-1]
			*last = append((*last)[:column], append([]rune{r}, (*last)[min(column+1, len(*last)):]...)...)
			column++
		}
	}
	text := make([]string, len(lines))
	for i, line := range lines {
		text[i] = string(line)
	}
	return text
}

// Without a terminal there is a log line every ten seconds, with keys that stay
// what they are, and none of a run that is shorter.
func TestProgressIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		withoutTime := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
		u := &ui{log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime}))}

		p := u.track(10, csvOnly)
		time.Sleep(logInterval - time.Millisecond)
		p.end()
		if log.Len() > 0 {
			t.Errorf("a short run logs %s", log.String())
		}

		p = u.track(10, csvOnly)
		p.result(exportedRows(3000))
		p.result(exportedRows(2000))
		p.result(export.Result{Outcome: export.Done})
		p.result(export.Result{Outcome: export.Failed, Err: errors.New("no")})
		p.result(export.Result{Outcome: export.Ongoing})
		p.waiting(2)
		time.Sleep(logInterval)
		synctest.Wait()
		p.waiting(0)
		time.Sleep(logInterval)
		synctest.Wait()
		p.end()
		want := `{"level":"INFO","msg":"progress","batches":10,"done":3,"failed":1,"ongoing":1,"waiting":2,"rows":5000,"rows_per_second":500,"bytes":2097152,"left":"6s"}
{"level":"INFO","msg":"progress","batches":10,"done":3,"failed":1,"ongoing":1,"waiting":0,"rows":5000,"rows_per_second":250,"bytes":2097152,"left":"20s"}
`
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}

		log.Reset()
		u.quiet = true
		p = u.track(10, csvOnly)
		time.Sleep(3 * logInterval)
		p.end()
		if log.Len() > 0 {
			t.Errorf("a quiet run logs %s", log.String())
		}
	})
}

// Speed and time left are those of the last thirty seconds: what was done before
// flies by.
func TestProgressRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgress(1090, csvOnly)
		var last progressView
		p.run(time.Second, func(v progressView) { last = v }, func() {})
		for range 1000 {
			p.result(export.Result{Outcome: export.Done})
		}
		for range 60 {
			time.Sleep(time.Second / 2)
			p.result(exportedRows(700))
			time.Sleep(time.Second / 2)
		}
		synctest.Wait()
		p.end()
		if last.left != 30*time.Second || last.rowsPerSecond != 700 || last.done != 1060 || last.bytes != 60<<20 {
			t.Errorf("%+v, want 30 s left at 700 rows/s", last)
		}
	})
}

// On a terminal there is a bar, which leaves nothing behind.
func TestProgressBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tty bytes.Buffer
		u := &ui{screen: &screen{tty: &tty, width: func() int { return 100 }}}
		u.out = u.screen.through(&tty)
		p := u.track(2000, csvOnly)
		fmt.Fprintln(u.out, "before there is a bar")
		for range 1000 {
			p.result(exportedRows(1))
		}
		p.result(export.Result{Outcome: export.Failed})
		p.waiting(12)
		time.Sleep(barInterval + time.Millisecond)
		synctest.Wait()
		fmt.Fprintln(u.out, "a line that is much longer than the bar: "+strings.Repeat("x", 200))
		fmt.Fprint(u.out, "a line ")
		time.Sleep(barInterval)
		synctest.Wait()
		fmt.Fprintln(u.out, "in two parts")
		lines := shown(tty.String())
		want := []string{
			"before there is a bar",
			"a line that is much longer than the bar: " + strings.Repeat("x", 200),
			"a line in two parts",
		}
		if diff := cmp.Diff(want, lines[:len(lines)-1]); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		bar := lines[len(lines)-1]
		if !strings.HasPrefix(bar, "  50% |█") || !strings.HasSuffix(bar, "| 1,000/2,000 done, 1 failed, 12 waiting, 0s left, 2,500 rows/s, 1000 MiB") {
			t.Errorf("the bar is %q", bar)
		}
		for range 999 {
			p.result(exportedRows(1))
		}
		time.Sleep(barInterval)
		synctest.Wait()
		lines = shown(tty.String())
		if bar := lines[len(lines)-1]; !strings.HasPrefix(bar, " 100% |██") || !strings.Contains(bar, " 1,999/2,000 done, 1 failed, ") {
			t.Errorf("in the end the bar is %q", bar)
		}
		p.end()
		lines = shown(tty.String())
		if diff := cmp.Diff(append(want, ""), lines); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}

		tty.Reset()
		u.quiet = true
		u.track(10, csvOnly).end()
		u.quiet = false
		u.track(0, csvOnly).end()
		if tty.Len() > 0 {
			t.Errorf("a run that has nothing to show shows %q", tty.String())
		}
	})
}

// However wide the terminal is, the bar stays on its line.
func TestBarFits(t *testing.T) {
	texts := []string{"1/4 done", "123,456/1,000,000 done, 12,345 failed, 1,234 waiting, 5 ongoing, 10h20m30s left, 1,234,567 rows/s, 1.2 TiB"}
	for _, finished := range []int{0, 1, 3, 4} {
		for room := -1; room < 200; room++ {
			for _, text := range texts {
				line := newBar(nil, 4).line(finished, text, room)
				if n := utf8.RuneCountInString(line); n > max(room, 0) {
					t.Errorf("%d columns in %d: %q", n, room, line)
				}
				if room > len(text) && !strings.HasSuffix(line, text) {
					t.Errorf("in %d columns the text is cut: %q", room, line)
				}
			}
		}
	}
}

// Whoever writes at the same time gets whole lines.
func TestScreenKeepsLinesWhole(t *testing.T) {
	var tty bytes.Buffer
	s := &screen{tty: &tty}
	stdout, stderr := s.through(&tty), s.through(&tty)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 200 {
				fmt.Fprintf(stdout, "result %d\n", i)
				s.draw(strings.Repeat("=", 10*i+1))
				fmt.Fprintf(stderr, "log %d\n", i)
			}
		})
	}
	all.Wait()
	s.draw("")
	counts := make(map[string]int)
	for _, line := range shown(tty.String()) {
		counts[line]++
	}
	want := map[string]int{"": 1}
	for i := range 4 {
		want[fmt.Sprintf("result %d", i)], want[fmt.Sprintf("log %d", i)] = 200, 200
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// Only a terminal is one.
func TestScreenOf(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if screenOf(file) != nil || screenOf(&output{w: file}) != nil || screenOf(new(bytes.Buffer)) != nil {
		t.Error("a file is taken for a terminal")
	}
}
