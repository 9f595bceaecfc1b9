package sinks

import (
	"path"
	"strings"
)

// ContentType returns the media type of an object, by its name. A compressed file is
// what it is: a Content-Encoding would make some readers decompress it on the way, and
// its checksum would no longer be the manifest's.
func ContentType(name string) string {
	for _, f := range Formats() {
		if strings.HasSuffix(name, "."+f.Name) {
			return f.ContentType
		}
	}
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".gz":
		return "application/gzip"
	case ".zst":
		return "application/zstd"
	}
	return "application/octet-stream"
}
