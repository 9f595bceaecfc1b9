package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
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
	if e.ManifestVersion == Version && e.BatchID != id {
		return nil, errors.New("belongs to another batch than its name")
	}
	if err := m.Check(e); err != nil {
		return nil, err
	}
	return e, nil
}

func unknownVersion(version int) error {
	return fmt.Errorf("has manifest_version %d, but this program reads version %d", version, Version)
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
		return errors.New("continues after its end")
	}
	if version.ManifestVersion != Version {
		return unknownVersion(version.ManifestVersion)
	}
	return errors.New("has fields that this program does not know, or of another type")
}
