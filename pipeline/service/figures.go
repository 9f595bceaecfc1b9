package service

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"enrow-export/pipeline/overview"
)

const (
	// figuresAge is the least age at which the overview of a root is read again.
	figuresAge = 10 * time.Second
	// figuresShare bounds the share of the time that is spent on reading it: 1 of this.
	figuresShare = 20
)

// Figures keeps the overview of a root for frequent requests. It reads the overview in the
// background: a request gets the last one at once.
type Figures struct {
	Read func(ctx context.Context) (*overview.Overview, error)
	Log  *slog.Logger
	// OnRead, unless it is nil, gets each overview.
	OnRead func(*overview.Overview)

	mu      sync.Mutex
	last    *overview.Overview
	err     error
	next    time.Time // not to be read before
	reading bool
	ended   sync.WaitGroup
}

// Last returns the last overview, nil when there is none yet, and has it read again if it is
// old, until ctx is done, which is the service's. The error is of the last reading.
func (f *Figures) Last(ctx context.Context) (*overview.Overview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.reading && !time.Now().Before(f.next) && ctx.Err() == nil {
		f.reading = true
		f.ended.Go(func() { f.read(ctx) })
	}
	return f.last, f.err
}

// Wait waits until nothing is being read.
func (f *Figures) Wait() { f.ended.Wait() }

func (f *Figures) read(ctx context.Context) {
	start := time.Now()
	o, err := f.Read(ctx)
	took := time.Since(start)
	f.mu.Lock()
	f.reading, f.err = false, err
	if err == nil {
		f.last = o
	}
	f.next = time.Now().Add(max(figuresAge, figuresShare*took))
	f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		f.Log.WarnContext(ctx, "the figures of the destination could not be read", "error", err)
	case f.OnRead != nil:
		f.OnRead(o)
	}
}
