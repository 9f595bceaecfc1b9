package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
)

func (p *program) filesCommand() command {
	return command{
		name:        "files",
		topic:       topicLook,
		usage:       "list the published files, for other programs",
		args:        "[BATCH_ID ...]",
		description: "It prints an absolute path or a URL a line, and reads no file. Without ids: the files of all exported batches. A packed file is listed once.",
		examples: []example{
			{"count the rows of all files", "enrow-export files --to out --format csv --print0 | xargs -0 wc -l"},
			{"the files that were exported in the last 24 hours", "enrow-export files --to gs://bucket/enrow --since 24h"},
		},
		page: "warehouses.md",
		exits: exitCodes(
			exit{"0", "every file is listed"},
			rootExit,
			exit{"3", "some batches are not exported, or cannot be read"},
			unreadExit,
		),
		groups: []flagGroup{
			{"Where the files are", toFlags()},
			{"Which files", []*flagDef{
				kindsFlag(), idsFileFlag(),
				formatsFlag().or("all").own("files"),
				sinceFlag(),
			}},
			{"Output", []*flagDef{
				textFlag("root-url", "URL", "", "URL or path printed in place of --to"),
				boolFlag("relative", "print paths relative to --to"),
				boolFlag("print0", "end each path with a null character"),
				outputFlag(),
			}},
			storeGroup(reads),
		},
		action: p.files,
	}
}

// fileLine is a line about one file in the JSON form of files.
type fileLine struct {
	Type        string `json:"type"` // "file"
	URL         string `json:"url"`
	Path        string `json:"path"`
	Table       string `json:"table"`
	Kind        string `json:"kind"`
	Format      string `json:"format"`
	Compression string `json:"compression"`
	Bytes       int64  `json:"bytes"`
	Rows        int64  `json:"rows"` // of the file
	SHA256      string `json:"sha256"`
	CRC32C      string `json:"crc32c"`
	// BatchID is the batch that the file is of, empty when compact has made it.
	BatchID string `json:"batch_id,omitempty"`
}

func (p *program) files(c *cli.Context) error {
	p.isResult()
	ui := p.newUI(c)
	formats := splitLists(given(c, "format"))
	since := since(c)
	switch {
	case c.Bool("relative") && c.String("root-url") != "":
		return usagef("", "--relative and --root-url do not go together")
	case c.Bool("print0") && ui.json:
		return usagef("", "--print0 does not go with --output json")
	}
	batches, err := p.selection(c, summaries)
	if err != nil {
		return err
	}
	defer closeStore(batches.store)
	base, err := filesRoot(c)
	if err != nil {
		return err
	}
	if ui.json {
		flag := "--to"
		if c.String("root-url") != "" {
			flag = "--root-url"
		}
		if err := checkUTF8("JSON", flag, base); err != nil {
			return err
		}
	}
	end := "\n"
	if c.Bool("print0") {
		end = "\x00"
	}
	seen := make(map[string]bool) // packed files
	refused := 0
	for k, err := range batches.each {
		switch {
		case err != nil:
			return err
		case k.Entry == nil || k.Entry.State != manifest.StateExported:
			if batches.given >= 0 || k.Err != nil {
				refused++
				p.noFiles(k)
			}
			continue
		case k.Entry.UpdatedAt.Before(since):
			continue
		}
		for _, l := range filesOf(k, base) {
			if formats != nil && !slices.Contains(formats, l.Format) || seen[l.Path] {
				continue
			}
			seen[l.Path] = l.BatchID == ""
			if ui.json {
				ui.line(l, "")
			} else {
				fmt.Fprint(p.stdout, l.URL+end)
			}
		}
	}
	return joinOutcome(nil, refused, 0)
}

// filesOf returns the lines of a batch's files, by format. base stands before each
// path.
func filesOf(k manifest.Known, base string) (lines []fileLine) {
	for _, format := range slices.Sorted(maps.Keys(k.Entry.Files)) {
		f := k.Entry.Files[format]
		l := fileLine{
			"file", base + f.Path, f.Path, k.Table.Name, k.Table.Kind, format, f.Compression, f.Bytes, f.Rows, f.SHA256, f.CRC32C, k.BatchID,
		}
		if f.Shared() {
			l.Rows, l.BatchID = f.FileRows, ""
		}
		lines = append(lines, l)
	}
	return lines
}

// filesRoot returns what is to stand before the paths of files.
func filesRoot(c *cli.Context) (string, error) {
	if c.Bool("relative") {
		return "", nil
	}
	base := c.String("root-url")
	if base == "" {
		to, err := rootOf(c, "to")
		if err != nil {
			return "", err
		}
		if base, err = to.location(); err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(base, "/") + "/", nil
}
