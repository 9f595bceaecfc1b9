package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// DefaultLayout is where the files of a batch go unless the user says otherwise.
const DefaultLayout = "{table}/{batch_id}.{ext}"

// Layout is a template of data paths below the root. It is a pure function of
// the batch and the format, so that every run finds the same file again.
type Layout struct{ template string }

var layoutField = regexp.MustCompile(`\{[^{}]*\}`)

// ParseLayout checks a template. The fields {table}, {batch_id} and {ext} must
// all occur: without them two files would share a path. No segment may begin
// with "_" or "." (loaders skip those, and the manifest is kept there), and no
// path may leave the root.
func ParseLayout(template string) (Layout, error) {
	fields := layoutField.FindAllString(template, -1)
	for _, f := range fields {
		switch f {
		case "{table}", "{batch_id}", "{ext}":
		default:
			return Layout{}, fmt.Errorf("layout %q: unknown field %s: fields are {table}, {batch_id} and {ext}", template, f)
		}
	}
	for _, f := range []string{"{table}", "{batch_id}", "{ext}"} {
		if !strings.Contains(template, f) {
			return Layout{}, fmt.Errorf("layout %q: %s must occur", template, f)
		}
	}
	if strings.ContainsAny(layoutField.ReplaceAllString(template, ""), "{}") {
		return Layout{}, fmt.Errorf("layout %q: unpaired brace", template)
	}
	for segment := range strings.SplitSeq(template, "/") {
		if strings.HasPrefix(segment, "_") || strings.HasPrefix(segment, ".") {
			return Layout{}, fmt.Errorf("layout %q: no segment may begin with %q", template, segment[:1])
		}
	}
	l := Layout{template}
	if last := template[strings.LastIndexByte(template, '/')+1:]; strings.Contains(last, "~") {
		return Layout{}, fmt.Errorf("layout %q: the last segment may not contain ~, which marks the generation of a file", template)
	}
	switch { // an entry could not name the file
	case !utf8.ValidString(template):
		return Layout{}, fmt.Errorf("layout %q: is not UTF-8", template)
	case !schema.Printable(template):
		return Layout{}, fmt.Errorf("layout %q: it has a character that controls the terminal or the direction of writing", template)
	}
	if err := sinks.CheckName(l.Path(schema.Tables()[0], "id", sinks.Formats()[0].Name)); err != nil {
		return Layout{}, fmt.Errorf("layout %q: %w", template, errors.New("paths must be relative, with no empty segment, backslash or control character"))
	}
	return l, nil
}

// Path returns the path of a batch's file, relative to the root.
func (l Layout) Path(table *schema.Table, batchID, ext string) string {
	path := strings.ReplaceAll(l.template, "{table}", table.Name) // a Replacer would have to be built each time
	path = strings.ReplaceAll(path, "{ext}", ext)
	return strings.ReplaceAll(path, "{batch_id}", batchID)
}

// Prefix returns what the paths of all batches of the table begin with.
func (l Layout) Prefix(table *schema.Table) string {
	expanded := strings.ReplaceAll(l.template, "{table}", table.Name)
	before, _, _ := strings.Cut(expanded, "{")
	return before
}

// Prefixes returns what the names of all data files and copies of answers of the tables
// begin with, so that each is listed once: a layout may have the files of all tables in
// one folder.
func (l Layout) Prefixes(tables []*schema.Table) []string {
	var layouts, raws []string
	for _, table := range tables {
		layouts, raws = append(layouts, l.Prefix(table)), append(raws, RawPrefix(table))
	}
	slices.Sort(layouts)
	kept := layouts[:0]
	for _, prefix := range layouts {
		if len(kept) == 0 || !strings.HasPrefix(prefix, kept[len(kept)-1]) {
			kept = append(kept, prefix)
		}
	}
	return append(kept, raws...)
}

// Parse is the inverse of Path: the batch that a path of the table's files is for,
// and the encodings that the file may have. There are none when the layout gives no
// such path. Only generation 0 is a path of a layout.
func (l Layout) Parse(table *schema.Table, path string) (batchID string, encodings []sinks.Encoding) {
	for _, format := range sinks.Formats() {
		for _, compression := range format.Compressions {
			enc := sinks.Encoding{Format: format, Compression: compression}
			// The id is as often in the path as the layout has it: its length tells it.
			parts := strings.Split(l.Path(table, "\x00", enc.Ext()), "\x00")
			length := (len(path) - len(strings.Join(parts, ""))) / max(len(parts)-1, 1)
			id := ""
			if start := len(parts[0]); length > 0 && strings.HasPrefix(path, parts[0]) {
				id = path[start:min(start+length, len(path))]
			}
			if schema.ValidBatchID(id) && l.Path(table, id, enc.Ext()) == path {
				batchID = id
				encodings = append(encodings, enc)
			}
		}
	}
	return batchID, encodings
}

// RawFormat stands for the copy of an answer where files are told apart by their
// formats.
const RawFormat = "raw"

// RawExt is the extension of a copy of an answer.
const RawExt = "json.zst"

const rawSuffix = "." + RawExt

// RawPrefix returns what the paths of all copies of answers of the table begin
// with, below the root.
func RawPrefix(table *schema.Table) string { return "_raw/" + table.Name + "/" }

// RawPath returns the path of the copy of a batch's answer, below the root.
func RawPath(table *schema.Table, batchID string) string {
	return RawPrefix(table) + batchID + rawSuffix
}

// ParseRaw is the inverse of RawPath: it returns the batch of the path of a copy, in any
// generation.
func ParseRaw(table *schema.Table, path string) (batchID string, ok bool) {
	name, below := strings.CutPrefix(basePath(path), RawPrefix(table))
	batchID, ok = strings.CutSuffix(name, rawSuffix)
	return batchID, below && ok && schema.ValidBatchID(batchID)
}
