package webhook

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// Notice says that Enrow has finished a batch. It comes from outside: the batch may be
// one that nobody knows. Notices are comparable.
type Notice struct {
	Table   *schema.Table // one of schema.Tables
	BatchID string        // passes schema.ValidBatchID
}

// singleEvents end a search that was made alone, of which there is no batch to export.
var singleEvents = []string{"single_search_finished", "verification_finished", "single_phone_search_finished"}

// parse reads the body of a notice. The result says which sort of notice it is: Recorded if
// it is one of a batch that is to be recorded. An error has nothing of the body.
func parse(body []byte) (Notice, Result, error) {
	said, err := membersOf(body)
	if err != nil {
		return Notice{}, Refused, errors.New("body is not one JSON object")
	}
	event, ok := text(said["event"])
	if !ok {
		return Notice{}, Refused, errors.New("body has no event, or it is no text")
	}
	if slices.Contains(singleEvents, event) {
		return Notice{}, Single, nil
	}
	for _, table := range schema.Tables() {
		if table.Event != event {
			continue
		}
		id, ok := text(said["id"])
		if !ok || !schema.ValidBatchID(id) {
			return Notice{}, Refused, errors.New("body has no valid id")
		}
		return Notice{table, id}, Recorded, nil
	}
	return Notice{}, Unknown, nil
}

// membersOf returns the values of each key of an object. Values beside the event and the id
// may be as they are: a name that is no valid Unicode must not cost the notice.
func membersOf(body []byte) (map[string][]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, cmp.Or(err, errNoObject)
	}
	members := make(map[string][]jsontext.Value)
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := key.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		members[name] = append(members[name], value.Clone())
	}
	if _, err := d.ReadToken(); err != nil { // the end of the object
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, cmp.Or(err, errNoObject)
	}
	return members, nil
}

var errNoObject = errors.New("not one object")

// text returns a value that was given once and is a string that is not empty.
func text(values []jsontext.Value) (text string, ok bool) {
	if len(values) != 1 || values[0].Kind() != '"' || jsonv2.Unmarshal(values[0], &text) != nil {
		return "", false
	}
	return text, text != ""
}
