package schema

import "strings"

// MaxBatchID is the length of the longest batch id, in bytes.
const MaxBatchID = 128

// ValidBatchID reports whether id can be a batch id: letters, digits, "-" and
// "_", at most MaxBatchID of them, the first a letter or digit. Ids are not always
// UUIDs: the samples in Enrow's reference hold letters beyond f. An id becomes the
// name of a file, so no other character is let through. The name of the column of ids is no
// id: it is a header, or a placeholder of an example that was not replaced.
func ValidBatchID(id string) bool {
	if id == "" || len(id) > MaxBatchID || id[0] == '-' || id[0] == '_' {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return !NamesBatchID(id)
}

// NamesBatchID reports whether name is a spelling of batch_id or id, the names of a column of
// batch ids.
func NamesBatchID(name string) bool {
	bare := BareName(name)
	return bare == "batchid" || bare == "id"
}

// spelling is what the spellings of a column's name differ in.
var spelling = strings.NewReplacer(" ", "", "_", "", "-", "", ".", "")

// BareName returns the name of a column as names are compared that people have written.
func BareName(name string) string { return spelling.Replace(strings.ToLower(name)) }

// DistinctIDs returns ids without repeats, in their order: ids itself when there is
// no repeat, else another slice.
func DistinctIDs(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	var out []string // nil up to the first repeat
	for i, id := range ids {
		_, repeated := seen[id]
		seen[id] = struct{}{}
		switch {
		case repeated && out == nil:
			out = append(make([]string, 0, len(ids)-1), ids[:i]...)
		case !repeated && out != nil:
			out = append(out, id)
		}
	}
	if out == nil {
		return ids
	}
	return out
}
