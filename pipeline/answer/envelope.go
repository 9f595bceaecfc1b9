package answer

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// envelopeKeys are the keys that an answer is known to have beside its results.
// A nil map has keys that are not looked into.
type envelopeKeys map[string]envelopeKeys

func knownEnvelope(table *schema.Table) envelopeKeys {
	return envelopeKeys{
		"general": {"id": nil, "status": nil, "custom": nil},
		"stats": {
			"requested": nil, "finished": nil, table.Found: nil, "credits_to_refund": nil,
			"credits_cost": {"initial": nil, "refunded": nil, "final": nil},
		},
	}
}

// unknownInEnvelope counts the keys of an envelope that are not known. They are
// kept all the same, in the manifest.
func unknownInEnvelope(table *schema.Table, envelope jsontext.Value, into *schema.Leftovers) {
	var walk func(object jsontext.Value, path []byte, known envelopeKeys)
	walk = func(object jsontext.Value, path []byte, known envelopeKeys) {
		for key, value := range schema.Members(object) {
			shown := schema.AppendShownKey(slices.Clip(path), key)
			below, ok := known[string(key)]
			switch {
			case !ok:
				into.Add(schema.Leftover{Path: string(shown), Reason: schema.Unknown, Count: 1})
			case below != nil:
				walk(value, append(shown, '.'), below)
			}
		}
	}
	walk(envelope, nil, knownEnvelope(table))
}
