package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNearest(t *testing.T) {
	known := commandNames((&program{}).commands())
	for name, want := range map[string]string{
		"exprot": "export", "exporr": "export", "EXPORT": "export", "verfy": "verify", "verison": "version", "stat": "status",
		"load_sql": "load-sql", "loadsql": "load-sql", "load": "load-sql", "compct": "compact", "comp": "",
		"physician": "", "run": "", "ls": "", "sync": "", "init": "", "fetch": "", "download": "", "x": "", "": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Variables set flags that were not given themselves, by the canonical form of their
// values.
func TestFromEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"ENROW_EXPORT_TO": "env", "ENROW_EXPORT_FORMAT": "CSV,jsonl", "ENROW_EXPORT_KIND": "PHONE_FIND", "ENROW_EXPORT_QUIET": "TRUE",
		"ENROW_EXPORT_OUTPUT": "", "ENROW_API_URL": "https://first.example", "ENROW_EXPORT_API_URL": "https://second.example",
	} {
		t.Setenv(name, value)
	}
	got, err := arranged("export", "--to", "flag", "a")
	want := "export --kind=phone-find --format=csv,ndjson --api-url=https://first.example --quiet=true --to=flag -- a"
	if err != nil || !sameWords(got, want) {
		t.Errorf("%q, error %v, want %q", got, err, want)
	}
	for name, want := range map[string]string{
		"ENROW_EXPORT_WAIT_TIMEOUT": `ENROW_EXPORT_WAIT_TIMEOUT: "yes" is not a duration with a unit`,
		"ENROW_EXPORT_PENDING":      `ENROW_EXPORT_PENDING: "yes" is neither true nor false`,
		"ENROW_EXPORT_CONCURRENCY":  `ENROW_EXPORT_CONCURRENCY: "yes" is not a whole number`,
		"ENROW_EXPORT_MAX_BODY":     `ENROW_EXPORT_MAX_BODY: "yes" is not a size in that range`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "yes")
			if _, err := arranged("export", "a"); err == nil || err.Error() != want || exitCode(err) != exitUsage {
				t.Errorf("error %v, want %s", err, want)
			}
			if _, err := arranged("export", "--help"); err != nil {
				t.Errorf("help: %v", err)
			}
		})
	}
}

// sameWords compares two lines without regard to the order of words.
func sameWords(a, b string) bool {
	count := make(map[string]int)
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestUnknownVariables(t *testing.T) {
	got := unknownVariables((&program{}).commands(), []string{
		"PATH=/bin", "ENROW_API_KEY=x", "ENROW_EXPORT_TO=out", "ENROW_EXPORT_SHARDS=3", "ENROW_EXPORT_BATCHES_FORMAT=csv",
		"ENROW_EXPORT_FORMATS=csv", "ENROW_EXPORT_API_KEY=secret", "ENROW_EXPORT_HOLIDAY=1",
	})
	want := []string{
		"ENROW_EXPORT_API_KEY sets nothing: no flag has this variable; the key comes from ENROW_API_KEY",
		"ENROW_EXPORT_FORMATS sets nothing: no flag has this variable; did you mean ENROW_EXPORT_FORMAT?",
		"ENROW_EXPORT_HOLIDAY sets nothing: no flag has this variable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
