package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestValidBatchID(t *testing.T) {
	for _, id := range []string{"3d4cb64e-i64d-41e8-a686-736751004a32", "910f3e13-b2bf-442d-ab0b-4cf44dfrij84fjrt", "0", "A_b-", strings.Repeat("x", 128)} {
		if !ValidBatchID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "-a", "_a", ".a", "a b", "a/b", "../x", "a.b", "BATCH_ID", "id", "batch-id", "ä", "a\n", "a\x00", strings.Repeat("x", 129), strings.Repeat("x", 300)} {
		if ValidBatchID(id) {
			t.Errorf("%q is accepted", id)
		}
	}
}

func TestDistinctIDs(t *testing.T) {
	for _, test := range []struct{ ids, want []string }{
		{nil, nil},
		{[]string{"a"}, []string{"a"}},
		{[]string{"b", "a", "b"}, []string{"b", "a"}},
		{[]string{"a", "a", "a", "b", "a"}, []string{"a", "b"}},
	} {
		before := slices.Clone(test.ids)
		if got := DistinctIDs(test.ids); !slices.Equal(got, test.want) || !slices.Equal(before, test.ids) {
			t.Errorf("%q: %q, want %q; the argument is %q now", before, got, test.want, test.ids)
		}
	}
}

// What a string column takes of a value, by its type.
func TestTypeText(t *testing.T) {
	for value, want := range map[string][3]string{ // String, Text, Decimal; "-" for a misfit
		`"a\u00e9"`: {"aé", "aé", "-"}, `""`: {"", "", "-"}, `1.50`: {"-", "1.50", "1.50"}, `-0`: {"-", "-0", "-0"},
		`true`: {"-", "true", "-"}, `null`: {"-", "-", "-"}, ``: {"-", "-", "-"}, `{ "b": [1, 2] }`: {"-", `{"b":[1,2]}`, "-"},
		`"\ud800"`: {"-", "-", "-"},
	} {
		for i, typ := range []Type{String, Text, Decimal} {
			got, ok := typ.Text(jsontext.Value(value))
			if !ok {
				got = "-"
			}
			if got != want[i] {
				t.Errorf("%s as type %d: %q, want %q", value, typ, got, want[i])
			}
		}
	}
}
