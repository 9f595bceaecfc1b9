package export

import (
	"context"
	"fmt"
	"slices"

	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// place gives each file its path: the one at which the entry has these very bytes, else
// the first that is free in a store whose versions are not unique.
func (x *exporter) place(old *manifest.Entry, files []*file) {
	for _, f := range files {
		f.Path = f.base
		if !x.Store.Traits().ContentVersions {
			continue
		}
		generation := old.FreeGeneration(f.base)
		if named, ok := old.Published()[f.format]; ok && named.IsAt(f.base) {
			same := f.File
			same.Path = named.Path
			if same == named {
				f.Path = named.Path
				continue
			}
			_, before := manifest.Generation(named.Path)
			generation = max(generation, before+1)
		}
		f.Path = manifest.AtGeneration(f.base, f.ext, generation)
	}
}

// claimAnew puts the claim of the files that are to replace others, if there are any, and
// returns the condition for the entry that will name them. An open claim of another run is
// superseded where this one claims other paths.
func (x *exporter) claimAnew(ctx context.Context, p *publication, old *manifest.Entry, cond sinks.Condition, files []*file) (sinks.Condition, error) {
	replacing := make(map[string]manifest.File)
	for _, f := range files {
		if named, ok := old.Published()[f.format]; ok && named.IsAt(f.base) && named.Path != f.Path {
			replacing[f.format] = f.File
		}
	}
	if len(replacing) == 0 {
		return cond, nil
	}
	claim := x.manifest.Next(old, p.id)
	claim.Replacing = replacing
	for _, f := range old.Replacing {
		if !slices.Contains(claim.Named(), f.Path) {
			claim.Superseded = append(slices.Clone(claim.Superseded), f.Path)
		}
	}
	cond, err := x.manifest.Put(ctx, claim, cond)
	old.UpdatedAt = claim.UpdatedAt // the entry that will name the files is a later one
	return cond, err
}

// putAnew puts a file where nothing is. The path of a file of the batch that is in the way
// is given up. Only at the path where the entry has the very bytes of the file they replace
// what is there: it is damaged.
func (x *exporter) putAnew(ctx context.Context, p *publication, old *manifest.Entry, f *file) error {
	for {
		p.tried = append(p.tried, f.Path)
		err := x.putIfAbsent(ctx, p.id, old, f)
		if err == nil {
			return nil
		}
		current, lost := sinks.Conflict(err)
		if !lost || current == nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		replace, err := x.conditionToReplace(ctx, p.id, old, f, *current)
		if err != nil {
			return err
		}
		if slices.Contains(recordsOf(old, f.Path), f.File) {
			if _, err := sinks.Put(ctx, x.Store, f.Path, f.content.bytes(), replace); err != nil {
				return fmt.Errorf("replace %s: %w", f.Path, err)
			}
			return nil
		}
		_, generation := manifest.Generation(f.Path)
		f.Path = manifest.AtGeneration(f.base, f.ext, generation+1)
	}
}

// strays returns the paths that this run has tried in any round and that the entry neither
// names nor supersedes. The batch's files there are those that were in the way, and those
// that the run has put before another was faster.
func (p *publication) strays(e *manifest.Entry) (paths []string) {
	for _, path := range p.tried {
		if !slices.Contains(e.Named(), path) && !slices.Contains(e.Superseded, path) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// removeStrays deletes what earlier rounds have left, and returns the entry. The entry gives
// these paths up first: another run may have come upon the files, and be about to name them.
func (x *exporter) removeStrays(ctx context.Context, p *publication, e *manifest.Entry, cond sinks.Condition) (*manifest.Entry, error) {
	if e == nil {
		return e, nil
	}
	strays := p.strays(e)
	if len(strays) == 0 {
		return e, nil
	}
	next := x.manifest.Next(e, p.id)
	next.Superseded = slices.Concat(e.Superseded, strays)
	cond, err := x.manifest.Put(ctx, next, cond)
	if err != nil {
		return nil, err
	}
	next, _, err = x.cleanUp(ctx, next, cond, e)
	return next, err
}

// wasReplaced reports whether the entry names a file that has replaced the one at the
// path, in another generation.
func wasReplaced(e *manifest.Entry, path string) bool {
	base, _ := manifest.Generation(path)
	for _, f := range e.Published() {
		if f.Path != path && f.IsAt(base) {
			return true
		}
	}
	return false
}
