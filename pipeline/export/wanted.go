package export

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// target is where one format of a batch goes, and how it is written.
type target struct {
	encoding sinks.Encoding
	path     string // of generation 0
}

// targets returns the files of a batch that were asked for.
func (s *settings) targets(id string) []target {
	targets := make([]target, len(s.Encodings))
	for i, enc := range s.Encodings {
		targets[i] = target{encoding: enc, path: s.Layout.Path(s.Table, id, enc.Ext())}
	}
	return targets
}

// wanted are the files that a batch is to have after it was published.
type wanted struct {
	targets []target
	raw     bool // and a copy of the answer
}

// wanted returns the files to publish of an answer, given the entry. Files in formats
// that were not asked for are kept if answer and table are the same and no claim is
// open. Otherwise they are made again, so that all files of a batch agree: the run that
// had the claim may have replaced some of them.
func (s *settings) wanted(id string, source manifest.SourceRef, old *manifest.Entry) (wanted, error) {
	w := wanted{targets: s.targets(id)}
	exported := old != nil && old.State == manifest.StateExported
	again := exported &&
		(len(old.Replacing) > 0 || *old.Source != source || old.Schema.Fingerprint != s.out.Fingerprint())
	w.raw = s.KeepRaw || exported && old.Raw != nil && (again || s.Force)
	if !again {
		return w, nil
	}
	for _, format := range slices.Sorted(maps.Keys(old.Files)) {
		if slices.ContainsFunc(w.targets, func(t target) bool { return t.encoding.Format.Name == format }) {
			continue
		}
		f := old.Files[format]
		enc, err := f.Encoding(format)
		if err != nil {
			return w, fmt.Errorf("write %s again: %w", format, err)
		}
		path, _ := manifest.Generation(f.Path)
		w.targets = append(w.targets, target{encoding: enc, path: path})
	}
	return w, nil
}

// errUnforeseen says that the entry asks for files that were not foreseen when the
// answer was encoded. The answer is needed once more.
var errUnforeseen = errors.New("files are needed that are not kept")

// choose returns the files that are wanted.
func (p *publication) choose(w wanted) ([]*file, error) {
	chosen := make([]*file, 0, len(w.targets)+1)
	for _, t := range w.targets {
		chosen = append(chosen, p.files[t])
	}
	if w.raw {
		chosen = append(chosen, p.raw)
	}
	if slices.Contains(chosen, nil) {
		return nil, errUnforeseen
	}
	return chosen, nil
}
