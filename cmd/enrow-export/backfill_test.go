package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"enrow-export/schema"
	"enrow-export/schema/dialect"
	"enrow-export/sinks/gcs/gcstest"
	"enrow-export/sinks/s3/s3test"
	"enrow-export/sources/fakeapi"
)

const backfillPage = "../../docs/backfill.md"

// commandsOf returns the lines of a page that are typed at a terminal.
func commandsOf(t *testing.T, page string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
			commands = append(commands, command)
		}
	}
	return commands
}

// The commands of the page are typed one after the other, in one directory.
func TestBackfillPageRuns(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	finds, phones := []string{"gen-1", "gen-2", "gen-3"}, []string{"phone-1"}
	all := "batch_id,kind\n"
	for i, id := range finds {
		api.Add(fakeapi.Generate(id, 5, uint64(i)))
		all += id + ",email-find\n"
	}
	for _, id := range phones {
		api.Add(fakeapi.GenerateKind(schema.PhoneFind.Kind, id, 5, 1))
		all += id + ",phone-find\n"
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	dir := t.TempDir()
	for name, list := range map[string]string{
		"ids.csv": "batch_id;campaign\r\n" + strings.Join(finds, ";spring\r\n") + ";autumn\r\n",
		"all.csv": all,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(list), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	list, err := os.ReadFile(filepath.Join(dir, "ids.csv"))
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := gcstest.New("bucket")
	if err != nil {
		t.Fatal(err)
	}
	cloud.Add("bucket", "lists/ids.csv", list)
	emulator := httptest.NewServer(cloud)
	t.Cleanup(emulator.Close)
	amazon := s3test.New(s3test.Options{Region: "eu-west-3"}, "bucket", "lists")
	t.Cleanup(amazon.Close)
	amazon.Store("lists", "ids.csv", list)
	s3test.Environment(t)
	commands := commandsOf(t, backfillPage)
	if len(commands) < 10 {
		t.Fatalf("%d commands on the page", len(commands))
	}
	for _, command := range commands {
		shell := exec.CommandContext(t.Context(), "sh", "-c", command)
		shell.Dir = dir
		shell.Env = append(os.Environ(), "HOME="+dir, "ENROW_API_KEY="+testKey, "ENROW_API_URL="+server.URL,
			"STORAGE_EMULATOR_HOST="+emulator.URL, "ENROW_EXPORT_S3_ENDPOINT="+amazon.URL())
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	for _, id := range append(finds, phones...) {
		if n := api.Requests(id); n > 3 { // into three destinations
			t.Errorf("%d requests for %s", n, id)
		}
	}
}

// The table of formats says what the dialects read.
func TestBackfillPageHasTheFormats(t *testing.T) {
	page, err := os.ReadFile(backfillPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dialect.Names() {
		d, _ := dialect.ByName(name)
		i := slices.IndexFunc(strings.Split(string(page), "\n"), func(line string) bool {
			return strings.Contains(line, fmt.Sprintf("| `%s` |", d.Name))
		})
		if i < 0 {
			t.Errorf("the page has no row of %s", d.Name)
			continue
		}
		row, _, _ := strings.Cut(strings.Split(strings.Split(string(page), "\n")[i], "|")[3], ":")
		var formats []string
		for i, part := range strings.Split(row, "`") {
			if i%2 == 1 {
				formats = append(formats, part)
			}
		}
		if !slices.Equal(formats, d.Formats) {
			t.Errorf("the page has %q for %s, which loads %q", formats, d.Name, d.Formats)
		}
	}
}
