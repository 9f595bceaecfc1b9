package manifest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Where a version may be the content's (sinks.Traits.ContentVersions), a path has one
// content for ever: what replaces a file goes to another path, and a path that was given
// up is never put again. So a request that was under way for an hour harms nothing,
// whatever its condition says. These paths differ in their generation:
//
//	email_find/b-1.parquet      generation 0
//	email_find/b-1~1.parquet    generation 1
//
// Entry.Generations says which are still free. In all other stores every path has
// generation 0, unless the files were copied there.

// mostGenerations is as many as a path has digits for.
const mostGenerations = 1e9 - 1

// generationMark is "~" and the generation, at the end or before the extension.
var generationMark = regexp.MustCompile(`~([1-9][0-9]{0,8})((?:\.[^~/]*)?)$`)

// AtGeneration returns the path of a generation, from the one of generation 0, which
// may end in the extension.
func AtGeneration(path, ext string, generation int) string {
	if generation == 0 {
		return path
	}
	mark := fmt.Sprintf("~%d", generation)
	if before, ok := strings.CutSuffix(path, "."+ext); ok {
		return before + mark + "." + ext
	}
	return path + mark
}

// Generation is the inverse of AtGeneration: it returns the generation of a path, and the
// path of generation 0.
func Generation(path string) (base string, generation int) {
	m := generationMark.FindStringSubmatch(path)
	if m == nil {
		return path, 0
	}
	generation, _ = strconv.Atoi(m[1])
	return strings.TrimSuffix(path, m[0]) + m[2], generation
}

// basePath returns the path of generation 0.
func basePath(path string) string {
	base, _ := Generation(path)
	return base
}

// IsAt reports whether the file is at the path, in any generation.
func (f File) IsAt(path string) bool { return f.Path == path || basePath(f.Path) == path }

// FreeGeneration returns the first generation in which a path, that of generation 0, may
// still be put. A nil entry has given up none.
func (e *Entry) FreeGeneration(base string) int {
	if e == nil {
		return 0
	}
	return e.Generations[base]
}

// FindRaw returns the path of the copy of a batch's answer: the one that the entry names,
// else the last generation that is there. The entry may be nil. Whether there is a copy at
// the path is not said.
func FindRaw(ctx context.Context, store sinks.Store, table *schema.Table, batchID string, e *Entry) (string, error) {
	path := RawPath(table, batchID)
	if e != nil && e.Raw != nil {
		return e.Raw.Path, nil
	}
	last := 0
	for info, err := range store.List(ctx, RawPrefix(table)+batchID+"~") {
		if err != nil {
			return "", fmt.Errorf("list copies of responses: %w", err)
		}
		if base, generation := Generation(info.Name); base == path {
			last = max(last, generation)
		}
	}
	return AtGeneration(path, RawExt, last), nil
}

// GaveUp reports whether the path was given up: nothing may be put there again.
func (e *Entry) GaveUp(path string) bool {
	base, generation := Generation(path)
	return generation < e.FreeGeneration(base)
}

// giveUp notes that the superseded paths are given up.
func (e *Entry) giveUp() {
	if len(e.Superseded) == 0 {
		return
	}
	generations := maps.Clone(e.Generations)
	if generations == nil {
		generations = make(map[string]int)
	}
	for _, path := range e.Superseded {
		base, generation := Generation(path)
		generations[base] = max(generations[base], generation+1)
	}
	e.Generations = generations
}
