package schema

import (
	"cmp"
	"slices"
)

// Reason is why a value of a result is not in the column of its own but in the
// leftovers.
type Reason string

const (
	// Unknown is a key that the table does not declare.
	Unknown Reason = "unknown"
	// Misfit is a value that does not fit the type of its column, or that
	// stands in place of a declared object.
	Misfit Reason = "misfit"
	// Conflict is a second spelling of a key whose first has another value.
	Conflict Reason = "conflict"
)

// A Leftover tells where results had what no column holds, and how often.
type Leftover struct {
	// Path is the dotted path of keys in a result. A key that may be somebody's
	// name or address is not shown: see AppendShownKey.
	Path   string
	Reason Reason
	// Count is the number of times; First the number of the first such result,
	// from 0.
	Count, First int64
}

// maxLeftoverPaths bounds how many unknown paths are told apart, since keys can be made
// up without end. The rest are counted together under otherPaths.
const (
	maxLeftoverPaths = 100
	otherPaths       = "(other paths)"
)

// Leftovers counts what was left over, by path and reason. The zero value is
// ready to use.
type Leftovers struct {
	counts map[Reason]map[string]*Leftover
	// unknown is the number of paths with that reason. The others have declared
	// paths, of which there are few.
	unknown int
}

// note counts one leftover of a result. It allocates for a new path only.
func (l *Leftovers) note(path []byte, reason Reason, result int) {
	if c := l.counts[reason][string(path)]; c != nil {
		c.Count++
		return
	}
	l.Add(Leftover{Path: string(path), Reason: reason, Count: 1, First: int64(result)})
}

// Add counts what was counted elsewhere. First stays that of the first call for
// the path.
func (l *Leftovers) Add(more Leftover) {
	byPath := l.counts[more.Reason]
	if byPath[more.Path] == nil && more.Reason == Unknown && l.unknown >= maxLeftoverPaths {
		more.Path = otherPaths
	}
	if c := byPath[more.Path]; c != nil {
		c.Count += more.Count
		return
	}
	if l.counts == nil {
		l.counts = make(map[Reason]map[string]*Leftover)
	}
	if byPath == nil {
		byPath = make(map[string]*Leftover)
		l.counts[more.Reason] = byPath
	}
	byPath[more.Path] = &more
	if more.Reason == Unknown {
		l.unknown++
	}
}

// All returns the counts in the order of their paths, nil when there are none.
func (l *Leftovers) All() []Leftover {
	var all []Leftover
	for _, byPath := range l.counts {
		for _, c := range byPath {
			all = append(all, *c)
		}
	}
	slices.SortFunc(all, func(a, b Leftover) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// oddKey stands for a key that is not shown.
const oddKey = "(odd key)"

// maxShownKey is the longest key that is shown, in bytes.
const maxShownKey = 64

// AppendShownKey appends an undeclared key as it may be shown in a log or an
// error: as it is when it looks like the name of a field, a letter or "_" and
// then letters, digits, "_", "-" and "$". Any other may be data, such as an
// address by which values are keyed, and is not shown.
func AppendShownKey(dst, key []byte) []byte {
	if len(key) == 0 || len(key) > maxShownKey {
		return append(dst, oddKey...)
	}
	for i, c := range key {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '$') {
			return append(dst, oddKey...)
		}
	}
	return append(dst, key...)
}
