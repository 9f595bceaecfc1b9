package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// programName is what the program is called.
const programName = "enrow-export"

// The program's version, and the commit that it was built from and its time. The linker sets
// them; commit and date are read from what the Go command recorded otherwise.
var (
	version = "0.1.0"
	commit  = ""
	date    = ""
)

func (p *program) versionCommand() command {
	return command{
		name:  "version",
		topic: topicLearn,
		usage: "print the version, and the versions of the tables",
		examples: []example{
			{"for a person", "enrow-export version"},
			{"for a program", "enrow-export version --output json"},
		},
		exits:  []exit{{"0", "the version is printed"}, {"1", "stdout cannot be written to"}, usageExit},
		groups: []flagGroup{{"Output", []*flagDef{outputFlag().own("version")}}},
		action: p.version,
	}
}

// versionLine is the JSON form of version.
type versionLine struct {
	Type    string `json:"type"` // "version"
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// Date is the time of the commit, in RFC 3339; empty when it is not known.
	Date     string         `json:"date"`
	Go       string         `json:"go"`
	Platform string         `json:"platform"`
	Manifest int            `json:"manifest_version"`
	Tables   map[string]int `json:"table_versions"`
}

func (p *program) version(c *cli.Context) error {
	built := build()
	if c.String("output") != "json" {
		return p.printVersion()
	}
	l := versionLine{
		Type: "version", Version: version, Commit: built.commit, Date: built.date, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Manifest: manifest.Version, Tables: make(map[string]int),
	}
	for _, t := range schema.AllTables() {
		l.Tables[t.Name] = t.Version
	}
	return json.NewEncoder(p.stdout).Encode(l)
}

// printVersion prints the version for a person, on one line.
func (p *program) printVersion() error {
	built := build()
	fmt.Fprintf(p.stdout, "enrow-export %s (commit %s of %s, %s, %s/%s)\n",
		version, built.commit, cmp.Or(built.date, "an unknown date"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// buildOrigin is what a program was built from.
type buildOrigin struct{ commit, date string }

func build() buildOrigin {
	b := buildOrigin{commit, date}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.commit = cmp.Or(b.commit, s.Value)
			case "vcs.time":
				b.date = cmp.Or(b.date, s.Value)
			}
		}
	}
	b.commit = cmp.Or(b.commit, "unknown")
	return b
}
