package webhook

import (
	"errors"
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
	var said struct {
		Event string         `json:"event"`
		ID    jsontext.Value `json:"id"`
	}
	if err := jsonv2.Unmarshal(body, &said); err != nil {
		return Notice{}, Refused, errors.New("body is not one JSON object with a string as its event")
	}
	if said.Event == "" {
		return Notice{}, Refused, errors.New("body has no event")
	}
	if slices.Contains(singleEvents, said.Event) {
		return Notice{}, Single, nil
	}
	for _, table := range schema.Tables() {
		if table.Event != said.Event {
			continue
		}
		var id string
		if said.ID.Kind() != '"' || jsonv2.Unmarshal(said.ID, &id) != nil || !schema.ValidBatchID(id) {
			return Notice{}, Refused, errors.New("body has no valid id")
		}
		return Notice{table, id}, Recorded, nil
	}
	return Notice{}, Unknown, nil
}
