package manifest

import (
	"path"
	"strings"
	"testing"

	"enrow-export/schema"
)

func TestParseLayout(t *testing.T) {
	good := map[string]string{ // template: path of batch "B1", csv.gz; common prefix
		DefaultLayout:                    "email_find/B1.csv.gz email_find/",
		"{batch_id}-{table}.{ext}":       "B1-email_find.csv.gz ",
		"a b/{ext}/{table}/{batch_id}":   "a b/csv.gz/email_find/B1 a b/",
		"x/{table}/b={batch_id}/f.{ext}": "x/email_find/b=B1/f.csv.gz x/email_find/b=",
	}
	for template, want := range good {
		l, err := ParseLayout(template)
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		if got := l.Path(&schema.EmailFind, "B1", "csv.gz") + " " + l.Prefix(&schema.EmailFind); got != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
	for _, template := range []string{
		"", "{table}/{batch_id}", "{table}.{ext}", "{batch_id}.{ext}", "/{table}/{batch_id}.{ext}", "{table}//{batch_id}.{ext}",
		"{table}/{batch_id}.{ext}/", "../{table}/{batch_id}.{ext}", "{table}/../{batch_id}.{ext}", "./{table}/{batch_id}.{ext}",
		"_x/{table}/{batch_id}.{ext}", "{table}/_{batch_id}.{ext}", "{table}/.{batch_id}.{ext}", "{table}/{batch_id}.{ext}{date}",
		"{table}/{batch_id}.{ext}{", "}{table}/{batch_id}.{ext}", `{table}\{batch_id}.{ext}`, "{table}/{batch_id}.{ext}\n", "\xe9/{table}/{batch_id}.{ext}", "{{table}}/{batch_id}.{ext}",
	} {
		if l, err := ParseLayout(template); err == nil {
			t.Errorf("%q is accepted: %s", template, l.Path(&schema.EmailFind, "B1", "csv"))
		}
	}
}

// FuzzLayout: whatever template is accepted, paths stay below the root, out of
// the manifest's folder, and apart from one another.
func FuzzLayout(f *testing.F) {
	f.Add(DefaultLayout, "a", "b")
	f.Add("{batch_id}{ext}{table}", "a", "ac")
	f.Add("x/{ext}/{table}/{batch_id}/y", "A", "a")
	f.Fuzz(func(t *testing.T, template, a, b string) {
		l, err := ParseLayout(template)
		if err != nil || !schema.ValidBatchID(a) || !schema.ValidBatchID(b) {
			return
		}
		seen := make(map[string]string)
		for _, id := range []string{a, b} {
			for _, ext := range []string{"parquet", "csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz"} {
				p := l.Path(&schema.EmailFind, id, ext)
				if p != path.Clean(p) || path.IsAbs(p) || strings.HasPrefix(p, "..") || strings.HasPrefix(p, "_") || strings.Contains(p, "/_") || strings.Contains(p, "/.") {
					t.Errorf("template %q gives the path %q", template, p)
				}
				if !strings.HasPrefix(p, l.Prefix(&schema.EmailFind)) {
					t.Errorf("path %q does not begin with the prefix %q", p, l.Prefix(&schema.EmailFind))
				}
				if who, taken := seen[p]; taken && who != id+" "+ext {
					t.Errorf("template %q gives %q to %s and to %s %s", template, p, who, id, ext)
				}
				seen[p] = id + " " + ext
			}
		}
	})
}

func TestParseRaw(t *testing.T) {
	for path, want := range map[string]string{
		RawPath(&schema.PhoneFind, "b-1"): "b-1", "_raw/phone_find/.json.zst": "", "_raw/phone_find/a/b.json.zst": "",
		"_raw/email_find/b.json.zst": "", "_raw/phone_find/b.json": "", "b.json.zst": "", "_raw/phone_find/a b.json.zst": "",
	} {
		if id, ok := ParseRaw(&schema.PhoneFind, path); ok != (want != "") || ok && id != want {
			t.Errorf("%s: batch %q, %t; want %q", path, id, ok, want)
		}
	}
}
