package sinks

// Limits say how much a store takes at a time. More does not make it faster, and
// costs memory and connections.
type Limits struct {
	// Operations is the number of small operations under way at a time: reads of
	// entries, looks at files, files being published.
	Operations int
	// Bytes is how many bytes of files may be on their way into the store at a time.
	Bytes int64
}

// DefaultLimits suit a store that answers in milliseconds, such as a folder.
var DefaultLimits = Limits{Operations: 16, Bytes: 6 << 20}

// Limiter is a Store whose limits are not DefaultLimits.
type Limiter interface {
	// Limits returns the same limits each time.
	Limits() Limits
}

// LimitsOf returns the limits of a store: its own, or DefaultLimits.
func LimitsOf(s Store) Limits {
	if l, ok := s.(Limiter); ok {
		return l.Limits()
	}
	return DefaultLimits
}
