package export

import (
	"context"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// Planned is what a run would do to one batch.
type Planned struct {
	BatchID string
	// Export says that the batch would be asked for.
	Export bool
	// Reason says why or why not, in words that follow the batch's id: "already
	// exported", "has no csv yet".
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
	ids = schema.DistinctIDs(ids)
	s := newSettings(cfg, len(ids))
	if err := s.checkRoot(ctx); err != nil {
		return err
	}
	known, err := s.planAll(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		planned, ok := known[id]
		var err error
		if !ok {
			planned, err = s.plan(ctx, id)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			why := asFailure(err, id)
			if why.Class == pipeline.Fatal {
				return why
			}
			planned = Planned{Err: why}
		}
		planned.BatchID = id
		report(planned)
	}
	return nil
}

// planAll plans what a survey tells of many batches. It leaves out those that it
// says nothing of.
func (s *settings) planAll(ctx context.Context, ids []string) (map[string]Planned, error) {
	if len(ids) < manifest.ListingPays {
		return nil, nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	known := make(map[string]Planned)
	for f, err := range s.survey(ctx, func(id string) bool { return wanted[id] }) {
		if err != nil {
			if err = s.endsRun(ctx, err); err != nil {
				return nil, err
			}
			break
		}
		if f.err == nil {
			known[f.id] = s.planOf(f.reason)
		}
	}
	return known, nil
}

func (s *settings) plan(ctx context.Context, id string) (Planned, error) {
	entry, _, err := s.manifest.Read(ctx, id)
	if err != nil {
		return Planned{}, err
	}
	reason, err := s.whyNotDone(ctx, id, entry)
	if err != nil {
		return Planned{}, err
	}
	return s.planOf(reason), nil
}

// planOf plans a batch that is not done for the reason given, or is done.
func (s *settings) planOf(reason string) Planned {
	switch {
	case reason != "":
		return Planned{Export: true, Reason: reason}
	case s.Force:
		return Planned{Export: true, Reason: "already exported, but forced"}
	}
	return Planned{Reason: "already exported"}
}
