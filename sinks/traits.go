package sinks

// Traits are facts of a store that its clients rely on.
type Traits struct {
	// Operations is the number of small operations under way at a time: reads of
	// entries, looks at files, files being published. More does not make the store faster,
	// and costs memory and connections.
	Operations int
	// Bytes is how many bytes of files may be on their way into the store at a time.
	Bytes int64
	// ContentVersions says that a version may be the content's: the same bytes put again
	// may have the same Info.Version. There a condition that did not hold any more holds
	// again when the old bytes come back, also for a request that was under way all the
	// time. So whoever replaces or deletes an object must never put these bytes under that
	// name again. Without it each writing has a version of its own.
	ContentVersions bool
	// ListedVersions says that List sets Info.Version.
	ListedVersions bool
}

// FolderTraits suit a store that answers in milliseconds, such as a folder.
var FolderTraits = Traits{Operations: 16, Bytes: 6 << 20}
