package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/service"
	"enrow-export/sources/webhook"
)

// refusalsEvery is the least time between two log lines about notices that are refused.
const refusalsEvery = time.Minute

// notices records the batches that notices are about, and has them exported.
type notices struct {
	root *servedRoot
	loop *service.Loop
	log  *slog.Logger

	recorded atomic.Int64              // since the start
	refused  atomic.Pointer[time.Time] // when the log last told that notices are refused
}

// record records the batch of a notice. It may be called from several goroutines.
func (n *notices) record(ctx context.Context, notice webhook.Notice) error {
	store, release, err := n.root.open(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := n.loop.Admit(); err != nil {
		n.tellRefusal(err)
		return fmt.Errorf("%w: %w", webhook.ErrFull, err)
	}
	var recorded export.Recorded
	err = export.Enqueue(ctx, export.EnqueueConfig{
		Table: notice.Table, Store: store, Log: n.log, ToolVersion: version,
	}, []string{notice.BatchID}, func(r export.Recorded) { recorded = r })
	if err == nil {
		err = recorded.Err
	}
	if err != nil {
		n.root.failed(fmt.Errorf("a notice could not be recorded: %w", err))
		return err
	}
	n.recorded.Add(1)
	n.loop.Announce(service.Notice(notice), recorded.New)
	return nil
}

// tellRefusal logs why notices are refused, now and then: many may follow one another.
func (n *notices) tellRefusal(why error) {
	now, last := time.Now(), n.refused.Load()
	if (last == nil || now.Sub(*last) >= refusalsEvery) && n.refused.CompareAndSwap(last, &now) {
		n.log.Warn("notices are refused", "error", why)
	}
}

// noticeResults returns the names of the results of a notice.
func noticeResults() (names []string) {
	for _, r := range webhook.Results() {
		names = append(names, string(r))
	}
	return names
}
