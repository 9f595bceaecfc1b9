package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Entry.Batch is indented up to this many bytes and levels: the white space can be
// many times as long as the rest.
const (
	maxIndented      = 64 << 10
	maxIndentedDepth = 20
)

// marshal returns the entry as JSON that ends in a newline, indented for people.
func (e *Entry) marshal() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if len(e.Batch) <= maxIndented && schema.ScanNesting(e.Batch).Depth <= maxIndentedDepth {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode manifest entry: %w", err)
	}
	return buf.Bytes(), nil
}

// DecodeOptions are the options under which an entry is read: no unknown fields, and
// any JSON in Entry.Batch, which is as it came.
var DecodeOptions = jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true),
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// unmarshal reads the entry of a batch and checks all that the program will rely on.
func (m Manifest) unmarshal(id string, data []byte) (*Entry, error) {
	e := new(Entry)
	if err := jsonv2.Unmarshal(data, e, DecodeOptions); err != nil {
		return nil, whyUndecodable(data)
	}
	switch {
	case e.ManifestVersion != Version:
		return nil, unknownVersion(e.ManifestVersion)
	case e.BatchID != id:
		return nil, errors.New("is of another batch than its name says")
	case e.Kind != m.Table.Kind:
		return nil, fmt.Errorf("is of another kind than %s", m.Table.Kind)
	}
	switch e.State {
	case StatePending, StateOngoing, StateFailed:
	case StateExported:
		if e.Schema == nil || e.Source == nil || e.Rows == nil || len(e.Files) == 0 {
			return nil, errors.New("is exported, but lacks schema, source, rows or files")
		}
	default:
		return nil, errors.New("has an unknown state")
	}
	return e, e.checkPaths(RawPath(m.Table, id))
}

func unknownVersion(version int) error {
	return fmt.Errorf("has manifest_version %d, this program knows %d", version, Version)
}

// whyUndecodable says what is wrong with an entry that cannot be decoded.
func whyUndecodable(data []byte) error {
	var version struct {
		ManifestVersion int `json:"manifest_version"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&version); err != nil {
		return errors.New("is not valid JSON: it may have been cut off")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("goes on after its end")
	}
	if version.ManifestVersion != Version {
		return unknownVersion(version.ManifestVersion)
	}
	return errors.New("has fields that this program does not know, or of another type")
}

// checkPaths refuses paths outside of the data files, because the files that an entry
// names are read, replaced and deleted. raw is where the copy of the answer may be.
func (e *Entry) checkPaths(raw string) error {
	if _, odd := e.Files[RawFormat]; odd {
		return errors.New("names a file of an unknown format")
	}
	paths := slices.DeleteFunc(slices.Clone(e.Superseded), func(path string) bool { return path == raw })
	for _, files := range []map[string]File{e.Published(), e.Replacing} {
		for format, f := range files {
			_, known := sinks.FormatByName(format)
			switch {
			case format == RawFormat && f.Path != raw:
				return errors.New("names a copy of the answer where none can be")
			case format != RawFormat && !known:
				return errors.New("names a file of an unknown format")
			case known:
				paths = append(paths, f.Path)
			}
		}
	}
	for _, p := range paths {
		if sinks.CheckName(p) != nil || strings.HasPrefix(p, "_") || strings.Contains(p, "/_") {
			return errors.New("names a file where none of its kind can be")
		}
	}
	return nil
}
