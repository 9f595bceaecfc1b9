package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// columnsOfKinds returns the columns of each kind.
func columnsOfKinds(c *cli.Context) (map[*schema.Table][]string, error) {
	all := make(map[*schema.Table][]string)
	for _, table := range schema.Tables() {
		names, err := columns(c, table)
		if err != nil {
			return nil, usagef("serve exports all kinds: name columns that each of them has", "%v", err)
		}
		all[table] = names
	}
	return all, nil
}

// survey returns the batches that are left to do.
func (s *server) survey(ctx context.Context) ([]export.Work, error) {
	s.ping = beginPing(s.c, s.log)
	collectAt(surveyGCPercent)
	defer collectAt(gcPercent)
	cfg := s.cfg
	var release func()
	var err error
	if cfg.Store, release, err = s.to.open(ctx); err != nil {
		return nil, err
	}
	defer release()
	what, err := unfinished(s.c, cfg, schema.Tables(), nil, export.Shard{})
	s.left = what.left
	return what.works, err
}

// failed returns the record of a run that failed before it began.
func (s *server) failed(ctx context.Context, err error) runs.Line {
	record := newRecord(s.c, s.cfg, export.Shard{})
	return s.ended(ctx, record.end(newSummary(runs.AllKinds, export.Summary{}, source{}), err))
}

// export exports batches. Without any, it makes sure that the key is accepted.
func (s *server) export(ctx context.Context, works []export.Work, heldBack error) (ran service.Ran) {
	record := newRecord(s.c, s.cfg, export.Shard{})
	cfg := s.cfg
	settings := s.settings.Load().client
	settings.OnRequest = func(status int, elapsed time.Duration) {
		s.loop.Beat()
		s.metrics.Request(statusName(status), elapsed)
	}
	client, err := openClient(settings)
	if err != nil {
		return service.Ran{Line: s.failed(ctx, err), Errs: []error{err}}
	}
	defer client.Close()
	cfg.Source = client
	for i := range works {
		works[i].Columns = s.columns[works[i].Table]
	}
	summary := export.Summary{}
	var release func()
	if cfg.Store, release, err = s.to.open(ctx); err == nil {
		defer release()
		summary, err = export.RunAll(ctx, cfg, works, func(r export.Result) {
			s.loop.Beat()
			ran.Results = append(ran.Results, r)
			record.result(r)
			if r.NeedsAttention {
				s.left.Add(r.Kind, r.BatchID)
			}
			s.metrics.Batch(r.Kind, string(r.Outcome), r.Elapsed, r.Publishing)
			s.tell(r)
		})
	}
	// It may be that nothing needed the key, or that it is refused for one kind alone.
	if err == nil && summary.Asked == 0 || slices.ContainsFunc(summary.Ended, pipeline.IsOfKey) {
		if _, looked := client.Account(ctx); pipeline.IsOfKey(looked) {
			err, summary.Ended = looked, nil
		}
	}
	ran.Errs = summary.Ended
	if err != nil && !slices.ContainsFunc(ran.Errs, func(of error) bool { return errors.Is(err, of) }) {
		ran.Errs = append(ran.Errs, err)
	}
	if errors.Is(err, sinks.ErrUnreachable) {
		s.to.failed(err)
	}
	line := newSummary(runs.AllKinds, summary, source{Source: client})
	line.PermanentlyFailed = s.left
	ran.Line = s.ended(ctx, record.end(line, joinOutcome(cmp.Or(err, heldBack), summary.Failed, summary.Ongoing+summary.NotTried)))
	return ran
}

// tell logs the outcome of a batch.
func (s *server) tell(r export.Result) {
	switch r.Outcome {
	case export.Exported:
		s.log.Info("batch exported", pipeline.LogBatch, r.BatchID, "kind", r.Kind, "rows", *r.Entry.Rows, "elapsed", r.Elapsed.Round(time.Millisecond))
	case export.Failed:
		s.log.Warn("batch failed", ofBatch(r.Kind, r.BatchID, r.Err)...)
	default:
		s.log.Debug("batch "+string(r.Outcome), pipeline.LogBatch, r.BatchID, "kind", r.Kind)
	}
}

// ended hands the record of a run to the report, the metrics, the monitor and --then, and
// returns it.
func (s *server) ended(ctx context.Context, l runs.Line) runs.Line {
	if err := s.report.append(l); err != nil {
		s.log.Error("the run is not in the report", "error", err)
	}
	level := s.log.Info
	switch {
	case l.Asked == 0 && l.ExitCode == exitOK:
		level = s.log.Debug
	case l.ExitCode == exitOngoing && l.Unanswered():
		s.log.Warn(l.Error, "hint", l.Hint)
	}
	level("run ended", "exit_code", l.ExitCode, "exported", l.Exported, "done", l.Done, "ongoing", l.Ongoing, "failed", l.Failed, "not_tried", l.NotTried, "rows", l.Rows, "elapsed", milliseconds(l.ElapsedMS))
	s.metrics.Ran(l)
	_, _ = s.figures.Last(ctx) // begins to read them, for the next request
	if s.ping != nil {
		s.ping.End(ctx, l.ExitCode, pingText(l))
		s.ping = nil
	}
	s.then.After(ctx, l)
	return l
}
