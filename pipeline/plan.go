package pipeline

import "context"

// Planned is what a run would do to one batch.
type Planned struct {
	BatchID string
	// Export says that the batch would be asked for.
	Export bool
	// Reason says why or why not, in words that follow the batch's id: "is
	// done", "has no csv yet".
	Reason string
	// Err is why the run would fail the batch without asking for it.
	Err error
}

// Plan tells what Run would do, reading the manifest and the sizes of files
// alone: no request is made and nothing is written. The error is one that would
// stop the run.
func Plan(ctx context.Context, cfg Config, ids []string, report func(Planned)) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	ids = distinct(ids)
	x := newExporter(cfg, ids)
	known, err := x.planAll(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		planned, ok := known[id]
		var err error
		if !ok {
			planned, err = x.plan(ctx, id)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failure := classify(err, id)
			if failure.Class == Fatal {
				return failure
			}
			planned = Planned{Err: failure}
		}
		planned.BatchID = id
		report(planned)
	}
	return nil
}

// planAll plans what a survey tells of many batches. It leaves out those that it
// says nothing of.
func (x *exporter) planAll(ctx context.Context, ids []string) (map[string]Planned, error) {
	if len(ids) < listingPays {
		return nil, nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	known := make(map[string]Planned)
	err := x.survey(ctx, func(id string) bool { return wanted[id] }, func(f finding) {
		if f.err == nil {
			known[f.id] = x.planOf(f.reason)
		}
	})
	if err = x.surveyed(ctx, err); err != nil {
		return nil, err
	}
	return known, nil
}

func (x *exporter) plan(ctx context.Context, id string) (Planned, error) {
	entry, _, err := x.manifest.Read(ctx, id)
	if err != nil {
		return Planned{}, err
	}
	reason, err := x.undone(ctx, id, entry)
	if err != nil {
		return Planned{}, err
	}
	return x.planOf(reason), nil
}

// planOf plans a batch that is not done for the reason given, or is done.
func (x *exporter) planOf(reason string) Planned {
	switch {
	case reason != "":
		return Planned{Export: true, Reason: reason}
	case x.Force:
		return Planned{Export: true, Reason: "is done, but forced"}
	}
	return Planned{Reason: "is done"}
}
