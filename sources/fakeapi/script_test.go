package fakeapi_test

import (
	"fmt"
	"strings"
	"testing"

	"enrow-export/sources/fakeapi"
)

func TestParseScriptRepeats(t *testing.T) {
	tests := []struct {
		script string
		want   string // the statuses of five answers
	}{
		{"ok", "[200 200 200 200 200]"},
		{"503x2,ok", "[503 503 200 200 200]"},
		{" 503 , 429x1 ,ok,500 ", "[503 429 200 500 200]"},
		{"okx2,402:reasonx2", "[200 200 402 402 200]"},
		{"429:old;retry-after=1x3", "[429 429 429 200 200]"},
		{"503;retry-after=Mon, 23 Nov 2026 10:00:00 GMTx2,429", "[503 503 429 200 200]"},
		{"redirect:http://h.test/x2", "[302 302 200 200 200]"},
		{"500x10000", "[500 500 500 500 500]"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			api.Add(fakeapi.Sample())
			api.Script("", parse(t, tt.script)...)
			c := serve(t, api)
			var got []int
			for range 5 {
				got = append(got, c.get(fakeapi.Sample().ID).status)
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("answers are %v, want %s", got, tt.want)
			}
		})
	}
}

func TestParseScriptErrors(t *testing.T) {
	tests := []struct{ script, want string }{
		{"", `step 1, "": step is empty`},
		{"ok,,ok", `step 2, "": step is empty`},
		{"x2", `step 1, "x2": step is empty`},
		{"ok, nonsense", `step 2, "nonsense": no such step`},
		{"ok:1", `step 1, "ok:1": no such step`},
		{"200", `step 1, "200": no such step`},
		{"399", `step 1, "399": no such step`},
		{"600", `step 1, "600": no such step`},
		{"503x0", `step 1, "503x0": a step is repeated 1 to 10000 times`},
		{"503x10001", `step 1, "503x10001": a step is repeated 1 to 10000 times`},
		{"503x99999999999999999999", `step 1, "503x99999999999999999999": a step is repeated 1 to 10000 times`},
		{"500:", `step 1, "500:": variant is empty`},
		{"500:reason", `step 1, "500:reason": status 500 has no such variant`},
		{"404:missing", `step 1, "404:missing": status 404 has no such variant`},
		{"401:verification", `step 1, "401:verification": status 401 has no such variant`},
		{"500:html=1", `step 1, "500:html=1": status 500 has no such variant`},
		{"503:old", `step 1, "503:old": status 503 has no such variant`},
		{"429:old=", `step 1, "429:old=": old= takes a number of seconds`},
		{"429;", `step 1, "429;": behind the ; goes retry-after=VALUE`},
		{"429;retry-after=", `step 1, "429;retry-after=": behind the ; goes retry-after=VALUE`},
		{"429;after=1", `step 1, "429;after=1": behind the ; goes retry-after=VALUE`},
		{"429;retry-after=1\n2", `step 1, "429;retry-after=1\n2": behind the ; goes retry-after=VALUE`},
		{"ok;retry-after=1", `step 1, "ok;retry-after=1": no such step`},
		{"ongoing:500", `step 1, "ongoing:500": the status of ongoing is 200 or 202`},
		{"truncate", `step 1, "truncate": not a number of bytes`},
		{"truncate:-1", `step 1, "truncate:-1": not a number of bytes`},
		{"cut:many", `step 1, "cut:many": not a number of bytes`},
		{"redirect:", `step 1, "redirect:": not a URL to redirect to`},
		{"redirect:http://h\x7f", `step 1, "redirect:http://h\x7f": not a URL to redirect to`},
	}
	for _, tt := range tests {
		steps, err := fakeapi.ParseScript(tt.script)
		if err == nil || err.Error() != tt.want || steps != nil {
			t.Errorf("ParseScript(%q) = %d steps, %v; want %s", tt.script, len(steps), err, strings.TrimSpace(tt.want))
		}
	}
}
