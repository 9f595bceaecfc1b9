package schema

import (
	"strings"
	"testing"
)

func TestScanNesting(t *testing.T) {
	long := strings.Repeat("x", 200)
	for body, want := range map[string]Nesting{
		"":                                  {},
		" ":                                 {},
		"<html>{":                           {Closed: true},
		"{}":                                {1, true},
		"[[{}]]":                            {3, true},
		`{"a":[{},{"b":[1]}],"c":[[[[]]]]}`: {5, true},
		`{"a":"[[[["}`:                      {1, true},
		`{"a":"` + long + `[[[["}`:          {1, true},
		`{"a":"` + long:                     {Depth: 1},
		`{"a":"\\`:                          {Depth: 1},
		`{\"}"}`:                            {1, true}, // a backslash escapes within strings alone
		`{}]]}[[`:                           {1, true},
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000): {5000, true},
		strings.Repeat(`{"[":`, 999) + `{`:                    {Depth: 1000},
	} {
		if got := ScanNesting([]byte(body)); got != want {
			t.Errorf("%.40q: %+v, want %+v", body, got, want)
		}
	}
}
