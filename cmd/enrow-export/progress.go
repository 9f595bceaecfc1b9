package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"enrow-export/pipeline/export"
	"enrow-export/sinks"
)

const (
	barInterval = 200 * time.Millisecond
	logInterval = 10 * time.Second
	// rateWindow is the time that speed and time left are reckoned from: those of
	// a run that begins with what is done already would be of no use otherwise.
	rateWindow = 30 * time.Second
	// barWidth is that of the bar alone, in columns, and leastBar what it is worth
	// showing with.
	barWidth, leastBar = 30, 8
)

// standing is how far a run has got.
type standing struct {
	total, done, failed, ongoing, waiting int
	rows, bytes                           int64
}

func (s standing) finished() int { return s.done + s.failed + s.ongoing }

// sample is a standing at some time.
type sample struct {
	standing
	at time.Time
}

// progress keeps the standing of a run and shows it while that goes on.
type progress struct {
	encodings []sinks.Encoding
	over      chan struct{}
	loop      sync.WaitGroup

	mu      sync.Mutex
	now     standing
	samples []sample // of the rateWindow, the oldest first
}

// progressView is a standing with what follows from how it came about.
type progressView struct {
	standing
	rowsPerSecond float64
	left          time.Duration // negative when that cannot be said
}

// track begins to show the progress of a run over so many batches: as a bar on a
// terminal, and where logs go elsewhere as a log line from time to time. The caller
// calls end.
func (u *ui) track(total int, encodings []sinks.Encoding) *progress {
	p := newProgress(total, encodings)
	if u.quiet || total == 0 {
		return p
	}
	if u.screen != nil {
		p.run(barInterval, newBar(u.screen, total).show, u.erase)
	}
	if u.screen == nil || u.apart {
		p.run(logInterval, func(v progressView) { logProgress(u.log, v) }, func() {})
	}
	return p
}

func newProgress(total int, encodings []sinks.Encoding) *progress {
	now := standing{total: total}
	return &progress{encodings: encodings, over: make(chan struct{}), now: now, samples: []sample{{now, time.Now()}}}
}

// run shows the progress until the end, and then calls last.
func (p *progress) run(every time.Duration, show func(progressView), last func()) {
	p.loop.Go(func() {
		defer last()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				show(p.view(now))
			case <-p.over:
				return
			}
		}
	})
}

// end takes the bar away.
func (p *progress) end() {
	close(p.over)
	p.loop.Wait()
}

// result counts what became of a batch.
func (p *progress) result(r export.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Outcome {
	case export.Exported:
		p.now.done++
		p.now.rows += *r.Entry.Rows
		sums := make(map[string]int64)
		r.Entry.AddBytes(p.encodings, sums)
		p.now.bytes += sumOf(sums)
	case export.Done:
		p.now.done++
	case export.Ongoing:
		p.now.ongoing++
	case export.Failed:
		p.now.failed++
	}
}

// waiting is told how many ongoing batches are waited for.
func (p *progress) waiting(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.waiting = n
}

// view returns the standing at a time, from which on it counts for the rates.
func (p *progress) view(at time.Time) progressView {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.samples) > 1 && at.Sub(p.samples[1].at) >= rateWindow {
		p.samples = p.samples[1:]
	}
	then := p.samples[0]
	p.samples = append(p.samples, sample{p.now, at})
	v := progressView{standing: p.now, left: -1}
	seconds := at.Sub(then.at).Seconds()
	if seconds <= 0 {
		return v
	}
	v.rowsPerSecond = float64(v.rows-then.rows) / seconds
	// When a batch that waits is finished is for the vendor to say.
	if todo, n := v.total-v.finished()-v.waiting, v.finished()-then.finished(); todo > 0 && n > 0 {
		v.left = time.Duration(float64(todo) * seconds / float64(n) * float64(time.Second))
	}
	return v
}

// logProgress is the progress as a log line. Its keys are documented.
func logProgress(log *slog.Logger, v progressView) {
	attrs := []any{
		"batches", v.total, "done", v.done, "failed", v.failed, "ongoing", v.ongoing, "waiting", v.waiting,
		"rows", v.rows, "rows_per_second", int64(v.rowsPerSecond), "bytes", v.bytes,
	}
	if v.left >= 0 {
		attrs = append(attrs, "left", v.left.Round(time.Second).String())
	}
	log.Info("progress", attrs...)
}

// bar is the progress on a terminal. The library draws it as text, and the
// screen keeps it apart from other lines.
type bar struct {
	screen *screen
	bar    *progressbar.ProgressBar
}

func newBar(s *screen, total int) *bar {
	return &bar{s, progressbar.NewOptions(total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetPredictTime(false), // from the last seconds alone
		progressbar.OptionSetElapsedTime(false),
	)}
}

func (b *bar) show(v progressView) {
	parts := []string{fmt.Sprintf("%s/%s done", humanize.Comma(int64(v.done)), humanize.Comma(int64(v.total)))}
	for _, part := range []struct {
		n    int
		what string
	}{{v.failed, "failed"}, {v.waiting, "waiting"}, {v.ongoing, "ongoing"}} {
		if part.n > 0 {
			parts = append(parts, humanize.Comma(int64(part.n))+" "+part.what)
		}
	}
	if v.left >= 0 {
		parts = append(parts, v.left.Round(time.Second).String()+" left")
	}
	parts = append(parts, humanize.Comma(int64(v.rowsPerSecond))+" rows/s", size(v.bytes))
	text := strings.Join(parts, ", ")
	room := b.screen.width() - 1 // a terminal may wrap behind its last column
	b.screen.draw(b.line(v.finished(), text, room))
}

// line returns the bar with the text behind it. The text counts for more when
// there is no room for both, and its end for least.
func (b *bar) line(finished int, text string, room int) string {
	const around = len(" 100% || ")
	width := min(room-around-len(text), barWidth)
	if width < leastBar {
		return text[:max(min(len(text), room), 0)]
	}
	progressbar.OptionSetWidth(width)(b.bar)
	_ = b.bar.Set(finished) // it has nowhere to fail to write to
	b.bar.Describe(text)
	line := strings.TrimRight(strings.TrimPrefix(b.bar.String(), "\r"), " ")
	return strings.Replace(line, "|  ", "| ", 1) // it leaves room for numbers of its own
}
